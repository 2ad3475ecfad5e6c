"""Pages of a report's rows are those that a reader of the whole file would cut, and read no more than they need."""

import asyncio
import io
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.contents.opening import open_file
from ledger.contents.previews import SheetPreview
from ledger.contents.readers.sheets import Row
from ledger.contents.row_pages import CannotFilter, CellFilter, ReportRowPage, SheetReader
from ledger.storage.store import LedgerUnavailable
from tests.support.report_files import csv_bytes
from tests.support.s3.memory_store import MemoryBucket, MemoryStore

HEADER = ["id", "customer", "amount", "price", "note"]
COUNT = 12_000
KEY = "rows"


class Stored(NamedTuple):
    """A report's rows in a bucket, and as they are."""

    bucket: MemoryBucket
    sheet: SheetPreview
    rows: list[list[str | None]]

    def page(self, filters: Sequence[CellFilter] = (), first: int = 100, after: int | None = None) -> ReportRowPage:
        reader = SheetReader(MemoryStore(self.bucket), KEY, self.sheet, small_bytes=0)
        return asyncio.run(reader.page(filters, first, after, lambda _: None))

    def bytes_read(self, filters: Sequence[CellFilter], after: int | None = None) -> int:
        """How many bytes a page of a hundred rows reads."""
        sizes: list[int] = []

        class Measured(MemoryStore):
            async def get_range(self, key: str, start: int, end: int) -> bytes | None:
                sizes.append(end - start)
                return await super().get_range(key, start, end)

        reader = SheetReader(Measured(self.bucket), KEY, self.sheet, small_bytes=0)
        asyncio.run(reader.page(filters, 100, after, lambda _: None))
        return sum(sizes)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    dice = Random(13)  # noqa: S311 - the same rows every time
    rows = [
        [1000 + number, f"Customer {number // 100:03}", dice.randrange(-50, 50), Decimal(number) / 100,
         "note" if number % 7 else None]
        for number in range(COUNT)
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("rows") / "file.csv"
    path.write_bytes(csv_bytes(HEADER, rows))
    written = io.BytesIO()
    [sheet] = open_file(path, written, KEY, lambda: None).sheets
    bucket = MemoryBucket()
    asyncio.run(MemoryStore(bucket).put(KEY, written.getvalue()))
    return Stored(bucket, sheet, [[None if cell is None else str(cell) for cell in row] for row in rows])


bounds = st.none() | st.decimals(-60, 8000, places=1)
filters = st.lists(
    st.one_of(
        st.builds(CellFilter, st.just("customer"), equals=st.sampled_from(["Customer 007", "Customer 1", "", "zz"])),
        st.builds(CellFilter, st.just("customer"), starts_with=st.sampled_from(["Customer 01", "C", "D", ""])),
        st.builds(CellFilter, st.just("id"), equals=st.integers(900, 1000 + COUNT).map(str)),
        st.builds(CellFilter, st.just("note"), equals=st.sampled_from(["", "note"])),
        st.builds(CellFilter, st.sampled_from(["id", "amount", "price"]), min=bounds, max=bounds),
    ),
    max_size=3,
)  # fmt: skip


@settings(max_examples=60)
@given(filters, st.integers(1, 300), st.none() | st.integers(0, COUNT))
def test_a_page_is_what_a_reader_of_all_rows_would_cut(
    stored: Stored, chosen: list[CellFilter], first: int, after: int | None
) -> None:
    def fits(row: list[str | None]) -> bool:
        return all(one.matches(row[HEADER.index(one.column)]) for one in chosen)

    fitting = [(number, row) for number, row in enumerate(stored.rows) if fits(row)]
    beyond = [(number, row) for number, row in fitting if after is None or number > after]
    page = stored.page(chosen, first, after)
    assert list(zip(page.numbers, page.rows, strict=True)) == beyond[:first]
    assert (page.total, page.has_next) == (len(fitting), len(beyond) > first)
    assert page.has_previous == (len(beyond) < len(fitting) if chosen else after is not None)


def whole(stored: Stored) -> int:
    return sum(block.length for block in stored.sheet.rows.blocks)


def test_a_page_without_a_filter_reads_its_own_blocks_alone(stored: Stored) -> None:
    assert len(stored.sheet.rows.blocks) == 24
    last = stored.bytes_read([], COUNT - 101)
    assert last == stored.sheet.rows.blocks[-1].length < whole(stored) / 20


@pytest.mark.parametrize(
    "condition",
    [
        CellFilter("customer", equals="Customer 042"),
        CellFilter("customer", starts_with="Customer 04"),
        CellFilter("id", min=Decimal(5200), max=Decimal(5210)),
        CellFilter("price", max=Decimal("0.5")),
    ],
)
def test_a_filter_skips_the_blocks_that_cannot_match(stored: Stored, condition: CellFilter) -> None:
    read = stored.bytes_read([condition])
    assert read < whole(stored) / 4


def test_a_column_that_there_is_not_and_bounds_of_texts_are_refused(stored: Stored) -> None:
    with pytest.raises(CannotFilter, match="no column"):
        stored.page([CellFilter("nobody", equals="x")])
    with pytest.raises(CannotFilter, match="INTEGER or DECIMAL"):
        stored.page([CellFilter("customer", min=Decimal(1))])


@pytest.mark.parametrize("damage", [None, b"", b"not gzip at all, but as long as a block is" * 50])
def test_rows_that_are_lost_or_damaged_are_no_empty_page(stored: Stored, damage: bytes | None) -> None:
    bucket = MemoryBucket()
    if damage is not None:
        asyncio.run(MemoryStore(bucket).put(KEY, damage))
    with pytest.raises(LedgerUnavailable):
        Stored(bucket, stored.sheet, []).page(first=10)


@pytest.mark.parametrize("filters", [(), (CellFilter("note", equals="note"),)])
def test_a_page_is_given_up_at_the_row_that_does_not_fit(stored: Stored, filters: Sequence[CellFilter]) -> None:
    """Not when all of its rows are in memory: one row may have a million characters."""
    taken: list[Row] = []

    def take(row: Row) -> None:
        taken.append(row)
        if len(taken) == 3:
            raise MemoryError

    reader = SheetReader(MemoryStore(stored.bucket), KEY, stored.sheet)
    with pytest.raises(MemoryError):
        asyncio.run(reader.page(filters, 10_000, None, take))
    assert len(taken) == 3
