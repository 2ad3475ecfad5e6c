"""What a day of 100,000 credits costs beside one of 4,000, with blocks of the size that the product writes."""

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from functions.settings import Settings
from ledger.days.blocks import BLOCK_ROWS
from ledger.days.day_store import DayStore
from ledger.days.rows import Rows
from ledger.figures.filters import CreditFilter
from ledger.figures.selection import Selection
from runtime import telemetry
from runtime.clock import DAY, Period, day_end, rfc3339
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.ledger_process import process
from tests.support.s3.memory_store import MemoryBucket, MemoryStore

pytestmark = pytest.mark.slow
SMALL, LARGE = (datetime(2019, 11, day, tzinfo=UTC) for day in (1, 2))
ROWS = {SMALL: 4_000, LARGE: 100_000}
NUMBER = "447700900007"
SETTINGS = Settings.read({"LEDGER_BUCKET": "memory", "OPENMARKET_BASE_URL": "http://127.0.0.1:1"})
MB = 1_000_000


def rows_of(day: datetime, count: int) -> Rows:
    """A day whose credits fail between 12:00 and 12:10 only."""
    cells: list[str] = []
    for index in range(count):
        second = 86_400 * index // count
        outcome = "FAILED" if 43_200 <= second < 43_800 else "SUCCESS"
        msisdn = NUMBER if index % 5_000 == 0 else f"44770091{index:06}"
        time = rfc3339(day + timedelta(seconds=second))
        cells += (str(index * 7919), time, msisdn, "O2", outcome, outcome.lower(), "1.50", "GBP")
    return Rows(cells)


@pytest.fixture(scope="module")
def bucket() -> MemoryBucket:
    bucket = MemoryBucket(MovingClock())
    days = DayStore(MemoryStore(bucket), "default", None)
    for start, count in ROWS.items():
        day = start.date()
        asyncio.run(days.write(day, day_end(day) + 3 * DAY, rows_of(start, count), settled=True))
    return bucket


type Wish = Callable[[Selection], Awaitable[object]]


def cost(bucket: MemoryBucket, start: datetime, wish: Wish, where: CreditFilter | None = None) -> tuple[int, float]:
    """The bytes that a fresh process reads of S3 for a wish, and the megabytes that it takes at most."""

    async def read() -> None:
        log = process(SETTINGS, MovingClock(), MemoryStore(bucket)).credit_log
        period = Period(start, start + DAY)
        await wish(Selection(await log.snapshot("default", None, period, Deadline.after(60)), period, where))

    token = telemetry.current.set(telemetry.Telemetry())
    tracemalloc.start()
    try:
        asyncio.run(read())
        return telemetry.current.get().counts["s3.bytes_read"], tracemalloc.get_traced_memory()[1] / MB
    finally:
        tracemalloc.stop()
        telemetry.current.reset(token)


PAGES: dict[str, Wish] = {
    "the first": lambda selection: selection.page(100, None),
    "the newest": lambda selection: selection.page(100, None, newest_first=True),
    "of noon": lambda selection: selection.page(100, (LARGE + timedelta(hours=12), 0)),
}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_a_page_of_a_large_day_reads_no_more_than_two_of_a_small_one(page: Wish, bucket: MemoryBucket) -> None:
    small, _ = cost(bucket, SMALL, PAGES["the first"])
    read, taken = cost(bucket, LARGE, page)
    assert read < 2 * small
    assert taken < 24


def test_a_filter_reads_the_blocks_that_may_match(bucket: MemoryBucket) -> None:
    """Ten minutes of the day are 700 rows: one block, or two."""
    failed = CreditFilter(outcome=frozenset({"FAILED"}), msisdn=NUMBER)
    everything, _ = cost(bucket, LARGE, lambda selection: selection.count(), CreditFilter(msisdn=NUMBER))
    read, _ = cost(bucket, LARGE, lambda selection: selection.page(1000, None), failed)
    assert read < everything * 3 * BLOCK_ROWS / ROWS[LARGE]


def test_a_count_that_reads_every_block_holds_a_few(bucket: MemoryBucket) -> None:
    async def count(selection: Selection) -> None:
        assert await selection.count() == ROWS[LARGE] // 5_000

    read, taken = cost(bucket, LARGE, count, CreditFilter(msisdn=NUMBER))
    stored = sum(len(item.body) for key, item in bucket.objects.items() if f"day={LARGE.date()}/rows" in key)
    assert read >= stored
    assert taken < 40
