import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from ledger.storage.breakers import FIRST_PAUSE, LONGEST_PAUSE, OPENS_AT, Breakers, BreakerState, pause
from tests.support.moving_clock import MovingClock
from tests.support.s3.memory_store import MemoryBucket, MemoryStore
from upstreams.errors import UpstreamBadResponse, UpstreamError, UpstreamTimeout, UpstreamUnavailable

pytestmark = pytest.mark.anyio


class Vendor:
    """Answers or fails as a test sets it; counts its calls."""

    def __init__(self) -> None:
        self.error: UpstreamError | None = UpstreamTimeout("openmarket", "too slow")
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.error:
            raise self.error
        return "rows"


class SharedBreakers:
    """Processes that share a bucket, a clock and a vendor."""

    def __init__(self) -> None:
        self.clock = MovingClock()
        self.bucket = MemoryBucket(self.clock)
        self.vendor = Vendor()

    async def ask(self, times: int = 1) -> list[str]:
        """The outcome of some calls, each one in a process of its own."""
        outcomes = []
        for _ in range(times):
            breakers = Breakers(MemoryStore(self.bucket), self.clock)
            try:
                outcomes.append(await breakers.guard("acme", "openmarket", self.vendor))
            except UpstreamError as error:
                outcomes.append(error.code)
        return outcomes

    def state(self) -> BreakerState:
        [stored] = self.bucket.objects.values()
        return BreakerState.from_bytes(stored.body, stored.e_tag)


@pytest.fixture
def shared() -> SharedBreakers:
    return SharedBreakers()


async def test_a_healthy_vendor_costs_one_read_and_no_write(shared: SharedBreakers) -> None:
    shared.vendor.error = None
    assert await shared.ask() == ["rows"]
    assert shared.bucket.seen == [("GET", "breakers/tenant=acme/openmarket.json")]


async def test_after_five_failures_in_a_row_the_vendor_is_not_called(shared: SharedBreakers) -> None:
    assert await shared.ask(OPENS_AT + 3) == ["UPSTREAM_TIMEOUT"] * (OPENS_AT + 3)
    assert shared.vendor.calls == OPENS_AT


async def test_after_the_pause_one_caller_probes(shared: SharedBreakers) -> None:
    await shared.ask(OPENS_AT)
    shared.clock.moment += FIRST_PAUSE
    await shared.ask(3)
    assert shared.vendor.calls == OPENS_AT + 1


async def test_pauses_grow_up_to_half_a_minute() -> None:
    pauses = [pause(OPENS_AT + more) for more in range(10)]
    assert pauses[:6] == [timedelta(seconds=seconds) for seconds in (1, 2, 4, 8, 16, 30)]
    assert all(before <= after for before, after in pairwise(pauses))
    assert pauses[-1] == LONGEST_PAUSE == pause(10**6)


async def test_a_probe_that_fails_makes_the_pause_longer(shared: SharedBreakers) -> None:
    await shared.ask(OPENS_AT)
    for calls, seconds in ((6, 1), (7, 2), (8, 4)):
        shared.clock.advance(seconds=seconds, microseconds=-1)
        await shared.ask()
        assert shared.vendor.calls == calls - 1, "a moment too early"
        shared.clock.advance(microseconds=1)
        await shared.ask()
        assert shared.vendor.calls == calls


async def test_a_probe_that_succeeds_closes_the_breaker(shared: SharedBreakers) -> None:
    await shared.ask(OPENS_AT)
    shared.vendor.error = None
    shared.clock.moment += FIRST_PAUSE
    assert await shared.ask(3) == ["rows"] * 3
    assert shared.state().failures == 0


async def test_a_success_in_between_resets_the_count(shared: SharedBreakers) -> None:
    error = shared.vendor.error
    for _ in range(3):
        await shared.ask(OPENS_AT - 1)
        shared.vendor.error = None
        assert await shared.ask() == ["rows"]
        shared.vendor.error = error
    assert shared.vendor.calls == 3 * OPENS_AT


async def test_failures_far_apart_are_not_in_a_row(shared: SharedBreakers) -> None:
    for _ in range(2 * OPENS_AT):
        await shared.ask()
        shared.clock.advance(minutes=6)
    assert shared.vendor.calls == 2 * OPENS_AT


async def test_an_odd_answer_says_nothing_about_the_next_call(shared: SharedBreakers) -> None:
    shared.vendor.error = UpstreamBadResponse("openmarket", "a page")
    await shared.ask(OPENS_AT * 2)
    assert shared.vendor.calls == OPENS_AT * 2


async def test_a_call_for_which_our_own_time_was_too_short_says_nothing_of_the_vendor(shared: SharedBreakers) -> None:
    shared.vendor.error = UpstreamTimeout("openmarket", "our time was over")
    shared.vendor.error.hurried = True
    await shared.ask(OPENS_AT * 2)
    assert shared.vendor.calls == OPENS_AT * 2
    assert shared.bucket.objects == {}


async def test_each_tenant_has_a_breaker_of_its_own(shared: SharedBreakers) -> None:
    await shared.ask(OPENS_AT)
    shared.vendor.error = None
    other = Breakers(MemoryStore(shared.bucket), shared.clock)
    assert await other.guard("other", "openmarket", shared.vendor) == "rows"


async def test_without_s3_the_vendor_is_asked(shared: SharedBreakers) -> None:
    await shared.ask(OPENS_AT)
    shared.bucket.down = True
    assert await shared.ask() == ["UPSTREAM_TIMEOUT"]
    assert shared.vendor.calls == OPENS_AT + 1


async def test_an_open_breaker_raises_the_last_error_and_until_when(shared: SharedBreakers) -> None:
    shared.vendor.error = UpstreamUnavailable("openmarket", "it answered 503")
    await shared.ask(OPENS_AT)
    with pytest.raises(UpstreamUnavailable, match=r"it answered 503 \(not called again until 12:00:01 UTC\)"):
        await Breakers(MemoryStore(shared.bucket), shared.clock).guard("acme", "openmarket", shared.vendor)


async def test_failures_at_the_same_moment_are_all_counted(shared: SharedBreakers) -> None:
    assert shared.vendor.error is not None
    together = asyncio.Barrier(OPENS_AT - 2)

    async def failing() -> str:
        await together.wait()
        raise UpstreamTimeout("openmarket", "too slow")

    processes = [Breakers(MemoryStore(shared.bucket), shared.clock) for _ in range(OPENS_AT - 2)]
    calls = (process.guard("acme", "openmarket", failing) for process in processes)
    assert {type(error) for error in await asyncio.gather(*calls, return_exceptions=True)} == {UpstreamTimeout}
    assert shared.state().failures == OPENS_AT - 2


async def test_a_success_does_not_erase_a_failure_that_came_after_it_began(shared: SharedBreakers) -> None:
    await shared.ask()

    async def while_others_fail() -> str:
        await shared.ask()
        return "rows"

    assert (
        await Breakers(MemoryStore(shared.bucket), shared.clock).guard("acme", "openmarket", while_others_fail)
        == "rows"
    )
    assert shared.state().failures == 2


async def test_once_closed_a_breaker_is_not_written_again(shared: SharedBreakers) -> None:
    await shared.ask()
    shared.vendor.error = None
    await shared.ask()
    shared.bucket.seen.clear()
    await shared.ask()
    assert shared.bucket.asked("PUT") == []


async def test_what_is_done_without_s3_is_logged(shared: SharedBreakers, caplog: pytest.LogCaptureFixture) -> None:
    shared.bucket.down = True
    await shared.ask()
    assert "without its breaker" in caplog.text
    assert "could not be counted" in caplog.text
