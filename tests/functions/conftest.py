"""A frontend's view: the handler over moto and both simulated vendors, at noon of a day in 2019.

The clock stands still until a test moves it, and OpenMarket has few rows a day, so that figures can be told in advance.
"""

import threading
from collections.abc import Callable, Iterator

import pytest

from local.openmarket import OpenMarketSimulator
from local.rde import RdeSimulator
from tests.functions.frontend import Frontend
from tests.moving_clock import MovingClock
from upstreams.transport import trusted

type StartFrontend = Callable[..., Frontend]


@pytest.fixture(scope="session", autouse=True)
def _warm() -> None:
    """Load httpx and the TLS roots before any test whose deadline they would use up."""
    trusted()


@pytest.fixture
def clock(rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator) -> MovingClock:
    """One clock for the vendors and the product."""
    clock = MovingClock()
    rde_simulator.clock = openmarket_simulator.clock = clock
    rde_simulator.generated = False
    openmarket_simulator.rows_a_day = 40
    return clock


@pytest.fixture
def start(settings_environ: dict[str, str], clock: MovingClock) -> Iterator[StartFrontend]:
    """Start a process that answers frontends, with some settings of its own; `clock` is the product's."""
    started: list[Frontend] = []

    def begin(**settings: str) -> Frontend:
        started.append(Frontend(settings_environ | settings, clock))
        return started[-1]

    yield begin
    for thread in threading.enumerate():
        if thread.name == "exporter":
            thread.join()  # it still needs the bucket and the vendors
    for frontend in started:
        frontend.handler.close()


@pytest.fixture
def frontend(start: StartFrontend) -> Frontend:
    """A process with the test's settings."""
    return start()
