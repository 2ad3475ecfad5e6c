"""What is inside a report's file: its size, digest and duplicates, a sheet's preview, and pages of its rows."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.contents.columns import ReportColumn
from ledger.contents.opened_files import OpenedFile, OpenedFiles
from ledger.contents.previews import OtherFormatError, PreviewState, SheetPreview, StoredPreview
from ledger.contents.row_pages import CannotFilter, CellFilter, ReportRowPage
from ledger.reports.identity import ReportId, ReportKey
from schema.errors import BadUserInput, ResultTooLarge
from schema.limits import arguments
from schema.limits.response_budget import REPORT_CELL, REPORT_COLUMN
from schema.resolvers.context import Context
from schema.resolvers.relay import cursors
from schema.resolvers.relay.connections import PageInfo

type Cells = Sequence[Sequence[str | None]]

MOST_READS = 300
"""Previews and pages of rows in one request."""
LONGEST_NUMBER = 12
"""Digits of a row's number in a cursor."""
READS_AT_ONCE = 16
"""Previews that are read side by side for one request."""


@dataclass(frozen=True, slots=True)
class ReportPreview:
    """A sheet of a report's file, or why there is none."""

    state: PreviewState
    reason: str | None = None
    sheets: Sequence[str] = ()
    columns: Sequence[ReportColumn] = ()
    rows: Cells = field(default=(), repr=False)
    row_count: int | None = None
    signature: str | None = None


@dataclass(frozen=True, slots=True)
class ReportRows:
    """A page of a sheet's rows; cursors are made when they are selected."""

    columns: Sequence[str]
    page: ReportRowPage = field(repr=False)
    binding: tuple[str, ...]

    @property
    def rows(self) -> Cells:
        """The page's rows."""
        return self.page.rows

    @property
    def total_count(self) -> int:
        """How many rows fit the filter."""
        return self.page.total

    def page_info(self) -> PageInfo:
        """Where the page lies among the rows that fit."""
        numbers = self.page.numbers
        return PageInfo(
            has_next_page=self.page.has_next,
            end_cursor=cursors.encode(self.binding, (str(numbers[-1]),)) if numbers else None,
            has_previous_page=self.page.has_previous,
            start_cursor=cursors.encode(self.binding, (str(numbers[0]),)) if numbers else None,
        )


class FileContents:
    """The files of one request's reports; which of them have been opened is read once for all."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._opened: asyncio.Future[OpenedFiles] | None = None
        self._slots = asyncio.Semaphore(READS_AT_ONCE)
        self._reads = 0

    async def opened(self, key: ReportKey | None) -> OpenedFile | None:
        """A report's file, if it has been opened."""
        return None if key is None else (await self._all_opened()).find(key)

    async def duplicate_of(self, key: ReportKey | None) -> ReportId | None:
        """The first report whose file has the same bytes; None if it is this one, or the file has not been opened."""
        file = await self.opened(key)
        return (await self._all_opened()).duplicate_of(file) if file else None

    async def preview(self, key: ReportKey | None, sheet: str | None, first: int | None) -> ReportPreview:
        """A sheet's columns and first rows; PENDING while the file has not been opened.

        Raises:
            BadUserInput: there is no such sheet.
        """
        size = arguments.first(first, arguments.PREVIEW_ROWS, arguments.LARGEST_PREVIEW)
        stored, found = await self._sheet(key, sheet)
        if stored is None or found is None:
            return ReportPreview(stored.state if stored else PreviewState.PENDING, stored.reason if stored else None)
        rows = found.first_rows[:size]
        for row in rows:
            self._take_row(row, len(found.columns))
        self._context.budget.take(len(found.columns), REPORT_COLUMN)
        return ReportPreview(
            state=stored.state,
            sheets=stored.names,
            columns=found.columns,
            rows=rows,
            row_count=found.row_count,
            signature=found.signature,
        )

    async def rows(
        self,
        key: ReportKey | None,
        sheet: str | None,
        where: Sequence[Mapping[str, Any]] | None,
        first: int | None,
        after: str | None,
    ) -> ReportRows | None:
        """A page of a sheet's rows; None where the file could not be opened, or has not been.

        Raises:
            BadUserInput: there is no such sheet or column, or the cursor is one of another list.
        """
        size = arguments.first(first, arguments.DEFAULT_PAGE)
        named = {str(each["column"]) for each in where or ()}
        filters = [filter_ for each in where or () if (filter_ := _filter(each)) is not None]
        binding = ("reportRows", self._context.tenant, key.digest if key else "", sheet or "", *map(repr, filters))
        position = _position(binding, after)
        stored, found = await self._sheet(key, sheet)
        if stored is None or found is None:
            return None
        names = [column.name for column in found.columns]
        if not named.issubset(names):
            raise BadUserInput("the sheet has no column of this name")
        reader, width = self._context.ledger.contents.reader(stored, found), len(found.columns)
        try:
            async with self._slots:
                page = await reader.page(filters, size, position, lambda row: self._take_row(row, width))
        except CannotFilter as error:
            raise BadUserInput(str(error)) from None
        self._context.budget.take(sum(map(len, names)), 1)
        return ReportRows(names, page, binding)

    async def _all_opened(self) -> OpenedFiles:
        if self._opened is None:
            self._opened = asyncio.ensure_future(self._context.ledger.contents.opened(self._context.tenant))
        return await self._opened

    async def _sheet(
        self, key: ReportKey | None, sheet: str | None
    ) -> tuple[StoredPreview | None, SheetPreview | None]:
        """What is stored of a file, and of its sheet; neither where there is none."""
        self._context.private = True
        if key is None:
            return None, None
        self._reads += 1
        if self._reads > MOST_READS:
            raise ResultTooLarge(f"the query opens more than {MOST_READS} report files: ask for fewer reports by first")
        async with self._slots:
            stored = await self._context.ledger.contents.preview(self._context.tenant, key)
        if stored is None or stored.state is not PreviewState.READY:
            return stored, None
        try:
            found = stored.sheet(sheet)
        except OtherFormatError:
            return None, None
        if found is None and sheet is not None:
            raise BadUserInput("the report's file has no sheet of this name")
        return stored, found

    def _take_row(self, row: Sequence[str | None], width: int) -> None:
        """Reserve space for a row as soon as it is read: some of them may have a million characters."""
        self._context.budget.take(1, width * REPORT_CELL + sum(len(cell) for cell in row if cell))


def _filter(where: Mapping[str, Any]) -> CellFilter | None:
    """The filter of a `ReportCellFilter`; None when it has no condition."""
    conditions = {name: value for name, value in where.items() if value is not None}
    return CellFilter(**conditions) if len(conditions) > 1 else None


def _position(binding: tuple[str, ...], after: str | None) -> int | None:
    if after is None:
        return None
    match cursors.decode(binding, after):
        case [number] if number.isdecimal() and len(number) <= LONGEST_NUMBER:
            return int(number)
    raise BadUserInput(cursors.NOT_VALID)
