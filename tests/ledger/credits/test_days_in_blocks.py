"""Large days are read block by block: the answers are those of a plain list, and only the needed blocks are read."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import batched

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.settings import Settings
from ledger.days.day_store import DayStore
from ledger.days.rows import Credit, Position, Rows
from ledger.figures.filters import CreditFilter
from ledger.figures.selection import Selection
from ledger.figures.summaries import SummaryKey, SummaryRequest
from local.vendors.credits import NETWORKS
from runtime.clock import DAY, Period, day_end
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.ledger_process import process
from tests.support.s3.memory_store import MemoryBucket, MemoryStore
from upstreams.openmarket.client import LogRow

FIRST = datetime(2019, 11, 1, tzinfo=UTC)
DAYS = (23, 0, 4, 11, 60, 10)
"""How many rows each day has; those with at most two blocks are read whole."""
BLOCK_ROWS = 5
WHOLE = Period(FIRST, FIRST + len(DAYS) * DAY)
SETTINGS = Settings.read({"LEDGER_BUCKET": "memory", "OPENMARKET_BASE_URL": "http://127.0.0.1:1"})
FAILED = CreditFilter(outcome=frozenset({"FAILED"}))


def log_rows(number: int, count: int) -> Iterable[LogRow]:
    """A day with bursts of equal times; in its third block credits fail, and one is in another currency."""
    for index in range(count):
        time = FIRST + number * DAY + timedelta(minutes=20 * (index // 3))
        outcome = "FAILED" if index in range(10, 15) else "SUCCESS"
        currency = "EUR" if index == 12 else "GBP"
        amount = ("1.00", "1.5", "20")[index % 3]
        msisdn = f"4477009000{index % 7:02}"
        yield LogRow(1000 * index + number, time, msisdn, NETWORKS[index % 4], outcome, amount, currency)


async def write(bucket: MemoryBucket) -> list[Credit]:
    written = list[Credit]()
    for number, count in enumerate(DAYS):
        day = (FIRST + number * DAY).date()
        rows = Rows.of(log_rows(number, count))
        days = DayStore(MemoryStore(bucket), "default", None, BLOCK_ROWS)
        await days.write(day, day_end(day) + timedelta(days=3), rows, settled=True)
        written += rows
    return written


BUCKET = MemoryBucket(MovingClock())
CREDITS = asyncio.run(write(BUCKET))


class Forgetful(Selection):
    """A selection as of very many rows, which remembers none of them."""

    rows_to_remember = 0


class Reader:
    """A fresh process before the bucket; nothing answers at the vendor's address."""

    def __init__(self) -> None:
        self.log = process(SETTINGS, MovingClock(), MemoryStore(BUCKET), block_rows=BLOCK_ROWS).credit_log

    async def select(
        self, period: Period = WHOLE, where: CreditFilter | None = None, made_by: type[Selection] = Selection
    ) -> Selection:
        snapshot = await self.log.snapshot("default", None, period, Deadline.after(20))
        BUCKET.seen.clear()
        BUCKET.ranges.clear()
        return made_by(snapshot, period, where)


def place(credit: Credit) -> Position:
    return credit.time, credit.credit_id


def ranges() -> list[int]:
    """The days whose blocks were read, one entry for each block."""
    return sorted(int(key.partition("/day=")[2][8:10]) for key, _, _ in BUCKET.ranges)


def gets(ending: str) -> int:
    return len(BUCKET.asked("GET", ending))


def meets(where: CreditFilter | None, credit: Credit) -> bool:
    if where is None:
        return True
    sets = ((where.outcome, credit.outcome.name), (where.network, credit.network), (where.currency, credit.currency))
    amount = Decimal(credit.amount)
    return (
        all(wanted is None or value in wanted for wanted, value in sets)
        and where.msisdn in {None, credit.msisdn}
        and where.credit_id in {None, str(credit.credit_id)}
        and (where.min_amount is None or amount >= where.min_amount)
        and (where.max_amount is None or amount <= where.max_amount)
    )


def subsets(*values: str) -> st.SearchStrategy[frozenset[str] | None]:
    return st.none() | st.frozensets(st.sampled_from(values), max_size=2)


filters = st.none() | st.builds(
    CreditFilter,
    outcome=subsets("SUCCESS", "FAILED", "PENDING"),
    network=subsets(*NETWORKS),
    currency=subsets("GBP", "EUR", "USD"),
    msisdn=st.sampled_from([None, None, None, "447700900003", "447700900009"]),
    credit_id=st.sampled_from([None, None, None, "10000", "12004", "7"]),
    min_amount=st.sampled_from([None, None, Decimal("1.5")]),
    max_amount=st.sampled_from([None, None, Decimal("1.5")]),
)
instants = st.one_of(
    st.sampled_from([FIRST + number * DAY for number in range(len(DAYS) + 1)]),
    st.sampled_from([credit.time for credit in CREDITS]),
    st.integers(0, len(DAYS) * 86400).map(lambda seconds: FIRST + timedelta(seconds=seconds)),
)
periods = st.tuples(instants, instants).map(sorted).filter(lambda ends: ends[0] < ends[1]).map(lambda e: Period(*e))
cursors = st.none() | st.tuples(instants, st.integers(0, 10**6)) | st.sampled_from([place(c) for c in CREDITS])
sizes = st.sampled_from([1, 2, 4, 5, 6, 20, 200])


kinds = st.sampled_from([Selection, Forgetful])


@given(period=periods, where=filters, after=cursors, size=sizes, newest_first=st.booleans(), made_by=kinds)
def test_any_page_is_that_of_a_plain_list(
    period: Period,
    where: CreditFilter | None,
    after: Position | None,
    size: int,
    newest_first: bool,
    made_by: type[Selection],
) -> None:
    wanted = [c for c in CREDITS if period.start <= c.time < period.end and meets(where, c)]
    wanted = wanted[::-1] if newest_first else wanted
    beyond = [c for c in wanted if after is None or (place(c) < after if newest_first else place(c) > after)]

    async def read() -> None:
        selection = await Reader().select(period, where, made_by)
        page = await selection.page(size, after, newest_first=newest_first)
        assert list(page.rows) == beyond[:size]
        assert page.has_next == (len(beyond) > size)
        assert page.has_previous == (len(beyond) < len(wanted))

    asyncio.run(read())


@given(period=periods, where=filters, made_by=kinds)
def test_any_count_and_summary_is_that_of_a_plain_list(
    period: Period, where: CreditFilter | None, made_by: type[Selection]
) -> None:
    wanted = [c for c in CREDITS if period.start <= c.time < period.end and meets(where, c)]

    async def read() -> None:
        selection = await Reader().select(period, where, made_by)
        assert await selection.count() == len(wanted)
        for key in ({SummaryKey.DAY, SummaryKey.OUTCOME}, {SummaryKey.HOUR}, {SummaryKey.AMOUNT}):
            lines = await selection.summary(SummaryRequest(frozenset(key)))
            assert sum(line.count for line in lines) == len(wanted)
            for currency in ("GBP", "EUR"):
                amounts = [Decimal(c.amount) for c in wanted if c.currency == currency]
                assert sum(line.amount for line in lines if line.currency == currency) == sum(amounts)
        by_hour = Counter[datetime | None]()
        for line in await selection.summary(SummaryRequest(frozenset({SummaryKey.HOUR}))):
            by_hour[line.hour] += line.count
        assert by_hour == Counter(c.time.replace(minute=0) for c in wanted)

    asyncio.run(read())


pages_of = pytest.mark.parametrize("newest_first", [False, True], ids=["oldest first", "newest first"])


@pytest.mark.anyio
@pages_of
@pytest.mark.parametrize("size", [1, 3, 7, 30])
async def test_pages_one_after_the_other_give_every_row_once(size: int, newest_first: bool) -> None:
    selection, after, seen = await Reader().select(), None, list[Credit]()
    wanted: Sequence[Credit] = CREDITS[::-1] if newest_first else CREDITS
    for some in batched(wanted, size, strict=False):
        page = await selection.page(size, after, newest_first=newest_first)
        assert tuple(page.rows) == some
        seen += page.rows
        assert (page.has_previous, page.has_next) == (after is not None, len(seen) < len(wanted))
        after = place(some[-1])
    assert len(BUCKET.ranges) == len(set(BUCKET.ranges)), "a block is read once, and remembered"


@pytest.mark.anyio
async def test_a_page_reads_the_index_and_the_blocks_that_it_shows() -> None:
    page = await (await Reader().select()).page(7, None)
    assert list(page.rows) == CREDITS[:7]
    assert ranges() == [1, 1]
    assert (gets(".json.gz"), len(BUCKET.seen)) == (1, 3)


@pytest.mark.anyio
async def test_the_newest_page_reads_the_last_blocks() -> None:
    fifth = Period(FIRST + 4 * DAY, FIRST + 5 * DAY)
    page = await (await Reader().select(fifth)).page(4, None, newest_first=True)
    assert list(page.rows) == CREDITS[-11:-15:-1]
    assert ranges() == [5]


@pytest.mark.anyio
async def test_a_cursor_goes_straight_to_its_block() -> None:
    fifth = [credit for credit in CREDITS if credit.time.day == FIRST.day + 4]
    page = await (await Reader().select()).page(1, place(fifth[31]))
    assert list(page.rows) == fifth[32:33]
    assert (ranges(), page.has_previous) == ([5], True)


@pytest.mark.anyio
async def test_a_page_that_takes_a_whole_large_day_reads_it_at_once() -> None:
    await (await Reader().select()).page(200, None)
    assert (ranges(), gets(".json.gz")) == ([], 0)
    assert gets("rows.csv.gz") == 5


@pytest.mark.anyio
async def test_a_filter_reads_only_the_blocks_that_may_match() -> None:
    """Of eleven rows and more the third block has failed ones."""
    selection = await Reader().select(where=FAILED)
    page = await selection.page(100, None)
    assert list(page.rows) == [credit for credit in CREDITS if credit.outcome.name == "FAILED"]
    assert ranges() == [1, 5]
    assert gets("rows.csv.gz") == 2 + 3, "two small days are read whole, and one of three blocks"


@pytest.mark.anyio
async def test_a_day_of_few_blocks_is_searched_in_one_read_unless_its_index_is_known() -> None:
    fourth = Period(FIRST + 3 * DAY, FIRST + 4 * DAY)
    failed = [
        credit for credit in CREDITS if fourth.start <= credit.time < fourth.end and credit.outcome.name == "FAILED"
    ]
    page = await (await Reader().select(fourth, FAILED)).page(100, None)
    assert (list(page.rows), len(BUCKET.seen), gets("rows.csv.gz")) == (failed, 1, 1)

    reader = Reader()
    await (await reader.select(fourth)).page(1, None)
    page = await (await reader.select(fourth, FAILED)).page(100, None)
    assert (list(page.rows), ranges(), gets(".json.gz")) == (failed, [4], 0)


@pytest.mark.anyio
async def test_a_filtered_page_ends_with_the_block_that_fills_it() -> None:
    page = await (await Reader().select(where=CreditFilter(currency=frozenset({"GBP"})))).page(3, None)
    assert page.has_next
    assert ranges() == [1]


@pytest.mark.anyio
async def test_a_period_that_cuts_a_large_day_reads_its_edges_and_counts_the_rest() -> None:
    fifth = FIRST + 4 * DAY
    cut = Period(fifth + timedelta(minutes=30), fifth + timedelta(hours=6))
    inside = [credit for credit in CREDITS if cut.start <= credit.time < cut.end]
    assert await (await Reader().select(cut)).count() == len(inside) > 4 * BLOCK_ROWS
    assert ranges() == [5, 5]


@pytest.mark.anyio
async def test_blocks_are_remembered_and_not_whole_days() -> None:
    selection = await Reader().select()
    for _ in range(2):
        await selection.page(3, None)
    assert len(BUCKET.seen) == 2
    await selection.page(3, place(CREDITS[9]))
    assert len(BUCKET.seen) == 3, "another block, found by the index that is remembered"


@pytest.mark.anyio
async def test_what_a_rollup_tells_of_a_large_day_needs_no_block() -> None:
    """Also where failed credits are in every block, and where the days of another time zone are cut."""
    cheap = CreditFilter(outcome=frozenset({"SUCCESS"}), max_amount=Decimal(1))
    ends = Period(WHOLE.start + timedelta(hours=1), WHOLE.end - timedelta(hours=2))
    selection = await Reader().select(ends, cheap)
    wanted = [c for c in CREDITS if ends.start <= c.time < ends.end and meets(cheap, c)]
    assert await selection.count() == len(wanted)
    (line,) = await selection.summary(SummaryRequest(frozenset({SummaryKey.AMOUNT})))
    assert (line.count, line.value) == (len(wanted), Decimal(1))
    assert (ranges(), gets("rows.csv.gz")) == ([], 0)


@pytest.mark.anyio
async def test_a_filtered_page_reads_no_day_whose_totals_are_known_to_have_no_match() -> None:
    """Only the first and the fifth day have a credit in EUR; without the totals every small day would be read."""
    euros = CreditFilter(currency=frozenset({"EUR"}), msisdn="447700900005")
    reader = Reader()
    await (await reader.select(where=CreditFilter(currency=frozenset({"EUR"})))).count()
    page = await (await reader.select(where=euros)).page(10, None)
    assert list(page.rows) == [credit for credit in CREDITS if meets(euros, credit)] != []
    assert (set(ranges()), gets("rows.csv.gz")) == ({1, 5}, 2)
