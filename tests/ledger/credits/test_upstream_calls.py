"""How often the vendor is asked: for what is missing or aged, in as few requests as can be, by one process of many."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from ledger.credits.day_ranges import LONGEST_GAP
from ledger.credits.period_snapshot import PeriodSnapshot
from ledger.days.rows import TIME, WIDTH
from ledger.keeper.old_answers import GRACE
from ledger.keeper.run import KeeperRun
from ledger.storage.breakers import OPENS_AT
from local.vendors.credits import SimulatedCredit
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.simulator import failing
from runtime.clock import DAY, Period, rfc3339
from runtime.deadline import Deadline
from tests.support.processes.ledger_process import LedgerProcess
from tests.support.processes.shared_ledger import MIDNIGHT, NOON, SECOND, SharedLedger
from tests.support.repository import ROOT
from upstreams.errors import UpstreamBadResponse, UpstreamUnavailable

pytestmark = pytest.mark.anyio
FRESH = timedelta(minutes=5)

type StartShared = Callable[..., SharedLedger]


def day(number: int) -> datetime:
    """Midnight of a day of November."""
    return datetime(2019, 11, 1, tzinfo=UTC) + DAY * (number - 1)


def one_more(time: datetime) -> SimulatedCredit:
    return SimulatedCredit(
        10**9 + time.second, time, "447700900001", "O2", "1.5", "GBP", "MyBrand", "SUCCESS", "SUCCESS", time
    )


async def snapshot_of(asker: LedgerProcess, start: datetime, end: datetime, brand: str | None = None) -> PeriodSnapshot:
    return await asker.credit_log.snapshot("default", brand, Period(start, end), Deadline.after(20))


async def test_days_1_to_10_and_then_5_to_15_ask_for_11_to_15_only(shared: SharedLedger) -> None:
    await snapshot_of(shared.start(), day(1), day(11))
    await snapshot_of(shared.start(), day(5), day(16))
    assert shared.asked_periods == [(day(1), day(11)), (day(11), day(16))]


async def test_holes_are_filled_and_nothing_else_is_asked_for(shared: SharedLedger) -> None:
    await snapshot_of(shared.start(), day(5), day(7))
    await snapshot_of(shared.start(), day(1), day(10))
    assert sorted(shared.asked_periods[1:]) == [(day(1), day(5)), (day(7), day(10))]


async def test_a_part_of_a_day_asks_for_the_day(shared: SharedLedger) -> None:
    asker = shared.start()
    await snapshot_of(asker, day(5) + timedelta(hours=6), day(5) + timedelta(hours=7))
    await snapshot_of(asker, day(5), day(6))
    assert shared.asked_periods == [(day(5), day(6))]


async def test_a_year_is_asked_for_in_requests_of_31_days(shared: SharedLedger) -> None:
    await snapshot_of(shared.start(), NOON - 365 * DAY, NOON)
    assert len(shared.asked_periods) == 12
    assert max(end - start for start, end in shared.asked_periods) == 31 * DAY


async def test_days_that_are_too_many_for_one_answer_are_asked_for_in_halves(shared: SharedLedger) -> None:
    shared.openmarket.rows_a_day = 10
    shared.limit_response(60 + 3 * 10 * 80)
    asker = shared.start()
    snapshot = await snapshot_of(asker, day(1), day(11))
    assert shared.asked_periods == [
        (day(1), day(11)),
        (day(1), day(6)),
        (day(1), day(3)),
        (day(3), day(6)),
        (day(6), day(11)),
        (day(6), day(8)),
        (day(8), day(11)),
    ]
    assert [version.count for version in snapshot.versions] == [10] * 10
    rows = [await snapshot.rows(version) for version in snapshot.versions]
    assert [len(each) for each in rows] == [10] * 10
    assert not snapshot.freshness.stale
    await snapshot_of(shared.start(), day(1), day(11))
    assert len(shared.asked_periods) == 7


async def test_a_single_day_that_is_too_large_is_an_error_but_no_failure_to_serve(shared: SharedLedger) -> None:
    """What fitted beside it is kept, and the vendor is asked for the rest however often that goes wrong."""
    shared.openmarket.rows_a_day = 10
    shared.openmarket.add(*(one_more(day(2) + SECOND * number) for number in range(40)))
    shared.limit_response(60 + 3 * 10 * 80)
    for _ in range(OPENS_AT + 1):
        with pytest.raises(UpstreamBadResponse, match="larger than"):
            await snapshot_of(shared.start(), day(1), day(4))
    again = [(day(2), day(4)), (day(2), day(3))] * (OPENS_AT + 1)
    assert shared.asked_periods == [(day(1), day(4)), (day(1), day(2)), *again]
    assert not [key for key in shared.bucket.objects if key.startswith("breakers/")]


@pytest.mark.parametrize(
    ("times", "kept"),
    [
        ([6, 0], [[0], []]),
        ([0, 6], [[6], []]),
        ([0, 24], [[0], [24]]),  # the later one lies in the second that is asked for beyond the day
    ],
)
async def test_of_a_credit_that_comes_twice_the_last_one_of_the_days_asked_for_counts(
    shared: SharedLedger, times: list[int], kept: list[list[int]]
) -> None:
    shared.openmarket.rows_a_day = 0
    shared.openmarket.add(*(one_more(day(5) + timedelta(hours=hour)) for hour in times))
    for number, hours in enumerate(kept, start=5):
        asker = shared.start()
        snapshot = await snapshot_of(asker, day(number), day(number + 1))
        rows = await snapshot.rows(snapshot.versions[0])
        assert list(rows.cells[TIME::WIDTH]) == [rfc3339(day(5) + timedelta(hours=hour)) for hour in hours]


async def test_days_to_come_are_not_asked_for(shared: SharedLedger) -> None:
    snapshot = await snapshot_of(shared.start(), NOON - timedelta(hours=1), NOON + 300 * DAY)
    assert shared.asked_periods == [(MIDNIGHT, MIDNIGHT + DAY)]
    assert len(snapshot.versions) == 1
    assert (await snapshot_of(shared.start(), NOON + DAY, NOON + 2 * DAY)).versions == ()
    assert len(shared.asked_periods) == 1


async def test_each_brand_is_a_log_of_its_own(shared: SharedLedger) -> None:
    asker = shared.start()
    for brand in (None, "MyBrand", "Late Show"):
        await snapshot_of(asker, day(1), day(3), brand)
    assert len(shared.asked_periods) == 3


async def test_one_request_bridges_days_that_are_good_but_not_settled(shared: SharedLedger) -> None:
    """Between two aged days lie two that are good for hours: three requests' worth of days, in one request."""
    today = MIDNIGHT
    await snapshot_of(shared.start(), today - 3 * DAY, today)
    shared.clock.advance(hours=2)
    await snapshot_of(shared.start(), today - 2 * DAY, today - DAY)
    shared.clock.advance(hours=5)
    asked_before = len(shared.asked_periods)
    await snapshot_of(shared.start(), today - 3 * DAY, today + DAY)
    assert shared.asked_periods[asked_before:] == [(today - 3 * DAY, today + DAY)]


async def test_a_settled_day_is_never_part_of_a_bridge(shared: SharedLedger) -> None:
    today = MIDNIGHT
    await snapshot_of(shared.start(), today - 5 * DAY, today - 4 * DAY)
    await snapshot_of(shared.start(), today - 6 * DAY, today + DAY)
    assert sorted(shared.asked_periods[1:]) == [(today - 6 * DAY, today - 5 * DAY), (today - 4 * DAY, today + DAY)]


@pytest.mark.parametrize(
    ("good", "asked"),
    [
        (LONGEST_GAP, [(0, LONGEST_GAP + 2)]),
        (LONGEST_GAP + 1, [(0, 1), (LONGEST_GAP + 2, LONGEST_GAP + 3)]),
    ],
)
async def test_a_bridge_is_a_few_days_long_even_where_days_stay_open_for_months(
    good: int, asked: list[tuple[int, int]], start_shared: StartShared
) -> None:
    shared = start_shared(SETTLE_HOURS="2000")
    first = MIDNIGHT - (good + 1) * DAY
    await snapshot_of(shared.start(), first + DAY, first + (good + 1) * DAY)
    await snapshot_of(shared.start(), first, NOON)
    assert sorted(shared.asked_periods[1:]) == [(first + DAY * start, first + DAY * end) for start, end in asked]


async def test_callers_of_many_processes_share_one_call(shared: SharedLedger) -> None:
    shared.openmarket.latency = 0.2
    askers = [shared.start() for _ in range(5)]
    snapshots = await asyncio.gather(*(snapshot_of(asker, day(1), day(11)) for asker in askers * 4))
    assert len(shared.asked_periods) == 1
    assert {each.freshness.as_of for each in snapshots} == {NOON}


async def test_a_failure_is_shared_too(shared: SharedLedger) -> None:
    shared.openmarket.latency = 0.2
    shared.openmarket.misbehave(failing(500))
    outcomes = await asyncio.gather(
        *(snapshot_of(shared.start(), day(1), day(11)) for _ in range(5)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [UpstreamUnavailable] * 5
    assert len(shared.asked_periods) == 1


@pytest.mark.slow
@pytest.mark.slow
async def test_a_dashboard_of_30_days_asks_no_more_often_than_one_of_today(start_shared: StartShared) -> None:
    """Whenever the data is no longer fresh, for 24 hours, by two processes in turn.

    The days before today age by their rule, but whenever one is due, today is due as well and lies next to it: its
    refresh rides along in the same request. So the sentence holds to the letter, ageing days included.
    """
    shared, looks = start_shared(FRESH_SECONDS=str(FRESH.seconds)), DAY // FRESH
    shared.openmarket.rows_a_day = 3
    shared.clock.advance(seconds=30)
    await watch(shared, 30 * DAY, processes=2, looks=looks)
    dashboard = shared.asked_periods
    shared.openmarket.requests.clear()
    today_alone = start_shared(FRESH_SECONDS=str(FRESH.seconds))
    today_alone.clock.advance(seconds=30)
    await watch(today_alone, timedelta(0), processes=1, looks=looks)
    assert len(dashboard) <= len(today_alone.asked_periods) == looks
    assert dashboard[0][1] - dashboard[0][0] == 31 * DAY
    first_open = MIDNIGHT - 3 * DAY
    assert min(start for start, _ in dashboard[1:]) >= first_open, "a settled day is never asked for again"


async def watch(shared: SharedLedger, back: timedelta, *, processes: int, looks: int) -> None:
    """Look at the days from so far back until now, each time the last look is no longer fresh."""
    askers = [shared.start() for _ in range(processes)]
    for look in range(looks):
        now = shared.clock()
        start = now - back if back else now.replace(hour=0, minute=0, second=0)
        await snapshot_of(askers[look % processes], start, now)
        if look % 3 == 0:
            await askers[0].keeper.credit_days.sweep("default", None, now - GRACE, KeeperRun(Deadline.after(60)))
        shared.clock.advance(seconds=FRESH.seconds)


@pytest.mark.slow
@pytest.mark.parametrize("held_days", [0, 3], ids=["ten days in a row", "two runs of days"])
async def test_20_processes_missing_the_same_days_at_once_make_at_most_2_calls_a_run(
    held_days: int, settings_environ: dict[str, str], openmarket_simulator: OpenMarketSimulator
) -> None:
    openmarket_simulator.rows_a_day = 20
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - 30 * DAY
    if held_days:
        run(settings_environ, 1, start + 4 * DAY, start + (4 + held_days) * DAY)
        openmarket_simulator.requests.clear()
    openmarket_simulator.latency = 0.5
    answers = run(settings_environ, 20, start, start + 10 * DAY)
    assert openmarket_simulator.count("/csv/log") <= (4 if held_days else 2)
    assert len(answers) == 20
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["count"] == answers[0]["rows"] == 200


def run(environ: dict[str, str], number: int, start: datetime, end: datetime) -> list[dict[str, object]]:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.support.processes.asking_program",
            str(number),
            start.isoformat(),
            end.isoformat(),
        ],
        env=environ,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_the_calls_of_a_day_are_few_however_often_it_is_looked_at(shared: SharedLedger) -> None:
    """A day is asked for at ever longer intervals, and for good once its rows cannot change any more."""
    start, watcher = MIDNIGHT, shared.start()
    shared.clock.moment = start + DAY
    for _ in range(4 * 24 * 4):
        await snapshot_of(watcher, start, start + DAY)
        shared.clock.advance(minutes=15)
    settled = len(shared.asked_periods)
    assert settled < 60
    shared.clock.advance(days=200)
    await snapshot_of(watcher, start, start + DAY)
    await snapshot_of(shared.start(), start, start + DAY)
    assert len(shared.asked_periods) == settled
