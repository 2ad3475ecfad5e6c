"""What is inside a report's file: `bytes`, `sha256`, `duplicateOf`, and, with a scope of its own, `preview`."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from ledger.contents.columns import ReportColumn
from ledger.contents.opened_files import OpenedFile, OpenedFiles
from ledger.contents.previews import OtherFormatError, PreviewState, SheetPreview, StoredPreview
from ledger.reports.identity import ReportId, ReportKey
from schema.errors import BadUserInput
from schema.limits import arguments
from schema.limits.response_budget import REPORT_CELL, REPORT_COLUMN
from schema.resolvers.context import Context

type Cells = Sequence[Sequence[str | None]]

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


class FileContents:
    """The files of one request's reports; which of them have been opened is read once for all."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._opened: asyncio.Future[OpenedFiles] | None = None
        self._slots = asyncio.Semaphore(READS_AT_ONCE)

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
        self._take_cells(rows)
        self._context.budget.take(len(found.columns), REPORT_COLUMN)
        return ReportPreview(
            state=stored.state,
            sheets=stored.names,
            columns=found.columns,
            rows=rows,
            row_count=found.row_count,
            signature=found.signature,
        )

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

    def _take_cells(self, rows: Cells) -> None:
        budget = self._context.budget
        budget.take(sum(len(row) for row in rows), REPORT_CELL)
        budget.take(sum(len(cell) for row in rows for cell in row if cell), 1)
