"""The rows with which a page begins are asked for beside the LIST, and change nothing but the time that it takes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from ledger.credits.early_rows import PageStart
from ledger.days.rows import Credit
from ledger.figures.selection import Selection
from ledger.figures.summaries import SummaryKey, SummaryRequest
from ledger.figures.summary_lines import SummaryLines
from ledger.storage.bucket import ListedObject, StoredObject
from ledger.storage.store import LedgerUnavailable, Store
from runtime import deadline
from runtime.clock import DAY, Period
from runtime.compression import pack
from runtime.deadline import Deadline
from tests.support.processes.ledger_process import LedgerProcess, process
from tests.support.processes.shared_ledger import MIDNIGHT, SharedLedger
from tests.support.s3.memory_store import MemoryBucket
from tests.support.s3.waits import WaitingConnection, Waits

pytestmark = pytest.mark.anyio
HOUR = timedelta(hours=1)
FIRST = MIDNIGHT - 4 * DAY
"""1 December; the tests begin at noon of the 7th, when the 3rd is settled since midnight and the month is not over."""
DAY_ONE = Period(FIRST, FIRST + DAY)
THREE_DAYS = Period(FIRST, FIRST + 3 * DAY)
ROWS_NAME = "rows.csv.gz"
START = PageStart(None, newest_first=False)


def started(shared: SharedLedger, waits: Waits, block_rows: int = 4096) -> LedgerProcess:
    """A process whose waits are counted."""
    store = Store(WaitingConnection(shared.bucket, waits))
    return process(shared.settings, shared.clock, store, shared.vendors, block_rows)


async def select(asker: LedgerProcess, period: Period = DAY_ONE, start: PageStart | None = START) -> Selection:
    return Selection(
        await asker.credit_log.snapshot("default", None, period, Deadline.after(20), page=start), period, None
    )


async def credits_of(asker: LedgerProcess, period: Period = DAY_ONE, start: PageStart | None = START) -> list[Credit]:
    selection = await select(asker, period, start)
    after, newest_first = start or START
    return list((await selection.page(100, after, newest_first=newest_first)).rows)


async def summed(asker: LedgerProcess, start: PageStart | None) -> SummaryLines:
    return await (await select(asker, DAY_ONE, start)).summary(SummaryRequest(frozenset({SummaryKey.HOUR}), UTC))


@pytest.fixture
async def stored(shared: SharedLedger) -> SharedLedger:
    """A ledger with three settled days in a month that is not over; a day has ten credits."""
    shared.clock.advance(hours=48)
    assert len(await credits_of(shared.start(), THREE_DAYS)) == 30
    shared.openmarket.requests.clear()
    return shared


async def test_a_page_of_a_settled_day_without_a_month_is_one_wait(stored: SharedLedger) -> None:
    waits = Waits()
    asker = started(stored, waits)
    assert await credits_of(asker) == await credits_of(stored.start(), start=None)
    assert waits.steps == ["GET+LIST"]
    waits.forget()
    await credits_of(asker)
    assert not waits.steps


@pytest.mark.parametrize(
    ("period", "start", "days"),
    [
        (THREE_DAYS, START, [1]),
        (Period(FIRST + HOUR, FIRST + 2 * DAY + HOUR), START, [1, 2]),
        (Period(FIRST + HOUR, FIRST + 2 * HOUR), START, [1]),
        (THREE_DAYS, PageStart(None, newest_first=True), [3]),
        (Period(FIRST, FIRST + 2 * DAY + HOUR), PageStart(None, newest_first=True), [3, 2]),
        (THREE_DAYS, PageStart((FIRST + DAY + HOUR, 7), newest_first=False), [2, 3]),
        (THREE_DAYS, PageStart((FIRST + DAY + HOUR, 7), newest_first=True), [2, 1]),
        (THREE_DAYS, PageStart((FIRST + 3 * DAY, 7), newest_first=False), []),
    ],
)
def test_the_days_asked_for_are_those_that_the_page_shows_first(
    period: Period, start: PageStart, days: list[int]
) -> None:
    """One day, or two where the page begins within the first, as a day of another time zone does."""
    assert [day.day for day in start.days(list(period.days()), period)] == days


async def test_a_page_of_a_day_of_another_time_zone_is_one_wait(stored: SharedLedger) -> None:
    period = Period(FIRST + 23 * HOUR, FIRST + DAY + 23 * HOUR)
    waits = Waits()
    assert await credits_of(started(stored, waits), period) == await credits_of(stored.start(), period, None)
    assert waits.steps == ["GET+GET+LIST"]


async def test_a_summary_of_a_settled_day_is_one_wait_with_the_figures_of_its_rollup(stored: SharedLedger) -> None:
    waits = Waits()
    early = await summed(started(stored, waits), START)
    assert waits.steps == ["GET+LIST"]
    assert early == await summed(stored.start(), None)
    assert sum(bucket.count for bucket in early) == 10


async def test_a_day_that_cannot_be_settled_yet_is_not_asked_for(stored: SharedLedger) -> None:
    """Nor is one that has just become so, before the keeper had time."""
    fourth = Period(FIRST + 3 * DAY, FIRST + 4 * DAY)
    await credits_of(stored.start(), fourth)
    stored.clock.advance(hours=12, minutes=30)
    waits = Waits()
    asker = started(stored, waits)
    await credits_of(asker, fourth)
    assert waits.steps[0] == "LIST"


def unchanged(_: MemoryBucket) -> None:
    """The day as it was written."""


def lost(bucket: MemoryBucket) -> None:
    del bucket.objects[key_of(bucket)]


def damaged(bucket: MemoryBucket) -> None:
    replace_body(bucket, b"rubbish")


def cut_off(bucket: MemoryBucket) -> None:
    replace_body(bucket, pack(b"credit_id,time,msisdn,network,outcome,raw_outcome,amount,currency\n"))


def fetched_anew(bucket: MemoryBucket) -> None:
    """Other rows in the place of those that the rollup describes: they were lost, and one has changed since."""
    key = key_of(bucket)
    stored_object = bucket.objects[key]
    attributes = {**stored_object.attributes, "fetched": "2019-12-06T11:00:00Z"}
    bucket.objects[key] = replace(stored_object, attributes=attributes)


def without_rollup(bucket: MemoryBucket) -> None:
    for key in [key for key in bucket.objects if f"day={FIRST.date()}/_settled-" in key]:
        del bucket.objects[key]


def key_of(bucket: MemoryBucket) -> str:
    return next(key for key in bucket.objects if f"day={FIRST.date()}/{ROWS_NAME}" in key)


def replace_body(bucket: MemoryBucket, body: bytes) -> None:
    key = key_of(bucket)
    bucket.objects[key] = replace(bucket.objects[key], body=body)


@pytest.mark.parametrize("happens", [unchanged, lost, damaged, cut_off, fetched_anew, without_rollup])
async def test_whatever_has_happened_to_the_day_the_answer_and_the_vendors_calls_are_those_of_the_list(
    stored: SharedLedger, happens: Callable[[MemoryBucket], None]
) -> None:
    """The rows are used only if they are those that the LIST shows, and no caller waits longer."""
    happens(stored.bucket)
    before = dict(stored.bucket.objects)
    outcomes = []
    for start in (None, START):
        stored.bucket.objects = dict(before)
        stored.openmarket.requests.clear()
        waits = Waits()
        page = await credits_of(started(stored, waits), start=start)
        outcomes.append((page, len(stored.asked_periods), len(waits.steps)))
    (late, late_calls, late_waits), (early, early_calls, early_waits) = outcomes
    assert (early, early_calls) == (late, late_calls)
    assert len(early) == 10
    assert early_waits <= late_waits


async def test_a_day_of_four_blocks_is_one_wait_instead_of_three(stored: SharedLedger) -> None:
    late, early = Waits(), Waits()
    by_index = await select(started(stored, late, block_rows=3), start=None)
    whole = await select(started(stored, early, block_rows=3))
    assert await by_index.page(4, None) == await whole.page(4, None)
    assert (late.steps, early.steps) == (["LIST", "GET", "GET"], ["GET+LIST"])


async def test_a_page_of_a_month_that_has_no_object_is_two_waits_instead_of_three(stored: SharedLedger) -> None:
    """Of a month that could be settled, but is not: a query looks for its object once in a quarter of an hour."""
    november = Period(FIRST - DAY, FIRST)
    expected = await credits_of(stored.start(), november)
    late, early = Waits(), Waits()
    assert await credits_of(started(stored, late), november, None) == expected
    assert await credits_of(started(stored, early), november) == expected
    assert (late.steps, early.steps) == (["GET", "LIST", "GET"], ["GET+GET", "LIST"])


class SupersededBetween(WaitingConnection):
    """S3 that loses a day's rows after they have been read early, and before it lists the day."""

    def __init__(self, bucket: MemoryBucket, waits: Waits) -> None:
        super().__init__(bucket, waits)
        self._was_read = asyncio.Event()

    async def get_small(self, key: str, most_bytes: int) -> StoredObject | None:
        stored = self.bucket.objects[key]
        assert len(stored.body) <= most_bytes
        del self.bucket.objects[key]
        self._was_read.set()
        return StoredObject(stored.body, stored.e_tag, stored.attributes)

    async def pages(self, folder: str, after: str | None) -> AsyncIterator[list[ListedObject]]:
        await self._was_read.wait()
        async for page in super().pages(folder, after):
            yield page


async def test_rows_that_the_list_does_not_show_any_more_are_not_used(stored: SharedLedger) -> None:
    store = Store(SupersededBetween(stored.bucket, Waits()))
    asker = process(stored.settings, stored.clock, store, stored.vendors)
    assert len(await credits_of(asker)) == 10
    assert stored.asked_periods == [(DAY_ONE.start, DAY_ONE.end)]


async def test_a_large_day_is_read_by_its_blocks_as_before(stored: SharedLedger) -> None:
    """It is not known to be large before the LIST has said it; the next page of it asks for nothing in vain."""
    stored.openmarket.rows_a_day, stored.block_rows = 30, 5
    fourth = Period(FIRST - DAY, FIRST)
    expected = await credits_of(stored.start(), fourth, None)
    assert len(expected) == 30
    waits = Waits()
    asker = started(stored, waits, stored.block_rows)
    selection = await select(asker, fourth)
    assert list((await selection.page(4, None)).rows) == expected[:4]
    assert waits.steps == ["GET+GET", "LIST", "GET", "GET"], "the month, the LIST, the index, the block"


class HangingEarly(WaitingConnection):
    """S3 that never answers a read of an object that may not be needed."""

    async def get_small(self, key: str, most_bytes: int) -> StoredObject | None:
        await asyncio.Event().wait()
        raise AssertionError(key, most_bytes)


async def test_s3_that_hangs_on_the_early_read_alone_costs_a_tenth_of_a_second(stored: SharedLedger) -> None:
    """The rows are asked for again, and S3 does not count as away."""
    waits = Waits()
    store = Store(HangingEarly(stored.bucket, waits))
    asker = process(stored.settings, stored.clock, store, stored.vendors)
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await credits_of(asker) == await credits_of(stored.start(), start=None)
    assert waits.steps == ["LIST", "GET"]
    assert loop.time() - began < 2
    assert not stored.asked_periods


async def test_an_early_read_that_is_late_does_not_make_s3_count_as_away(stored: SharedLedger) -> None:
    store = Store(HangingEarly(stored.bucket, Waits()))
    token = deadline.current.set(Deadline.after(0.2))
    try:
        with pytest.raises(LedgerUnavailable):
            await store.get_early("key", 1)
        await store.put("key", b"S3 is there")
    finally:
        deadline.current.reset(token)


async def test_s3_that_fails_the_early_read_alone_is_asked_again(stored: SharedLedger) -> None:
    class FailingEarly(WaitingConnection):
        async def get_small(self, key: str, most_bytes: int) -> StoredObject | None:
            raise LedgerUnavailable(f"{key} of at most {most_bytes} bytes")

    asker = process(stored.settings, stored.clock, Store(FailingEarly(stored.bucket, Waits())), stored.vendors)
    assert len(await credits_of(asker)) == 10
    assert not stored.asked_periods


async def test_fifteen_equal_fields_of_a_query_share_the_read(stored: SharedLedger) -> None:
    aliases = " ".join(
        f'a{number}: creditLog(from: "{FIRST.isoformat()}", to: "{(FIRST + DAY).isoformat()}") {{ nodes {{ time }} }}'
        for number in range(15)
    )
    asker = stored.start()
    stored.bucket.seen.clear()
    assert len((await asker.ask(f"{{ {aliases} }}"))["data"]["a14"]["nodes"]) == 10
    assert [verb for verb, _ in stored.bucket.seen] == ["LIST", "GET"]
