"""An AWS to deploy into: ministack in a process of its own, on a loopback port, with nothing left behind afterwards.

It runs with `AUTH=true`, so each call of a deployed function is checked against the policies of its own role: a
permission that the template lacks fails here as it would in AWS.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.artifact import ROOT
from deploy.processes import free_port, stop, wait_until_up

MINISTACK = ROOT / ".tools" / "ministack" / "bin"
REGION = "eu-west-1"
ROOT_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running ministack; `endpoint` answers for every AWS service."""

    endpoint: str

    @property
    def environ(self) -> dict[str, str]:
        """Environment in which every AWS client uses this emulator as its root user, and no other AWS settings."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return (
            others | ROOT_KEYS | {"AWS_ENDPOINT_URL": self.endpoint, "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}
        )

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """A boto3 client of the root user."""
        import boto3  # noqa: PLC0415 - a quarter of a second that only this needs

        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION, **keys)  # type: ignore[call-overload]


@contextmanager
def emulator(log: Path) -> Iterator[Emulator]:
    """Run ministack until the block ends; its output goes to `log`."""
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
        # Retries of asynchronous calls: as many as the template says, without the minutes between them.
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    with log.open("w") as out:
        command = [str(MINISTACK / "ministack")]
        process = subprocess.Popen(command, env=environ, stdout=out, stderr=out, cwd=home, start_new_session=True)
    try:
        endpoint = f"http://127.0.0.1:{port}"
        wait_until_up(f"{endpoint}/_ministack/health", process, log)
        yield Emulator(endpoint)
    finally:
        stop(process)
        shutil.rmtree(home, ignore_errors=True)
