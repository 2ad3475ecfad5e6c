"""The real parts that every test may stand on: S3 and Secrets Manager, both vendors, and settings that lead to them.

Nothing is automatic: a test names what it uses. The AWS is one per process, so buckets and secrets are named per test.
"""

import os
import uuid
from collections.abc import Iterator

import pytest

from local.aws import Aws
from local.openmarket import OpenMarketSimulator
from local.rde import RdeSimulator


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    """The embedded AWS; the environment leads every AWS client of the process to it."""
    with Aws() as server, pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            environment.delenv(name)
        for name, value in server.environ.items():
            environment.setenv(name, value)
        yield server


@pytest.fixture
def bucket(aws: Aws) -> str:
    """A bucket of the test's own."""
    name = f"ledger-{uuid.uuid4().hex}"
    aws.create_bucket(name)
    return name


@pytest.fixture
def rde_simulator() -> Iterator[RdeSimulator]:
    """RDE on a free port."""
    with RdeSimulator() as vendor:
        yield vendor


@pytest.fixture
def openmarket_simulator() -> Iterator[OpenMarketSimulator]:
    """The OpenMarket simulator on a free port."""
    with OpenMarketSimulator() as vendor:
        yield vendor


@pytest.fixture
def settings_environ(
    aws: Aws, bucket: str, rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator
) -> dict[str, str]:
    """What `Settings.read` takes for the test's own bucket, vendors and secrets (tenant `default`)."""
    prefix = f"tally-{uuid.uuid4().hex}"
    aws.put_secret(f"{prefix}/default/rde", rde_simulator.secret)
    aws.put_secret(f"{prefix}/default/openmarket", openmarket_simulator.secret)
    return {
        **aws.environ,
        "LEDGER_BUCKET": bucket,
        "SECRET_PREFIX": prefix,
        "RDE_BASE_URL": rde_simulator.base_url,
        "OPENMARKET_BASE_URL": openmarket_simulator.base_url,
        "REPORT_HOSTS": "127.0.0.1,localhost,*.blob.core.windows.net",
    }
