"""Lambda's own Python runtime around a built artifact: `awslambdaric` behind AWS's runtime interface emulator (RIE).

The interpreter is that of an environment which holds the runtime client and boto3, as Lambda's does, and nothing else:
what the artifact forgot to bring is missing here too. The RIE is the binary that aws-sam-cli carries.
"""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.artifact import ROOT, host_architecture
from deploy.emulator import free_port, stop

PYTHON = ROOT / ".tools" / "ric" / "bin" / "python"
EMULATORS = ROOT / ".tools" / "sam" / "lib" / "python3.13" / "site-packages" / "samcli" / "local" / "rapid"
INVOKE = "2015-03-31/functions/function/invocations"
START_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Runtime:
    """A running execution environment: one process, one call at a time."""

    url: str

    def invoke(self, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever the handler returns
        """Call the handler; the first call starts it.

        Raises:
            RuntimeError: the handler raised, or the process ended.
        """
        request = urllib.request.Request(f"{self.url}/{INVOKE}", json.dumps(event).encode())  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - loopback
            answer = json.load(response)
        if isinstance(answer, dict) and "errorMessage" in answer:
            raise RuntimeError(f"{answer.get('errorType')}: {answer['errorMessage']}")
        return answer


@contextmanager
def runtime(artifact: Path, handler: str, environ: Mapping[str, str], log: Path) -> Iterator[Runtime]:
    """Run a handler of the artifact until the block ends, with these variables and no others of this process's."""
    port, api_port = free_port(), free_port()
    emulator = EMULATORS / f"aws-lambda-rie-{host_architecture()}"
    own, api = f"127.0.0.1:{port}", f"127.0.0.1:{api_port}"
    addresses = ("--runtime-interface-emulator-address", own, "--runtime-api-address", api)
    command = [str(emulator), "--log-level", "error", *addresses, str(PYTHON), "-m", "awslambdaric", handler]
    fixed = {"LAMBDA_TASK_ROOT": str(artifact), "AWS_LAMBDA_FUNCTION_TIMEOUT": "29", "PATH": "/usr/bin:/bin"}
    with log.open("w") as out:
        process = subprocess.Popen(  # noqa: S603 - our own words
            command, cwd=artifact, env={**environ, **fixed}, stdout=out, stderr=out, start_new_session=True
        )
    try:
        running = Runtime(f"http://127.0.0.1:{port}")
        _wait_until_listening(running.url, log)
        yield running
    finally:
        stop(process)


def _wait_until_listening(url: str, log: Path) -> None:
    """The emulator answers 404 for any other path as soon as it is there."""
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up:
        try:
            urllib.request.urlopen(url, timeout=1).close()  # noqa: S310 - loopback
        except urllib.error.HTTPError:
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the runtime interface emulator did not come up; see {log}: {log.read_text()[-2000:]}")
