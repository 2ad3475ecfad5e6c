"""Pages, counts and summaries of stored days, and how little is read for them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import batched

import pytest

from functions.settings import Settings
from ledger.days.rows import Credit, Position
from ledger.figures.filters import CreditFilter
from ledger.figures.selection import Selection
from ledger.figures.summaries import SummaryKey, SummaryRequest
from runtime.clock import DAY, Period
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.ledger_process import process
from tests.support.s3.memory_store import MemoryBucket, MemoryStore
from tests.support.s3.settled_days import settle
from upstreams.openmarket.client import CreditState

pytestmark = pytest.mark.anyio
FIRST = datetime(2019, 11, 1, tzinfo=UTC)
A_DAY = 12
SETTINGS = Settings.read({"LEDGER_BUCKET": "memory", "OPENMARKET_BASE_URL": "http://127.0.0.1:1"})


class Reader:
    """A fresh process before a bucket with settled days; nothing answers at the vendor's address."""

    def __init__(self, bucket: MemoryBucket) -> None:
        self.bucket = bucket
        self.log = process(SETTINGS, MovingClock(), MemoryStore(bucket)).credit_log

    async def select(self, start: datetime, end: datetime, where: CreditFilter | None = None) -> Selection:
        snapshot = await self.log.snapshot("default", None, Period(start, end), Deadline.after(5))
        self.bucket.seen.clear()
        return Selection(snapshot, Period(start, end), where)


@pytest.fixture
async def bucket() -> MemoryBucket:
    bucket = MemoryBucket(MovingClock())
    await settle(MemoryStore(bucket), FIRST, 5, A_DAY)
    await settle(MemoryStore(bucket), FIRST + 5 * DAY, 1, 0)
    await settle(MemoryStore(bucket), FIRST + 6 * DAY, 4, A_DAY)
    return bucket


async def everything(bucket: MemoryBucket) -> list[Credit]:
    selection = await Reader(bucket).select(FIRST, FIRST + 10 * DAY)
    return list((await selection.page(10_000, None)).rows)


def place(credit: Credit) -> Position:
    return credit.time, credit.credit_id


def bodies(bucket: MemoryBucket) -> list[str]:
    return sorted(key.rpartition("/day=")[2] for key in bucket.asked("GET", "rows.csv.gz"))


@pytest.mark.parametrize("size", [1, 5, A_DAY - 1, A_DAY, A_DAY + 1, 3 * A_DAY, 200])
async def test_pages_of_any_size_give_every_row_once(size: int, bucket: MemoryBucket) -> None:
    wanted, selection = await everything(bucket), await Reader(bucket).select(FIRST, FIRST + 10 * DAY)
    after, seen = None, 0
    for some in batched(wanted, size, strict=False):
        page = await selection.page(size, after)
        assert tuple(page.rows) == some
        seen += len(some)
        assert (page.has_previous, page.has_next) == (after is not None, seen < len(wanted))
        after = place(some[-1])
    beyond = await selection.page(size, after)
    assert (len(beyond.rows), beyond.has_previous, beyond.has_next) == (0, True, False)


async def test_a_page_reads_only_the_days_it_shows(bucket: MemoryBucket) -> None:
    await (await Reader(bucket).select(FIRST, FIRST + 10 * DAY)).page(A_DAY - 1, None)
    assert bodies(bucket) == ["2019-11-01/rows.csv.gz"]


async def test_one_more_than_a_day_reads_the_next_day(bucket: MemoryBucket) -> None:
    await (await Reader(bucket).select(FIRST, FIRST + 10 * DAY)).page(A_DAY, None)
    assert bodies(bucket) == ["2019-11-01/rows.csv.gz", "2019-11-02/rows.csv.gz"]


async def test_a_page_steps_over_an_empty_day_without_reading_it(bucket: MemoryBucket) -> None:
    selection = await Reader(bucket).select(FIRST, FIRST + 10 * DAY)
    last_of_fifth = place((await everything(bucket))[5 * A_DAY - 1])
    bucket.seen.clear()
    page = await selection.page(1, last_of_fifth)
    assert page.rows.credit(0).time.date().day == 7
    assert bodies(bucket) == ["2019-11-05/rows.csv.gz", "2019-11-07/rows.csv.gz"]


async def test_a_cursor_between_two_rows_goes_on_with_the_next_one(bucket: MemoryBucket) -> None:
    selection, wanted = await Reader(bucket).select(FIRST, FIRST + 10 * DAY), await everything(bucket)
    for position, first in [
        ((FIRST, 0), wanted[0]),
        ((FIRST + DAY, 0), wanted[A_DAY]),
        ((FIRST + DAY - timedelta.resolution, 2**64 - 1), wanted[A_DAY]),
        ((FIRST + 5 * DAY + timedelta(hours=3), 7), wanted[5 * A_DAY]),
    ]:
        assert (await selection.page(1, position)).rows.credit(0) == first


async def test_whole_days_are_counted_and_summed_without_reading_rows(bucket: MemoryBucket) -> None:
    selection = await Reader(bucket).select(FIRST, FIRST + 10 * DAY)
    assert await selection.count() == 9 * A_DAY
    assert bucket.seen == []
    summary = await selection.summary(SummaryRequest(frozenset({SummaryKey.DAY, SummaryKey.OUTCOME})))
    assert sum(line.count for line in summary) == 9 * A_DAY
    assert bodies(bucket) == []
    assert len(bucket.asked("GET")) == 9, "a day without rows adds up to nothing"


async def test_days_that_the_period_cuts_are_read(bucket: MemoryBucket) -> None:
    cut = await Reader(bucket).select(FIRST + timedelta(hours=12), FIRST + 3 * DAY + timedelta(hours=12))
    inside = [
        c for c in await everything(bucket) if timedelta(hours=12) <= c.time - FIRST < timedelta(days=3, hours=12)
    ]
    bucket.seen.clear()
    assert await cut.count() == len(inside)
    assert bodies(bucket) == ["2019-11-01/rows.csv.gz", "2019-11-04/rows.csv.gz"]
    (total,) = [line for line in await cut.summary(SummaryRequest(frozenset())) if line.currency == "GBP"]
    assert total.amount == sum(Decimal(credit.amount) for credit in inside if credit.currency == "GBP")


async def test_a_filter_by_outcome_is_counted_and_summed_without_reading_rows(bucket: MemoryBucket) -> None:
    failed = CreditFilter(outcome=frozenset({"FAILED"}))
    selection = await Reader(bucket).select(FIRST, FIRST + 10 * DAY, failed)
    wanted = [credit for credit in await everything(bucket) if credit.outcome is CreditState.FAILED]
    bucket.seen.clear()
    assert await selection.count() == len(wanted)
    assert sum(line.count for line in await selection.summary(SummaryRequest(frozenset({SummaryKey.HOUR})))) == len(
        wanted
    )
    assert bodies(bucket) == []
    assert len(bucket.asked("GET")) == 9
    assert list((await selection.page(3, None)).rows) == wanted[:3]


async def test_a_filter_by_phone_number_looks_into_every_day_once(bucket: MemoryBucket) -> None:
    wanted = (await everything(bucket))[40]
    selection = await Reader(bucket).select(FIRST, FIRST + 10 * DAY, CreditFilter(msisdn=wanted.msisdn))
    assert wanted in (await selection.page(100, None)).rows
    count = await selection.count()
    assert sum(line.count for line in await selection.summary(SummaryRequest(frozenset({SummaryKey.HOUR})))) == count
    assert len(bodies(bucket)) == 9


async def test_a_period_that_cuts_days_at_whole_hours_is_summed_without_reading_rows(bucket: MemoryBucket) -> None:
    cut = await Reader(bucket).select(FIRST + timedelta(hours=23), FIRST + 3 * DAY + timedelta(hours=23))
    inside = [c for c in await everything(bucket) if 23 <= (c.time - FIRST) / timedelta(hours=1) < 95]
    bucket.seen.clear()
    summary = await cut.summary(SummaryRequest(frozenset({SummaryKey.OUTCOME})))
    assert sum(line.count for line in summary) == len(inside)
    assert sum(line.amount for line in summary) == sum(Decimal(credit.amount) for credit in inside)
    assert bodies(bucket) == []


async def test_a_summary_is_in_the_order_of_its_keys_and_leaves_out_the_others(bucket: MemoryBucket) -> None:
    selection = await Reader(bucket).select(FIRST, FIRST + 2 * DAY)
    by_hour = await selection.summary(SummaryRequest(frozenset({SummaryKey.HOUR})))
    assert [line.hour for line in by_hour] == sorted(line.hour or FIRST for line in by_hour)
    assert {(line.day, line.network, line.outcome) for line in by_hour} == {(None, None, None)}
    whole = await selection.summary(SummaryRequest(frozenset()))
    assert {(line.day, line.hour, line.network, line.outcome) for line in whole} == {(None, None, None, None)}
    assert sum(line.count for line in whole) == 2 * A_DAY


async def test_thirty_settled_days_cost_one_list_and_the_pages_own_days() -> None:
    bucket = MemoryBucket(MovingClock())
    await settle(MemoryStore(bucket), FIRST, 30, 40)
    reader = Reader(bucket)
    bucket.seen.clear()
    snapshot = await reader.log.snapshot("default", None, Period(FIRST, FIRST + 30 * DAY), Deadline.after(5))
    await Selection(snapshot, Period(FIRST, FIRST + 30 * DAY), None).page(100, None)
    assert [verb for verb, key in bucket.seen if "/_months/" not in key] == ["LIST", "GET", "GET", "GET"]
    assert bodies(bucket) == [f"2019-11-0{day}/rows.csv.gz" for day in (1, 2, 3)]


async def test_a_settled_years_summary_reads_no_rows() -> None:
    bucket, start = MemoryBucket(MovingClock()), FIRST - 366 * DAY
    await settle(MemoryStore(bucket), start, 366, 5)
    reader = Reader(bucket)
    bucket.seen.clear()
    snapshot = await reader.log.snapshot("default", None, Period(start, FIRST), Deadline.after(5))
    summary = await Selection(snapshot, Period(start, FIRST), None).summary(
        SummaryRequest(frozenset({SummaryKey.DAY, SummaryKey.OUTCOME}))
    )
    assert sum(line.count for line in summary) == 366 * 5
    assert len(bucket.asked("LIST")) == 1
    assert len([key for key in bucket.asked("GET") if "/_months/" not in key]) == 366
    assert bodies(bucket) == []
