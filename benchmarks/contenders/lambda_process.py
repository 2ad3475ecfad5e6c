"""One execution environment: a runtime's process with a Runtime API of our own, timed from its start.

`awslambdaric` for Python, a few lines of JavaScript for Node. AWS's emulator (RIE) has the same interface, but adds
milliseconds of its own between the process and the clock.
"""

import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.contenders.programs import SERVER_CORE, Function, pinned

NEXT = "/2018-06-01/runtime/invocation/next"
ANSWER_SECONDS = 60


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the standard library has it
        """Ignore broken connections: a runtime that is killed while it waits for its next event breaks one."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@dataclass(frozen=True, slots=True)
class TimedAnswer:
    """A handler's answer, and when it arrived on the performance clock."""

    answer: Any
    at: float


class LambdaProcess:
    """A runtime's process, from its start until the block ends."""

    def __init__(self, function: Function, environ: Mapping[str, str]) -> None:
        self._function = function
        self._environ = environ
        self._events: queue.Queue[bytes] = queue.Queue()
        self._answers: queue.Queue[tuple[bytes, float]] = queue.Queue()
        self._server = _Server(("127.0.0.1", 0), _runtime_api(self._events, self._answers))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self.started = 0.0

    def __enter__(self) -> Self:
        """Start the process; its clock starts here."""
        self._thread.start()
        environ = {
            "PATH": "/usr/bin:/bin",
            **self._environ,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "LAMBDA_TASK_ROOT": str(self._function.folder),
            "AWS_LAMBDA_FUNCTION_NAME": self._function.name,
        }
        command = pinned(SERVER_CORE, self._function.command)
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            command, cwd=self._function.folder, env=environ, stdout=subprocess.DEVNULL, stderr=self._log
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process and the API."""
        self._process.kill()
        self._process.wait()
        self._log.close()
        self._server.shutdown()
        self._server.server_close()

    def invoke(self, event: Mapping[str, Any], seconds: float = ANSWER_SECONDS) -> TimedAnswer:
        """Call the handler once.

        Raises:
            RuntimeError: there was no answer in time, or it was an error.
        """
        self._events.put(json.dumps(event).encode())
        try:
            body, at = self._answers.get(timeout=seconds)
        except queue.Empty:
            raise RuntimeError(f"{self._function.name} did not answer: {self.stderr()[-2000:]}") from None
        answer = json.loads(body)
        if isinstance(answer, dict) and "errorMessage" in answer:
            raise RuntimeError(f"{self._function.name}: {answer}")
        return TimedAnswer(answer, at)

    def stderr(self) -> str:
        """Everything that the process has written to stderr."""
        self._log.seek(0)
        return self._log.read().decode()

    def peak_bytes(self) -> int:
        """The process's peak memory."""
        return peak_bytes(self._process.pid)

    def cpu_seconds(self) -> float:
        """The process's CPU time so far, in steps of ten milliseconds."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


def peak_bytes(process: int) -> int:
    """A process's peak memory: the kernel's high-water mark."""
    status = Path(f"/proc/{process}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _runtime_api(
    events: "queue.Queue[bytes]", answers: "queue.Queue[tuple[bytes, float]]"
) -> type[BaseHTTPRequestHandler]:
    class RuntimeApi(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body leave in one packet
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            event = events.get()
            deadline = int((time.time() + ANSWER_SECONDS) * 1000)
            headers = {
                "Lambda-Runtime-Aws-Request-Id": "00000000-0000-0000-0000-000000000000",
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:123456789012:function:bench",
            }
            self._send(200, event, headers)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            answers.put((body, time.perf_counter()))
            self._send(202, b"{}", {})

        def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    return RuntimeApi
