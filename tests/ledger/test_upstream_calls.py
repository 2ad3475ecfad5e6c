"""How often the vendor is asked: for what is missing or aged, in as few requests as can be, by one process of many."""

import asyncio
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from functions.settings import Settings
from functions.wiring import Parts
from ledger.credits.credit_log import PeriodSnapshot
from ledger.credits.rows import TIME, WIDTH
from ledger.credits.spans import LONGEST_BRIDGE
from ledger.keeper.run import KeeperRun
from ledger.keeper.sweeping import GRACE
from ledger.storage.breakers import PATIENCE
from local.credits import SimulatedCredit
from local.openmarket import OpenMarketSimulator, parsed_time
from local.simulator import failing
from runtime.clock import DAY, Period, rfc3339
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.ledger_process import LedgerProcess, process, vendors_of
from tests.support.s3.memory_store import MemoryBucket, MemoryStore
from upstreams.errors import UpstreamBadResponse, UpstreamUnavailable
from upstreams.secrets import SecretStore

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
NOON = datetime(2019, 12, 5, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Office:
    """Processes on one bucket, and the vendor's log of what it was asked."""

    def __init__(self, environ: dict[str, str], vendor: OpenMarketSimulator) -> None:
        self.clock = vendor.clock = MovingClock(NOON)
        vendor.rows_a_day = 3
        self.vendor, self.bucket = vendor, MemoryBucket(self.clock)
        self.settings = Settings.read(environ)
        secrets = SecretStore(environ["SECRET_PREFIX"], environ["AWS_ENDPOINT_URL"])
        self.clients = vendors_of(Parts(self.settings, self.clock, MemoryStore(self.bucket)), secrets)

    def start(self) -> LedgerProcess:
        """One more process."""
        return process(self.settings, self.clock, MemoryStore(self.bucket), self.clients)

    def take_at_most(self, max_bytes: int) -> None:
        """Let no process take a larger answer than that; a row has 70 bytes or so, the header 60."""
        self.clients = replace(self.clients, openmarket=replace(self.clients.openmarket, max_bytes=max_bytes))

    @property
    def asked(self) -> list[tuple[datetime, datetime]]:
        """The periods that the vendor was asked for, without the second more on each side."""
        queries = [seen.query for seen in self.vendor.requests if seen.path == "/csv/log"]
        return [(parsed_time(query["fromTime"]) + SECOND, parsed_time(query["toTime"]) - SECOND) for query in queries]


@pytest.fixture
def office(settings_environ: dict[str, str], openmarket_simulator: OpenMarketSimulator) -> Office:
    return Office(settings_environ, openmarket_simulator)


def day(number: int) -> datetime:
    """Midnight of a day of November."""
    return datetime(2019, 11, 1, tzinfo=UTC) + DAY * (number - 1)


def one_more(time: datetime) -> SimulatedCredit:
    return SimulatedCredit(
        10**9 + time.second, time, "447700900001", "O2", "1.5", "GBP", "MyBrand", "SUCCESS", "SUCCESS", time
    )


async def hold(asker: LedgerProcess, start: datetime, end: datetime, brand: str | None = None) -> PeriodSnapshot:
    return await asker.credit_log.held("default", brand, Period(start, end), Deadline.after(20))


async def test_days_1_to_10_and_then_5_to_15_ask_for_11_to_15_only(office: Office) -> None:
    await hold(office.start(), day(1), day(11))
    await hold(office.start(), day(5), day(16))
    assert office.asked == [(day(1), day(11)), (day(11), day(16))]


async def test_holes_are_filled_and_nothing_else_is_asked_for(office: Office) -> None:
    await hold(office.start(), day(5), day(7))
    await hold(office.start(), day(1), day(10))
    assert sorted(office.asked[1:]) == [(day(1), day(5)), (day(7), day(10))]


async def test_a_part_of_a_day_asks_for_the_day(office: Office) -> None:
    asker = office.start()
    await hold(asker, day(5) + timedelta(hours=6), day(5) + timedelta(hours=7))
    await hold(asker, day(5), day(6))
    assert office.asked == [(day(5), day(6))]


async def test_a_year_is_asked_for_in_requests_of_31_days(office: Office) -> None:
    await hold(office.start(), NOON - 365 * DAY, NOON)
    assert len(office.asked) == 12
    assert max(end - start for start, end in office.asked) == 31 * DAY


async def test_days_that_are_too_many_for_one_answer_are_asked_for_in_halves(office: Office) -> None:
    office.vendor.rows_a_day = 10
    office.take_at_most(60 + 3 * 10 * 80)
    asker = office.start()
    held = await hold(asker, day(1), day(11))
    assert office.asked == [
        (day(1), day(11)),
        (day(1), day(6)),
        (day(1), day(3)),
        (day(3), day(6)),
        (day(6), day(11)),
        (day(6), day(8)),
        (day(8), day(11)),
    ]
    assert [version.count for version in held.versions] == [10] * 10
    rows = [await asker.credit_log.rows(held, version) for version in held.versions]
    assert [len(each) for each in rows] == [10] * 10
    assert not held.freshness.stale
    await hold(office.start(), day(1), day(11))
    assert len(office.asked) == 7


async def test_a_single_day_that_is_too_large_is_an_error_but_no_failure_to_serve(office: Office) -> None:
    """What fitted beside it is kept, and the vendor is asked for the rest however often that goes wrong."""
    office.vendor.rows_a_day = 10
    office.vendor.add(*(one_more(day(2) + SECOND * number) for number in range(40)))
    office.take_at_most(60 + 3 * 10 * 80)
    for _ in range(PATIENCE + 1):
        with pytest.raises(UpstreamBadResponse, match="larger than"):
            await hold(office.start(), day(1), day(4))
    assert office.asked == [(day(1), day(4)), (day(1), day(2))] + [(day(2), day(4)), (day(2), day(3))] * (PATIENCE + 1)
    assert not [key for key in office.bucket.objects if key.startswith("breakers/")]


@pytest.mark.parametrize(
    ("times", "kept"),
    [
        ([6, 0], [[0], []]),
        ([0, 6], [[6], []]),
        ([0, 24], [[0], [24]]),  # the later one lies in the second that is asked for beyond the day
    ],
)
async def test_of_a_credit_that_comes_twice_the_last_one_of_the_days_asked_for_counts(
    office: Office, times: list[int], kept: list[list[int]]
) -> None:
    office.vendor.rows_a_day = 0
    office.vendor.add(*(one_more(day(5) + timedelta(hours=hour)) for hour in times))
    for number, hours in enumerate(kept, start=5):
        asker = office.start()
        held = await hold(asker, day(number), day(number + 1))
        rows = await asker.credit_log.rows(held, held.versions[0])
        assert list(rows.cells[TIME::WIDTH]) == [rfc3339(day(5) + timedelta(hours=hour)) for hour in hours]


async def test_days_to_come_are_not_asked_for(office: Office) -> None:
    held = await hold(office.start(), NOON - timedelta(hours=1), NOON + 300 * DAY)
    assert office.asked == [(NOON.replace(hour=0), NOON.replace(hour=0) + DAY)]
    assert len(held.versions) == 1
    assert (await hold(office.start(), NOON + DAY, NOON + 2 * DAY)).versions == ()
    assert len(office.asked) == 1


async def test_each_brand_is_a_log_of_its_own(office: Office) -> None:
    asker = office.start()
    for brand in (None, "MyBrand", "Late Show"):
        await hold(asker, day(1), day(3), brand)
    assert len(office.asked) == 3


async def test_one_request_bridges_days_that_are_good_but_not_settled(office: Office) -> None:
    """Between two aged days lie two that are good for hours: three requests' worth of days, in one request."""
    today = NOON.replace(hour=0)
    await hold(office.start(), today - 3 * DAY, today)
    office.clock.advance(hours=2)
    await hold(office.start(), today - 2 * DAY, today - DAY)
    office.clock.advance(hours=5)
    asked_before = len(office.asked)
    await hold(office.start(), today - 3 * DAY, today + DAY)
    assert office.asked[asked_before:] == [(today - 3 * DAY, today + DAY)]


async def test_a_settled_day_is_never_part_of_a_bridge(office: Office) -> None:
    today = NOON.replace(hour=0)
    await hold(office.start(), today - 5 * DAY, today - 4 * DAY)
    await hold(office.start(), today - 6 * DAY, today + DAY)
    assert sorted(office.asked[1:]) == [(today - 6 * DAY, today - 5 * DAY), (today - 4 * DAY, today + DAY)]


@pytest.mark.parametrize(
    ("good", "asked"),
    [
        (LONGEST_BRIDGE, [(0, LONGEST_BRIDGE + 2)]),
        (LONGEST_BRIDGE + 1, [(0, 1), (LONGEST_BRIDGE + 2, LONGEST_BRIDGE + 3)]),
    ],
)
async def test_a_bridge_is_a_few_days_long_even_where_days_stay_open_for_months(
    good: int, asked: list[tuple[int, int]], settings_environ: dict[str, str], openmarket_simulator: OpenMarketSimulator
) -> None:
    office = Office(settings_environ | {"SETTLE_HOURS": "2000"}, openmarket_simulator)
    first = NOON.replace(hour=0) - (good + 1) * DAY
    await hold(office.start(), first + DAY, first + (good + 1) * DAY)
    await hold(office.start(), first, NOON)
    assert sorted(office.asked[1:]) == [(first + DAY * start, first + DAY * end) for start, end in asked]


async def test_callers_of_many_processes_share_one_call(office: Office) -> None:
    office.vendor.latency = 0.2
    askers = [office.start() for _ in range(5)]
    held = await asyncio.gather(*(hold(asker, day(1), day(11)) for asker in askers * 4))
    assert len(office.asked) == 1
    assert {each.freshness.as_of for each in held} == {NOON}


async def test_a_failure_is_shared_too(office: Office) -> None:
    office.vendor.latency = 0.2
    office.vendor.misbehave(failing(500))
    outcomes = await asyncio.gather(*(hold(office.start(), day(1), day(11)) for _ in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [UpstreamUnavailable] * 5
    assert len(office.asked) == 1


async def test_a_dashboard_of_30_days_asks_no_more_often_than_one_of_today(
    office: Office, settings_environ: dict[str, str], openmarket_simulator: OpenMarketSimulator
) -> None:
    """Every minute for 24 hours, by two processes in turn.

    The days before today age by their rule, but whenever one is due, today is due as well and lies next to it: its
    refresh rides along in the same request. So the sentence holds to the letter, ageing days included.
    """
    office.clock.advance(seconds=30)
    askers, first_open = [office.start(), office.start()], NOON.replace(hour=0) - 3 * DAY
    for minute in range(24 * 60):
        now = office.clock()
        await hold(askers[minute % 2], now - 30 * DAY, now)
        if minute % 15 == 0:
            await askers[0].keeper.settling.sweep("default", None, now - GRACE, KeeperRun(Deadline.after(60)))
        office.clock.advance(minutes=1)
    dashboard = office.asked
    openmarket_simulator.requests.clear()
    today_alone = Office(settings_environ, openmarket_simulator)
    today_alone.clock.advance(seconds=30)
    asker = today_alone.start()
    for minute in range(24 * 60):
        now = today_alone.clock()
        await hold(asker, now.replace(hour=0, minute=0, second=0), now)
        if minute % 15 == 0:
            await asker.keeper.settling.sweep("default", None, now - GRACE, KeeperRun(Deadline.after(60)))
        today_alone.clock.advance(minutes=1)
    assert len(dashboard) <= len(today_alone.asked) == 24 * 60
    assert dashboard[0][1] - dashboard[0][0] == 31 * DAY
    assert min(start for start, _ in dashboard[1:]) >= first_open, "a settled day is never asked for again"


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


async def test_the_calls_of_a_day_are_few_however_often_it_is_looked_at(office: Office) -> None:
    """A day is asked for at ever longer intervals, and for good once its rows cannot change any more."""
    start, watcher = NOON.replace(hour=0), office.start()
    office.clock.moment = start + DAY
    for _ in range(4 * 24 * 4):
        await hold(watcher, start, start + DAY)
        office.clock.advance(minutes=15)
    settled = len(office.asked)
    assert settled < 60
    office.clock.advance(days=200)
    await hold(watcher, start, start + DAY)
    await hold(office.start(), start, start + DAY)
    assert len(office.asked) == settled
