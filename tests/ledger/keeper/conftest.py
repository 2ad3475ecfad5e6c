"""A deployment per test, at the present moment: S3 dates its objects by its own clock, and the keeper compares."""

import uuid
from datetime import UTC, datetime

import pytest

from local.aws import Aws
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from tests.support.moving_clock import MovingClock
from tests.support.processes.deployment import Deployment


@pytest.fixture
def deployment(
    aws: Aws, settings_environ: dict[str, str], rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator
) -> Deployment:
    """Few rows a day, only the reports that a test adds, files from this machine, and credentials for RDE alone."""
    clock = MovingClock(datetime.now(UTC))
    rde_simulator.clock = openmarket_simulator.clock = clock
    rde_simulator.generated = False
    openmarket_simulator.rows_a_day = 4
    openmarket_simulator.history_days = 200
    environ = settings_environ | {"REPORT_HOSTS": "127.0.0.1", "SECRET_PREFIX": f"deployment-{uuid.uuid4().hex}"}
    deployment = Deployment(environ, clock, aws, rde_simulator, openmarket_simulator)
    deployment.give_credentials("default", "rde")
    return deployment


@pytest.fixture
def both(deployment: Deployment) -> Deployment:
    """A deployment with credentials for both vendors."""
    deployment.give_credentials("default", "openmarket")
    return deployment
