"""A report is scheduled once under a key, whatever dies on the way; real S3 protocol, real HTTP, real processes."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ledger.reports.idempotency import KeyReused
from ledger.storage.store import LedgerUnavailable
from local.aws import Aws
from local.vendors.rde import RdeSimulator
from local.vendors.simulator import SimulatorRequest, SimulatorResponse, failing, hanging_up, shortened
from runtime.clock import now
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.scheduling_process import REQUEST, SchedulingProcess
from tests.support.repository import ROOT
from upstreams.errors import UpstreamBadResponse, UpstreamError, UpstreamTimeout, UpstreamUnavailable

pytestmark = pytest.mark.anyio


@pytest.fixture
def secret_prefix(own_secrets: str) -> str:
    return own_secrets


class SlowToSchedule(RdeSimulator):
    """Takes its time over scheduling, and over nothing else; by then it has acted."""

    seconds = 0.0

    def answer(self, request: SimulatorRequest) -> SimulatorResponse:
        scheduling = request.method == "POST" and request.path.endswith("/reports")
        self.latency = self.seconds if scheduling else 0.0
        return super().answer(request)


@pytest.fixture
def rde_simulator() -> Iterator[SlowToSchedule]:
    with SlowToSchedule() as vendor:
        yield vendor


@pytest.fixture
def start(settings_environ: dict[str, str]) -> Callable[..., SchedulingProcess]:
    """Start one more process on the same bucket, secrets and vendors; it keeps its connections until the test ends."""
    started: list[SchedulingProcess] = []

    def begin(clock: Callable[[], datetime] = now, **settings: str) -> SchedulingProcess:
        started.append(SchedulingProcess(settings_environ | settings, clock))
        return started[-1]

    return begin


def posts(rde: RdeSimulator) -> int:
    return rde.count("/reports", "POST")


async def posted(rde: RdeSimulator) -> None:
    """Wait for the first post to arrive."""
    for _ in range(1000):
        if posts(rde):
            return
        await asyncio.sleep(0.02)
    pytest.fail("nothing was posted")


async def test_a_replay_gives_the_first_answer_and_posts_nothing(
    start: Callable[..., SchedulingProcess], rde_simulator: SlowToSchedule
) -> None:
    first = await start().schedule()
    assert await start().schedule() == (first[0], True)
    assert posts(rde_simulator) == 1


async def test_without_a_key_every_call_posts(
    start: Callable[..., SchedulingProcess], rde_simulator: SlowToSchedule
) -> None:
    process = start()
    assert (await process.schedule(None))[0] != (await process.schedule(None))[0]
    assert posts(rde_simulator) == 2


async def test_another_input_under_the_same_key_is_refused(
    start: Callable[..., SchedulingProcess], rde_simulator: SlowToSchedule
) -> None:
    await start().schedule()
    for other in (replace(REQUEST, name="weekly"), replace(REQUEST, end_date=REQUEST.start_date + timedelta(days=2))):
        with pytest.raises(KeyReused):
            await start().schedule(request=other)
    assert posts(rde_simulator) == 1


async def test_the_same_instant_in_another_zone_is_the_same_input(start: Callable[..., SchedulingProcess]) -> None:
    first = await start().schedule()
    east = REQUEST.start_date.astimezone(datetime.fromisoformat("2019-11-07T02:00:00+02:00").tzinfo)
    assert await start().schedule(request=replace(REQUEST, start_date=east)) == (first[0], True)


async def test_ten_calls_at_once_from_ten_processes_post_once(
    start: Callable[..., SchedulingProcess], rde_simulator: SlowToSchedule
) -> None:
    rde_simulator.seconds = 0.3
    answers = await asyncio.gather(*(start().schedule() for _ in range(10)))
    assert posts(rde_simulator) == 1
    assert len({report for report, _ in answers}) == 1
    assert sorted(replayed for _, replayed in answers) == [False] + [True] * 9


async def test_who_waits_longer_than_it_may_learns_that_the_first_is_under_way(
    start: Callable[..., SchedulingProcess], rde_simulator: SlowToSchedule
) -> None:
    rde_simulator.seconds = 1.5
    first = asyncio.create_task(start().schedule())
    await posted(rde_simulator)
    with pytest.raises(UpstreamTimeout, match="under way"):
        await start().schedule(seconds=0.5)
    assert await start().schedule() == ((await first)[0], True)


async def test_after_a_timeout_the_key_answers_the_same_error_and_never_posts_again(
    start: Callable[..., SchedulingProcess], rde_simulator: SlowToSchedule
) -> None:
    hasty = start(UPSTREAM_SECONDS="1.5")
    await hasty.listed("daily")  # its token must not use up the time
    rde_simulator.seconds = 3.0
    with pytest.raises(UpstreamTimeout, match=r"may have been scheduled.*look at `reports`") as first:
        await hasty.schedule()
    rde_simulator.seconds = 0.0
    for _ in range(2):
        with pytest.raises(UpstreamTimeout) as later:
            await start().schedule()
        assert (later.value.reason, later.value.sent) == (first.value.reason, True)
    assert posts(rde_simulator) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (hanging_up(), UpstreamUnavailable),
        (failing(500), UpstreamUnavailable),
        (failing(503), UpstreamUnavailable),
        (shortened(), UpstreamBadResponse),
    ],
    ids=["hung up", "500", "503", "cut short"],
)
async def test_an_answer_that_leaves_it_open_is_never_tried_again(
    fault: object, error: type[UpstreamError], start: Callable[..., SchedulingProcess], rde_simulator: SlowToSchedule
) -> None:
    rde_simulator.misbehave(fault, path="/reports")  # type: ignore[arg-type]  # parametrize knows no types
    for _ in range(2):
        with pytest.raises(error, match="may have been scheduled"):
            await start().schedule()
    assert posts(rde_simulator) == 1


@pytest.mark.parametrize("status", [400, 429])
async def test_a_refusal_frees_the_key(
    status: int, start: Callable[..., SchedulingProcess], rde_simulator: SlowToSchedule
) -> None:
    rde_simulator.misbehave(failing(status), path="/reports")
    with pytest.raises(UpstreamError) as refused:
        await start().schedule()
    assert "may have been scheduled" not in refused.value.reason
    assert (await start().schedule(request=replace(REQUEST, name="another")))[1] is False
    assert posts(rde_simulator) == 2


async def test_a_vendor_that_cannot_be_reached_frees_the_key(
    start: Callable[..., SchedulingProcess], rde_simulator: SlowToSchedule
) -> None:
    with pytest.raises(UpstreamUnavailable):
        await start(RDE_BASE_URL="http://127.0.0.1:1/marketplace/eu").schedule()
    assert (await start().schedule())[1] is False
    assert posts(rde_simulator) == 1


async def test_without_the_ledger_a_keyed_call_is_refused_before_it_is_posted(
    start: Callable[..., SchedulingProcess], rde_simulator: SlowToSchedule, settings_environ: dict[str, str], aws: Aws
) -> None:
    del aws
    broken = start(LEDGER_BUCKET=f"no-{settings_environ['LEDGER_BUCKET']}")
    with pytest.raises(LedgerUnavailable):
        await broken.schedule()
    assert posts(rde_simulator) == 0
    assert (await broken.schedule(None))[1] is False


async def test_a_key_is_kept_for_24_hours(
    start: Callable[..., SchedulingProcess], rde_simulator: SlowToSchedule
) -> None:
    clock = rde_simulator.clock = MovingClock()
    process = start(clock)
    first = await process.schedule()
    clock.advance(hours=23, minutes=59)
    assert await process.schedule() == (first[0], True)
    clock.advance(minutes=1)
    assert (await process.schedule(request=replace(REQUEST, name="the next day's")))[1] is False


async def test_a_replay_never_gives_a_dead_link(
    start: Callable[..., SchedulingProcess], rde_simulator: SlowToSchedule
) -> None:
    clock = rde_simulator.clock = MovingClock(datetime(2019, 12, 5, tzinfo=UTC))
    rde_simulator.link_life = timedelta(hours=2)
    process = start(clock)
    first = await process.schedules.schedule("default", REQUEST, "key", Deadline.after(20))
    clock.advance(hours=1)
    alive = await process.schedules.schedule("default", REQUEST, "key", Deadline.after(20))
    clock.advance(hours=1)
    dead = await process.schedules.schedule("default", REQUEST, "key", Deadline.after(20))
    assert first.report.download_url is not None
    assert alive.report == first.report
    assert dead.report == replace(first.report, download_url=None)


async def test_a_key_belongs_to_its_tenant(
    start: Callable[..., SchedulingProcess], rde_simulator: SlowToSchedule, settings_environ: dict[str, str], aws: Aws
) -> None:
    aws.put_secret(f"{settings_environ['SECRET_PREFIX']}/other/rde", rde_simulator.secret)
    await start().schedule()
    assert (await start().schedule(tenant="other", request=replace(REQUEST, name="theirs")))[1] is False


async def test_when_the_holder_is_killed_the_outcome_is_unknown_and_nothing_is_posted_again(
    start: Callable[..., SchedulingProcess], rde_simulator: SlowToSchedule, settings_environ: dict[str, str]
) -> None:
    assert not await start().listed("daily")
    rde_simulator.seconds = 30
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.processes.scheduling_process", "key", env=settings_environ, cwd=ROOT
    )
    await posted(rde_simulator)
    waiter = asyncio.create_task(start().schedule())
    await asyncio.sleep(0.2)
    holder.kill()
    await holder.wait()
    rde_simulator.seconds = 0.0
    died = time.monotonic()
    with pytest.raises(UpstreamTimeout, match=r"ended without an answer.*may have been scheduled"):
        await waiter
    assert time.monotonic() - died < 8, "death is noticed when the lease is over"
    with pytest.raises(UpstreamTimeout, match="ended without an answer"):
        await start().schedule()
    assert posts(rde_simulator) == 1
    assert await start().listed("daily"), "the listing kept before is never good again"


async def test_a_scheduled_report_shows_in_the_next_listing(start: Callable[..., SchedulingProcess]) -> None:
    process, other = start(), start(FRESH_SECONDS="0")
    assert not await process.listed("daily")
    await process.schedule()
    assert await process.listed("daily")
    assert await other.listed("daily")


async def test_scheduling_makes_no_listing_be_asked_for_twice(
    start: Callable[..., SchedulingProcess], rde_simulator: SlowToSchedule
) -> None:
    await start().schedule()
    before = rde_simulator.count("/reports", "GET")
    for _ in range(3):
        await start().listed("daily")
    assert rde_simulator.count("/reports", "GET") == before + 1


async def test_a_report_whose_scheduling_timed_out_shows_in_the_next_listing(
    start: Callable[..., SchedulingProcess], rde_simulator: SlowToSchedule
) -> None:
    hasty = start(UPSTREAM_SECONDS="1.5")
    assert not await hasty.listed("daily")
    rde_simulator.seconds = 3.0
    with pytest.raises(UpstreamTimeout):
        await hasty.schedule()
    rde_simulator.seconds = 0.0
    assert await start().listed("daily")
