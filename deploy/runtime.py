"""Lambda's own Python runtime around a built artifact: `awslambdaric` behind AWS's runtime interface emulator (RIE).

The interpreter's environment holds the runtime client and boto3, as Lambda's does, and nothing else: a dependency that
the artifact lacks is missing here too. The RIE is the binary that aws-sam-cli ships.
"""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deploy.artifact import ROOT, host_architecture
from deploy.processes import free_port, stop, wait_until_up

PYTHON = ROOT / ".tools" / "ric" / "bin" / "python"
EMULATORS = ROOT / ".tools" / "sam" / "lib" / "python3.13" / "site-packages" / "samcli" / "local" / "rapid"
INVOKE = "2015-03-31/functions/function/invocations"


@dataclass(frozen=True, slots=True)
class Runtime:
    """A running execution environment: one process, one call at a time."""

    url: str

    def invoke(self, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever the handler returns
        """Call the handler; the first call starts it.

        Raises:
            RuntimeError: the handler raised, or the process ended.
        """
        response = httpx.post(f"{self.url}/{INVOKE}", json=dict(event), timeout=60, trust_env=False)
        if response.is_error:
            raise RuntimeError(f"the runtime answers {response.status_code}: {response.text[:500]}")
        answer = response.json()
        if isinstance(answer, dict) and "errorMessage" in answer:
            raise RuntimeError(f"{answer.get('errorType')}: {answer['errorMessage']}")
        return answer


@contextmanager
def runtime(artifact: Path, handler: str, environ: Mapping[str, str], log: Path) -> Iterator[Runtime]:
    """Run a handler of the artifact until the block ends, with these environment variables only."""
    port, api_port = free_port(), free_port()
    emulator = EMULATORS / f"aws-lambda-rie-{host_architecture()}"
    own, api = f"127.0.0.1:{port}", f"127.0.0.1:{api_port}"
    addresses = ("--runtime-interface-emulator-address", own, "--runtime-api-address", api)
    command = [str(emulator), "--log-level", "error", *addresses, str(PYTHON), "-m", "awslambdaric", handler]
    fixed = {"LAMBDA_TASK_ROOT": str(artifact), "AWS_LAMBDA_FUNCTION_TIMEOUT": "29", "PATH": "/usr/bin:/bin"}
    with log.open("w") as out:
        process = subprocess.Popen(
            command, cwd=artifact, env={**environ, **fixed}, stdout=out, stderr=out, start_new_session=True
        )
    try:
        running = Runtime(f"http://127.0.0.1:{port}")
        wait_until_up(running.url, process, log)  # 404 for this path, as soon as the emulator listens
        yield running
    finally:
        stop(process)
