import json
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.upstreams.planted_secrets import OPENMARKET, RDE, PutSecret
from upstreams.secrets import SecretStore
from upstreams.transport import trusted

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _warm() -> None:
    """Load httpx and the TLS roots before any test whose deadline they would use up."""
    trusted()


@pytest.fixture(scope="session")
def aws() -> Iterator[str]:
    """Where a Secrets Manager listens, with credentials for it in the environment."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("AWS_ACCESS_KEY_ID", "testing")
        environ.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        environ.setenv("AWS_REGION", "eu-west-1")
        yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def secrets_manager(aws: str) -> "SecretsManagerClient":
    return boto3.session.Session().client("secretsmanager", endpoint_url=aws, region_name="eu-west-1")


@pytest.fixture(scope="session")
def secrets(aws: str) -> SecretStore:
    """One store for all tests, as for all invocations of a warm function; each test has a tenant of its own."""
    return SecretStore("tally", aws)


@pytest.fixture(scope="session")
def put_secret(secrets_manager: "SecretsManagerClient") -> PutSecret:
    def put(tenant: str, upstream: str, value: object) -> None:
        name, text = f"tally/{tenant}/{upstream}", value if isinstance(value, str) else json.dumps(value)
        try:
            secrets_manager.create_secret(Name=name, SecretString=text)
        except secrets_manager.exceptions.ResourceExistsException:
            secrets_manager.put_secret_value(SecretId=name, SecretString=text)

    return put


@pytest.fixture
def tenant(put_secret: PutSecret) -> str:
    """A tenant with credentials for both vendors."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    put_secret(name, "rde", RDE)
    put_secret(name, "openmarket", OPENMARKET)
    return name
