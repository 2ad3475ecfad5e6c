"""A gateway with the credits of `make run`, at the moment at which docs/clients.md was written."""

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from functions.application import make_handler
from functions.settings import Settings
from functions.wiring import keeper_of
from ledger.keeper.run import KeeperRun
from local.authorizer import Authorizer
from local.gateway import Gateway
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock

ROWS_A_DAY = 2000


@pytest.fixture
def environ(
    settings_environ: dict[str, str],
    clock: MovingClock,
    rde_simulator: RdeSimulator,
    openmarket_simulator: OpenMarketSimulator,
) -> Iterator[dict[str, str]]:
    """The environment of a client: this one's, the endpoint and a token."""
    clock.moment = datetime(2026, 11, 22, 12, tzinfo=UTC)
    rde_simulator.making = timedelta(seconds=40)
    openmarket_simulator.rows_a_day = ROWS_A_DAY
    handler, authorizer = make_handler(Settings.read(settings_environ), clock), Authorizer()
    gateway = Gateway(handler, authorizer)
    with gateway.serve() as server:
        yield os.environ | {"TALLY_URL": f"{server.url}/graphql", "TALLY_TOKEN": authorizer.token(), "NO_COLOR": "1"}
    gateway.stop()
    handler.close()


@pytest.fixture
def opened_report(
    environ: dict[str, str], settings_environ: dict[str, str], rde_simulator: RdeSimulator, clock: MovingClock
) -> None:
    """A workbook of invoices that the keeper has opened."""
    del environ  # it sets the clock
    rde_simulator.add_report("invoices", "XLSX", "2026-11-20T04:00:00Z")
    keeper = keeper_of(Settings.read(settings_environ), clock)

    async def keep() -> None:
        run = KeeperRun(Deadline.after(600))
        await keeper.report_files.collect("default", run)
        await keeper.report_contents.open("default", run)
        assert (run.opened, run.failed) == (1, 0)

    asyncio.run(keep())
