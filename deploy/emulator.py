"""An AWS to deploy into: ministack in a process and on a loopback port of its own, gone without a trace afterwards.

It runs with `AUTH=true`, so each call of a deployed function is held against the policies of its own role: a permission
that the template forgot fails here as it would in AWS.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.artifact import ROOT

MINISTACK = ROOT / ".tools" / "ministack" / "bin"
REGION = "eu-west-1"
ROOT_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running ministack; `endpoint` answers for every AWS service."""

    endpoint: str

    @property
    def environ(self) -> dict[str, str]:
        """Environment for a process that takes this for AWS, as its root user, and sees no other settings of AWS's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return (
            kept | ROOT_KEYS | {"AWS_ENDPOINT_URL": self.endpoint, "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}
        )

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """A boto3 client of the root user."""
        import boto3  # noqa: PLC0415 - a quarter of a second that only this needs

        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION, **keys)  # type: ignore[call-overload]


@contextmanager
def emulator(log: Path) -> Iterator[Emulator]:
    """Run ministack until the block ends; what it says goes to `log`."""
    port = free_port()
    home = Path(tempfile.mkdtemp(prefix="tally-emulator-"))
    environ = ROOT_KEYS | {
        "PATH": f"{MINISTACK}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "TMPDIR": str(home),
        "STATE_DIR": str(home / "state"),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "AUTH": "true",
        # Retries of asynchronous calls: the number is the template's, the minutes between them are not waited for.
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    with log.open("w") as out:
        command = [str(MINISTACK / "ministack")]
        process = subprocess.Popen(command, env=environ, stdout=out, stderr=out, cwd=home, start_new_session=True)  # noqa: S603
    try:
        endpoint = f"http://127.0.0.1:{port}"
        _wait_until_up(process, f"{endpoint}/_ministack/health", log)
        yield Emulator(endpoint)
    finally:
        stop(process)
        shutil.rmtree(home, ignore_errors=True)


def free_port() -> int:
    """A loopback port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process that leads its own group, and everything it started."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    except ProcessLookupError:
        process.wait()


def _wait_until_up(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - a loopback address
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise RuntimeError(f"ministack did not come up; see {log}: {log.read_text()[-2000:]}")
