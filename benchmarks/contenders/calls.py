"""A contender's handler in a warm process of its own: the parent's side of `worker.py`."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.contenders.lambda_process import peak_bytes
from benchmarks.contenders.programs import SERVER_CORE, Function, pinned

WORKER = Path(__file__).parent / "worker.py"


class Calls:
    """A running worker."""

    def __init__(self, function: Function, environ: Mapping[str, str]) -> None:
        command = pinned(SERVER_CORE, [function.interpreter, "-P", str(WORKER), function.handler])
        self.name = function.name
        self._process = subprocess.Popen(
            command,
            cwd=function.folder,
            env={"PATH": "/usr/bin:/bin", **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, *events: Mapping[str, Any], times: int = 1, profiled: Path | None = None) -> tuple[float, Any]:
        """Seconds a call, and the last call's answer; the events take turns. `profiled`: the file for cProfile.

        Raises:
            RuntimeError: the handler raised; its traceback is on the terminal.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the worker has no pipes")
        order = {"events": events, "times": times, "profiled": str(profiled) if profiled else None}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name}: the handler raised")
        done = json.loads(line)
        return done["seconds"] / times, done["answer"]

    def peak_bytes(self) -> int:
        """The process's peak memory so far."""
        return peak_bytes(self._process.pid)

    def __enter__(self) -> Self:
        """The process has been started by the constructor."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
