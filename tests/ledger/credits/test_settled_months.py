"""Queries about settled months: planned and summed up from month objects, with the figures of the days themselves."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from functions.settings import Settings
from ledger.answers.freshness import Source
from ledger.credits.early_rows import PageStart
from ledger.days.blocks import BLOCK_ROWS
from ledger.figures.filters import CreditFilter
from ledger.figures.selection import Selection
from ledger.figures.summaries import SummaryKey, SummaryRequest
from ledger.keeper.run import KeeperRun
from ledger.storage.store import LedgerUnavailable, Store
from runtime.clock import DAY, Period, day_end
from runtime.compression import pack, unpack
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.ledger_process import LedgerProcess, process
from tests.support.processes.short_months import ShortMonths
from tests.support.s3.memory_store import MemoryBucket, MemoryStore
from tests.support.s3.settled_days import settle
from tests.support.s3.waits import WaitingConnection, Waits

if TYPE_CHECKING:
    from ledger.figures.summary_lines import SummaryLines

pytestmark = pytest.mark.anyio
SETTINGS = Settings.read({"LEDGER_BUCKET": "memory", "OPENMARKET_BASE_URL": "http://127.0.0.1:1"})
OCTOBER = datetime(2019, 10, 1, tzinfo=UTC)
NOVEMBER = datetime(2019, 11, 1, tzinfo=UTC)
NOON = datetime(2019, 12, 5, 12, tzinfo=UTC)
A_DAY = 6
WHOLE = Period(OCTOBER, NOVEMBER)
KEYS = [
    (frozenset({SummaryKey.DAY, SummaryKey.OUTCOME}), UTC),
    (frozenset({SummaryKey.MONTH, SummaryKey.NETWORK}), UTC),
    (frozenset({SummaryKey.HOUR}), UTC),
    (frozenset({SummaryKey.DAY}), ZoneInfo("Europe/London")),
    (frozenset({SummaryKey.AMOUNT, SummaryKey.NETWORK}), UTC),
]


class SettledOctober:
    """A bucket with the settled days of October, and a clock at noon of 5 December; no vendor can be reached."""

    def __init__(self) -> None:
        self.clock = MovingClock(NOON)
        self.bucket = MemoryBucket(self.clock)

    def start(self, waits: Waits | None = None, block_rows: int = BLOCK_ROWS) -> LedgerProcess:
        """One more process, perhaps one whose waits for S3 are counted."""
        store = MemoryStore(self.bucket) if waits is None else Store(WaitingConnection(self.bucket, waits))
        return process(SETTINGS, self.clock, store, block_rows=block_rows)

    async def write_months(self) -> int:
        """Let a keeper write what months it can; the result is how many it has written."""
        run = KeeperRun(Deadline.after(60))
        await self.start().keeper.months.write("default", None, run)
        assert (run.failed, run.complete) == (0, True)
        return run.months

    def month_keys(self) -> list[str]:
        return [key for key in self.bucket.objects if "/_months/" in key]

    def day_keys(self, day: int, ending: str) -> list[str]:
        return [key for key in self.bucket.objects if f"/day=2019-10-{day:02}/" in key and key.endswith(ending)]


@pytest.fixture
async def world() -> SettledOctober:
    world = SettledOctober()
    await settle(MemoryStore(world.bucket), OCTOBER, 15, A_DAY)
    await settle(MemoryStore(world.bucket), OCTOBER + 15 * DAY, 1, 0)
    await settle(MemoryStore(world.bucket), OCTOBER + 16 * DAY, 15, A_DAY)
    assert await world.write_months() == 1
    world.bucket.seen.clear()
    return world


async def select(asker: LedgerProcess, period: Period = WHOLE, where: CreditFilter | None = None) -> Selection:
    return Selection(await asker.credit_log.snapshot("default", None, period, Deadline.after(5)), period, where)


async def figures(asker: LedgerProcess, period: Period = WHOLE) -> list[Any]:
    """All that can be asked about a period."""
    selection, o2 = await select(asker, period), CreditFilter(network=frozenset({"O2"}))
    summaries: list[SummaryLines] = [await selection.summary(SummaryRequest(by, zone, fill=True)) for by, zone in KEYS]
    pages = [await selection.page(7, None), await selection.page(500, None, newest_first=True)]
    return [*summaries, *pages, await selection.count(), await (await select(asker, period, o2)).page(50, None)]


def verbs(world: SettledOctober) -> list[str]:
    return [verb for verb, _ in world.bucket.seen]


async def test_a_page_of_a_settled_month_takes_two_reads_and_the_next_one_one(world: SettledOctober) -> None:
    waits = Waits()
    asker = world.start(waits)
    assert len((await (await select(asker)).page(A_DAY - 1, None)).rows) == A_DAY - 1
    assert (waits.steps, verbs(world)) == (["GET", "GET"], ["GET", "GET"])
    waits.forget()
    await (await select(asker, Period(OCTOBER + 20 * DAY, OCTOBER + 21 * DAY))).page(A_DAY - 1, None)
    assert waits.steps == ["GET"]


async def test_a_pages_rows_are_read_beside_a_month_that_the_process_does_not_know_yet(world: SettledOctober) -> None:
    waits = Waits()
    start = PageStart(None, newest_first=False)
    snapshot = await world.start(waits).credit_log.snapshot("default", None, WHOLE, Deadline.after(5), page=start)
    assert len((await Selection(snapshot, WHOLE, None).page(A_DAY - 1, None)).rows) == A_DAY - 1
    assert (waits.steps, verbs(world)) == (["GET+GET"], ["GET", "GET"])


@pytest.mark.parametrize("cut", [timedelta(0), timedelta(hours=30)])
async def test_the_figures_are_those_of_the_days(world: SettledOctober, cut: timedelta) -> None:
    period = Period(OCTOBER + cut, NOVEMBER - cut)
    by_months = await figures(world.start(), period)
    assert "LIST" not in verbs(world)
    for key in world.month_keys():
        del world.bucket.objects[key]
    assert by_months == await figures(world.start(), period)
    assert "LIST" in verbs(world)


async def test_a_settled_years_summary_is_fourteen_reads_at_most(world: SettledOctober) -> None:
    await settle(MemoryStore(world.bucket), NOVEMBER - 366 * DAY, 335, 2)
    assert await world.write_months() == 11  # the first of the thirteen months is not complete
    world.bucket.seen.clear()
    period = Period(datetime(2018, 11, 1, tzinfo=UTC), NOVEMBER)
    summary = await (await select(world.start(), period)).summary(SummaryRequest(frozenset({SummaryKey.HOUR})))
    assert sum(line.count for line in summary) == 334 * 2 + 30 * A_DAY
    assert verbs(world) == ["GET"] * 12


async def test_settled_months_and_later_days_take_one_list_for_the_later_days_only(world: SettledOctober) -> None:
    await settle(MemoryStore(world.bucket), NOVEMBER, 3, A_DAY)
    waits, period = Waits(), Period(OCTOBER, NOVEMBER + 3 * DAY)
    world.clock.moment = NOVEMBER + timedelta(days=6, hours=1)  # November cannot be settled yet
    assert await (await select(world.start(waits), period)).count() == 33 * A_DAY
    assert waits.steps == ["GET+LIST"]
    assert [key for verb, key in world.bucket.seen if verb == "GET"] == world.month_keys()


async def test_a_settled_month_is_final(world: SettledOctober) -> None:
    asker = world.start()
    freshness = (await asker.credit_log.snapshot("default", None, WHOLE, Deadline.after(5))).freshness
    assert freshness.as_of == day_end((NOVEMBER - DAY).date()) + timedelta(days=3)
    assert (freshness.source, freshness.final, freshness.stale) == (Source.CACHE, True, False)
    assert (freshness.final_until, freshness.next_refresh) == (NOVEMBER, None)


async def test_a_month_that_cannot_be_settled_yet_is_not_looked_for(world: SettledOctober) -> None:
    world.clock.moment = NOVEMBER + timedelta(days=2)
    await select(world.start(), Period(OCTOBER, OCTOBER + DAY))
    assert verbs(world) == ["LIST"]


async def test_a_month_without_an_object_is_looked_for_once_in_a_while(world: SettledOctober) -> None:
    (key,) = world.month_keys()
    stored = world.bucket.objects.pop(key)
    asker = world.start()
    for number in range(3):
        await select(asker, Period(OCTOBER + number * DAY, OCTOBER + (number + 1) * DAY))
    assert verbs(world) == ["GET", "LIST", "LIST", "LIST"]
    world.bucket.objects[key] = stored
    world.clock.advance(minutes=15)
    world.bucket.seen.clear()
    await select(asker, Period(OCTOBER + 4 * DAY, OCTOBER + 5 * DAY))
    assert verbs(world) == ["GET"]


def cut_off(body: bytes) -> bytes:
    return body[: len(body) // 2]


def other(body: bytes) -> bytes:
    return b"not a month" + body[:0]


def empty(body: bytes) -> bytes:
    return body[:0]


@pytest.mark.parametrize("damage", [cut_off, other, empty])
async def test_an_unreadable_month_is_ignored(world: SettledOctober, damage: Callable[[bytes], bytes]) -> None:
    wanted = await figures(world.start())
    (key,) = world.month_keys()
    await MemoryStore(world.bucket).put(key, damage(world.bucket.objects[key].body))
    assert await figures(world.start()) == wanted


async def test_an_unreadable_member_of_a_month_is_replaced_by_the_days_own_rollup(world: SettledOctober) -> None:
    wanted = await figures(world.start())
    (key,) = world.month_keys()
    body = bytearray(world.bucket.objects[key].body)
    body[-60] ^= 0xFF
    await MemoryStore(world.bucket).put(key, bytes(body))
    assert await figures(world.start()) == wanted


async def test_every_process_that_shares_a_month_reads_it_once(world: SettledOctober) -> None:
    asker = world.start()
    for _ in range(3):
        await figures(asker)
    assert [key for verb, key in world.bucket.seen if "/_months/" in key] == world.month_keys()


async def test_months_may_have_any_length() -> None:
    world = SettledOctober()
    await settle(MemoryStore(world.bucket), OCTOBER, 9, A_DAY)
    asker = ShortMonths(SETTINGS, world.clock, MemoryStore(world.bucket), world.start().vendors)
    run = KeeperRun(Deadline.after(60))
    await asker.keeper.months.write("default", None, run)
    assert run.months == len(world.month_keys()) >= 2
    assert await (await select(asker, Period(OCTOBER, OCTOBER + 9 * DAY))).count() == 9 * A_DAY


async def test_a_month_whose_day_was_stored_anew_is_no_longer_believed(world: SettledOctober) -> None:
    """As a query does that finds rows lost: the rows are another object now, and perhaps others."""
    asker, day = world.start(), Period(OCTOBER + 4 * DAY, OCTOBER + 5 * DAY)
    assert await (await select(asker, day)).count() == A_DAY
    for key in world.day_keys(5, ".gz"):
        del world.bucket.objects[key]
    await settle(MemoryStore(world.bucket), day.start, 1, A_DAY + 1)
    with pytest.raises(LedgerUnavailable, match="2019-10-05"):
        await (await select(asker, day)).page(50, None)
    selection = await select(asker, day)
    assert await selection.count() == len((await selection.page(50, None)).rows) == A_DAY + 1


async def test_rows_that_were_only_packed_anew_are_read_by_their_own_index(world: SettledOctober) -> None:
    wanted = await figures(world.start())
    for key in world.day_keys(5, ".gz"):
        del world.bucket.objects[key]
    await settle(MemoryStore(world.bucket), OCTOBER + 4 * DAY, 1, A_DAY)
    assert await figures(world.start()) == wanted


async def test_a_large_day_of_a_month_is_read_by_the_months_index() -> None:
    world = SettledOctober()
    await settle(MemoryStore(world.bucket), OCTOBER, 31, A_DAY, block_rows=2)
    assert await world.write_months() == 1
    world.bucket.seen.clear()
    page = await (await select(world.start(block_rows=2))).page(1, None)
    assert len(page.rows) == 1
    assert [key.rpartition("/")[2] for _, key in world.bucket.seen] == ["2019-10.json.gz", "rows.csv.gz"]
    assert len(world.bucket.ranges) == 1


async def test_a_month_whose_index_is_wrong_is_no_longer_believed() -> None:
    """Something else has packed the rows again: they are read by an index that is made of them."""
    world = SettledOctober()
    await settle(MemoryStore(world.bucket), OCTOBER, 31, A_DAY, block_rows=2)
    assert await world.write_months() == 1
    period = Period(OCTOBER + 4 * DAY, OCTOBER + 5 * DAY)
    wanted = await (await select(world.start(block_rows=2), period)).page(3, None)
    (key,) = world.day_keys(5, "rows.csv.gz")
    stored = world.bucket.objects[key]
    await MemoryStore(world.bucket).put(key, pack(unpack(stored.body)), stored.attributes)
    asker = world.start(block_rows=2)
    world.bucket.seen.clear()
    for lists in (0, 1):
        assert await (await select(asker, period)).page(3, None) == wanted
        assert verbs(world).count("LIST") == lists
