"""Processes that share one ledger in memory."""

from collections.abc import Callable

import pytest

from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from tests.support.processes.shared_ledger import SharedLedger


@pytest.fixture
def start_shared(
    settings_environ: dict[str, str], openmarket_simulator: OpenMarketSimulator, rde_simulator: RdeSimulator
) -> Callable[..., SharedLedger]:
    """Make a shared ledger with some settings of its own."""
    openmarket_simulator.rows_a_day = 10
    return lambda **settings: SharedLedger(settings_environ | settings, openmarket_simulator, rde_simulator)


@pytest.fixture
def shared(start_shared: Callable[..., SharedLedger]) -> SharedLedger:
    """A shared ledger with the test's settings; OpenMarket has ten rows a day."""
    return start_shared()
