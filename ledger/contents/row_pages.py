"""A page of a report's rows, filtered: only the blocks that it needs are read, by ranged GETs.

Without a filter these are the blocks of the page. With one, all blocks whose ranges do not rule a match out, since
`total` counts every match; where a sheet is small all of it is read at once.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import NamedTuple

from ledger.contents.columns import NUMBERS, CellRange, ReportColumn
from ledger.contents.previews import SheetPreview
from ledger.contents.readers.sheets import Row
from ledger.contents.row_blocks import RANGE_CHARACTERS, ReportBlock, ranges_of, rows_of
from ledger.storage.store import LedgerUnavailable, Store
from runtime.compression import CorruptGzipError

SMALL_BYTES = 131_072
"""A sheet whose blocks take no more is read without its index."""
RUN_BYTES = 2 * 1024 * 1024
"""Neighbouring blocks are read together, up to this size."""
READS_AT_ONCE = 8


type TakeRow = Callable[[Row], None]
"""Called with each row of a page before the next is read; it raises to end the reading."""


class CannotFilter(Exception):
    """A filter names a column that there is not, or bounds one that has no numbers; the text names no cell."""


@dataclass(frozen=True, slots=True)
class CellFilter:
    """What a column's cells have to be; None leaves a condition out. `equals` of an empty text finds empty cells."""

    column: str
    equals: str | None = None
    starts_with: str | None = None
    min: Decimal | None = None
    max: Decimal | None = None

    def matches(self, cell: str | None) -> bool:
        """Whether a cell fits."""
        if self.equals is not None and (cell or "") != self.equals:
            return False
        if self.starts_with is not None and not (cell or "").startswith(self.starts_with):
            return False
        if self.min is None and self.max is None:
            return True
        if cell is None:
            return False
        number = Decimal(cell)
        return (self.min is None or number >= self.min) and (self.max is None or number <= self.max)

    def may_match(self, cells: CellRange | None) -> bool:
        """Whether a block with this range of cells may have one that fits; None is a block of empty cells."""
        if not self.equals and not self.starts_with and self.min is None and self.max is None:
            return True
        if cells is None:
            return False
        return self._text_may_match(cells) and self._number_may_match(cells)

    def _text_may_match(self, cells: CellRange) -> bool:
        for text in filter(None, (self.equals, self.starts_with)):
            if text[:RANGE_CHARACTERS] > cells.high or cells.low[: len(text)] > text:
                return False
        return True

    def _number_may_match(self, cells: CellRange) -> bool:
        if cells.low_number is None or cells.high_number is None:
            return True
        if self.min is not None and Decimal(cells.high_number) < self.min:
            return False
        return self.max is None or Decimal(cells.low_number) <= self.max


class ReportRowPage(NamedTuple):
    """Rows with their numbers in the sheet, from 0, and how many there are that fit."""

    rows: Sequence[Row]
    numbers: Sequence[int]
    total: int
    has_previous: bool
    has_next: bool


@dataclass(frozen=True, slots=True)
class SheetReader:
    """Reads the rows of one sheet."""

    store: Store
    rows_key: str
    sheet: SheetPreview
    small_bytes: int = SMALL_BYTES

    async def page(self, filters: Sequence[CellFilter], first: int, after: int | None, take: TakeRow) -> ReportRowPage:
        """The first rows that fit all filters, behind the row with the number `after`; `take` is given each of them.

        Raises:
            CannotFilter: a filter does not fit the sheet.
            LedgerUnavailable: S3 could not serve, or the rows are not there.
            Exception: what `take` raises; then no more is read.
        """
        start = 0 if after is None else after + 1
        if not filters:
            return await self._plain_page(first, start, take)
        fits = _condition(filters, self.sheet.columns)
        rows, numbers, total, before = list[Row](), list[int](), 0, 0
        async for number, row in self._rows(await self._candidates(filters)):
            if not fits(row):
                continue
            total += 1
            before += number < start
            if number >= start and len(rows) < first:
                take(row)
                rows.append(row)
                numbers.append(number)
        has_next = total - before > len(rows)
        return ReportRowPage(self._whole(rows), numbers, total, before > 0, has_next)

    async def _plain_page(self, first: int, start: int, take: TakeRow) -> ReportRowPage:
        total, end = self.sheet.row_count, start + first
        wanted = [
            each for each in _numbered(self.sheet.rows.blocks) if each[0] < end and each[0] + each[1].rows > start
        ]
        rows, numbers = list[Row](), list[int]()
        async for number, row in self._rows(wanted):
            if start <= number < end:
                take(row)
                rows.append(row)
                numbers.append(number)
        return ReportRowPage(self._whole(rows), numbers, total, start > 0, end < total)

    def _whole(self, rows: Sequence[Row]) -> list[Row]:
        """The rows with a cell for each column."""
        width = len(self.sheet.columns)
        return [row + [None] * (width - len(row)) for row in rows]

    async def _candidates(self, filters: Sequence[CellFilter]) -> list[tuple[int, ReportBlock]]:
        """The blocks that may hold a row that fits, with the numbers of their first rows."""
        where, numbered = self.sheet.rows, _numbered(self.sheet.rows.blocks)
        if sum(block.length for block in where.blocks) <= self.small_bytes:
            return numbered
        index = _decoded(ranges_of, await self._read(where.index_offset, where.index_offset + where.index_length))
        places = [(each, _place(each, self.sheet.columns)) for each in filters]
        return [
            each
            for each, ranges in zip(numbered, index, strict=True)
            if all(one.may_match(ranges[place] if place < len(ranges) else None) for one, place in places)
        ]

    async def _rows(self, blocks: Sequence[tuple[int, ReportBlock]]) -> AsyncIterator[tuple[int, Row]]:
        """The rows of some blocks with their numbers; the next blocks are read while these are looked at."""
        runs = _runs(blocks)
        for some in (runs[at : at + READS_AT_ONCE] for at in range(0, len(runs), READS_AT_ONCE)):
            reads = (self._read(run[0][1].offset, run[-1][1].offset + run[-1][1].length) for run in some)
            for run, body in zip(some, await asyncio.gather(*reads), strict=True):
                begins = run[0][1].offset
                for number, block in run:
                    member = body[block.offset - begins : block.offset - begins + block.length]
                    for row in enumerate(_decoded(rows_of, member), number):
                        yield row

    async def _read(self, start: int, end: int) -> bytes:
        body = await self.store.get_range(self.rows_key, start, end)
        if body is None or len(body) != end - start:
            raise LedgerUnavailable("the rows of a report's file are missing or shorter than they were")
        return body


def _decoded[T](decode: Callable[[bytes], T], member: bytes) -> T:
    try:
        return decode(member)
    except (CorruptGzipError, ValueError) as error:
        raise LedgerUnavailable("the rows of a report's file are damaged") from error


def _numbered(blocks: Sequence[ReportBlock]) -> list[tuple[int, ReportBlock]]:
    numbers = accumulate((block.rows for block in blocks), initial=0)
    return list(zip(numbers, blocks, strict=False))


def _runs(blocks: Sequence[tuple[int, ReportBlock]]) -> list[list[tuple[int, ReportBlock]]]:
    """Blocks that lie next to each other, together up to a size."""
    runs: list[list[tuple[int, ReportBlock]]] = []
    for each in blocks:
        begins, last = (runs[-1][0][1], runs[-1][-1][1]) if runs else (None, None)
        follows = begins and last and each[1].offset == last.offset + last.length
        if begins and follows and each[1].offset + each[1].length - begins.offset <= RUN_BYTES:
            runs[-1].append(each)
        else:
            runs.append([each])
    return runs


def _condition(filters: Sequence[CellFilter], columns: Sequence[ReportColumn]) -> Callable[[Row], bool]:
    places = [(each, _place(each, columns)) for each in filters]
    return lambda row: all(each.matches(row[place] if place < len(row) else None) for each, place in places)


def _place(condition: CellFilter, columns: Sequence[ReportColumn]) -> int:
    place = next((at for at, column in enumerate(columns) if column.name == condition.column), None)
    if place is None:
        raise CannotFilter("the sheet has no column of this name")
    if (condition.min is not None or condition.max is not None) and columns[place].type not in NUMBERS:
        raise CannotFilter("min and max take a column of the type INTEGER or DECIMAL")
    return place
