"""A house per test, at the present moment: S3 dates its objects by its own clock, and the keeper compares."""

import uuid
from datetime import UTC, datetime

import pytest

from local.aws import Aws
from local.openmarket import OpenMarketSimulator
from local.rde import RdeSimulator
from tests.keeper.house import House
from tests.moving_clock import MovingClock
from upstreams.transport import trusted


@pytest.fixture(scope="session", autouse=True)
def _warm() -> None:
    """Load httpx and the TLS roots before any test whose deadline they would use up."""
    trusted()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def house(
    aws: Aws, settings_environ: dict[str, str], rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator
) -> House:
    """Few rows a day, only the reports that a test adds, files from this machine, and credentials for RDE alone."""
    clock = MovingClock(datetime.now(UTC))
    rde_simulator.clock = openmarket_simulator.clock = clock
    rde_simulator.generated = False
    openmarket_simulator.rows_a_day = 4
    openmarket_simulator.history_days = 200
    environ = settings_environ | {"REPORT_HOSTS": "127.0.0.1", "SECRET_PREFIX": f"house-{uuid.uuid4().hex}"}
    house = House(environ, clock, aws, rde_simulator, openmarket_simulator)
    house.give_credentials("default", "rde")
    return house
