import json
import uuid

import pytest

from local.aws import Aws
from tests.support.vendors.planted_secrets import OPENMARKET, RDE, PutSecret
from upstreams.secrets import SecretStore


@pytest.fixture(scope="session")
def secrets(aws: Aws) -> SecretStore:
    """One store for all tests, as for all invocations of a warm function; each test has a tenant of its own."""
    return SecretStore("tally", aws.endpoint)


@pytest.fixture(scope="session")
def put_secret(aws: Aws) -> PutSecret:
    def put(tenant: str, upstream: str, value: object) -> None:
        aws.put_secret(f"tally/{tenant}/{upstream}", value if isinstance(value, str) else json.dumps(value))

    return put


@pytest.fixture
def tenant(put_secret: PutSecret) -> str:
    """A tenant with credentials for both vendors."""
    name = f"t-{uuid.uuid4().hex[:12]}"
    put_secret(name, "rde", RDE)
    put_secret(name, "openmarket", OPENMARKET)
    return name
