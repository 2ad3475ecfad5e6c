"""Processes that export, over a bucket in the embedded S3 and OpenMarket with fifty rows a day."""

from datetime import timedelta

import pytest

from local.vendors.openmarket import OpenMarketSimulator
from tests.support.moving_clock import MovingClock
from tests.support.processes.exporting_process import NOON, ExportingProcess, Start


@pytest.fixture
def clock(openmarket_simulator: OpenMarketSimulator) -> MovingClock:
    clock = openmarket_simulator.clock = MovingClock(NOON)
    openmarket_simulator.rows_a_day = 50
    return clock


@pytest.fixture
def start(settings_environ: dict[str, str], clock: MovingClock) -> Start:
    """Start one more process on the same bucket and vendors."""

    begun: list[ExportingProcess] = []  # kept to the end, as processes keep their connections

    def begin(**options: int | timedelta) -> ExportingProcess:
        begun.append(ExportingProcess(settings_environ, clock, **options))  # type: ignore[arg-type]  # options of ExportingProcess
        return begun[-1]

    return begin
