"""The real parts that every test may use: S3 and Secrets Manager, both vendors, settings, and a frontend.

A test names what it uses; only `_warm` is automatic. The AWS is one per process, so each test has a bucket and secrets
of its own. A folder's conftest holds what only its tests use; `tests/support` says which helper is for what.
"""

import gc
import os
import threading
import uuid
from collections import deque
from collections.abc import Iterator
from itertools import groupby

import pytest
from hypothesis import HealthCheck, settings

from local.aws import Aws
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from upstreams.transport import trusted

# Both go by the clock, so they fail where the machine is busy.
settings.register_profile("tally", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tally")
pytest.register_assert_rewrite("tests.support")  # so that a failed assertion of a helper shows its values

from tests.support.api.frontend import Frontend, StartFrontend  # noqa: E402
from tests.support.moving_clock import MovingClock  # noqa: E402

# To import 5,000 tests makes objects that all stay: to look for garbage among them takes a third of the time.
gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage again, but not among what has been collected."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have every worker begin with its share of what is slow, the slow tests of a module together.

    Of the list each worker gets a part as long as any other's, and one that has nothing left takes over from the end of
    another one's part. Slow tests mostly wait: at the head of one part they would leave a core idle.
    """
    slow = [item for item in items if item.get_closest_marker("slow")]
    quick = deque(item for item in items if not item.get_closest_marker("slow"))
    shares: list[list[pytest.Item]] = [[] for _ in range(int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))]
    for _, module in groupby(slow, key=lambda item: item.path):
        min(shares, key=len).extend(module)
    left = len(items)
    for number, share in enumerate(shares):
        missing = left // (len(shares) - number) - len(share)
        share.extend(quick.popleft() for _ in range(min(missing, len(quick))))
        left -= len(share)
    items[:] = [item for share in shares for item in share]


@pytest.fixture(scope="session", autouse=True)
def _warm() -> None:
    """Load httpx and the TLS roots before any test whose deadline they would use up."""
    trusted()


@pytest.fixture
def anyio_backend() -> str:
    """What `pytest.mark.anyio` runs on."""
    return "asyncio"


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


def _secrets(aws: Aws) -> str:
    """The prefix of new secrets: the simulators' own, of the tenant `default`."""
    prefix = f"tally-{uuid.uuid4().hex}"
    aws.put_secret(f"{prefix}/default/rde", RdeSimulator().secret)
    aws.put_secret(f"{prefix}/default/openmarket", OpenMarketSimulator().secret)
    return prefix


@pytest.fixture(scope="session")
def shared_secrets(aws: Aws) -> str:
    """A prefix for every test that only reads: to put secrets takes as long as many a test."""
    return _secrets(aws)


@pytest.fixture
def own_secrets(aws: Aws) -> str:
    """A prefix for a test that changes secrets or adds tenants; its module makes it the `secret_prefix`."""
    return _secrets(aws)


@pytest.fixture
def secret_prefix(shared_secrets: str) -> str:
    """Where the test's secrets are."""
    return shared_secrets


@pytest.fixture
def settings_environ(
    aws: Aws, bucket: str, secret_prefix: str, rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator
) -> dict[str, str]:
    """What `Settings.read` takes for the test's own bucket and vendors, and for secrets of the tenant `default`."""
    return {
        **aws.environ,
        "LEDGER_BUCKET": bucket,
        "SECRET_PREFIX": secret_prefix,
        "RDE_BASE_URL": rde_simulator.base_url,
        "OPENMARKET_BASE_URL": openmarket_simulator.base_url,
        "REPORT_HOSTS": "127.0.0.1,localhost,*.blob.core.windows.net",
    }


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
