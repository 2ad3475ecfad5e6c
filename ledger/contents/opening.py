"""Opens one file: each sheet is read once, described, and written in blocks on the way.

Memory holds one block of rows and what is known of each column, whatever the file's size.
"""

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import IO

from ledger.contents.columns import CellRange, ColumnProfile
from ledger.contents.previews import FIRST_ROWS, FIRST_ROWS_CHARACTERS, Preview, PreviewState, SheetPreview
from ledger.contents.readers.kinds import sheets_of
from ledger.contents.readers.refusals import Broken, Refusal, TooLarge, Unsupported
from ledger.contents.readers.sheets import Row, Sheet, in_unicode
from ledger.contents.row_blocks import ReportBlockWriter

LOG = logging.getLogger("tally.keeper")

BLOCK_ROWS = 500
BLOCK_CHARACTERS = 1_048_576
MOST_ROWS_BYTES = 200 * 1024 * 1024
"""Of all blocks, compressed: they wait on the function's own disk, beside the file."""
PROGRESS_ROWS = 100_000
_STATES: dict[type[Refusal], PreviewState] = {
    TooLarge: PreviewState.TOO_LARGE,
    Broken: PreviewState.BROKEN,
    Unsupported: PreviewState.UNSUPPORTED,
}


class Interrupted(Exception):
    """The reading was ended before the file did."""


type Continues = Callable[[], None]
"""Called between blocks; it raises `Interrupted` to end the reading."""


def open_file(path: Path, rows: IO[bytes], rows_key: str, continues: Continues) -> Preview:
    """Describe a file, and write its rows to `rows`, of which the preview says that they are stored under `rows_key`.

    Raises:
        Interrupted: by `continues`.
    """
    opener = _Opener(ReportBlockWriter(rows), continues)
    try:
        sheets = [opener.describe(sheet) for sheet in sheets_of(path)]
    except Refusal as refusal:
        return Preview(_STATES[type(refusal)], str(refusal))
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001 - a file may hold anything, and the next one has to be opened
        # Its text may hold a cell, so it is not logged; nor is a traceback, which ends with it.
        place = traceback.extract_tb(error.__traceback__)[-1]
        LOG.error("a report file could not be opened: %s in %s:%s", type(error).__name__, place.name, place.lineno)  # noqa: TRY400 - likewise
        return Preview(PreviewState.BROKEN, "the file could not be read")
    return Preview(PreviewState.READY, sheets=sheets, rows_key=rows_key)


@dataclass(slots=True)
class _Opener:
    writer: ReportBlockWriter
    continues: Continues
    read: int = 0

    def describe(self, sheet: Sheet) -> SheetPreview:
        """Read a sheet to its end."""
        described = _SheetProfile()
        for block in _blocks(sheet.rows):
            self.continues()
            width = len(sheet.columns.names)
            self.writer.write(block, described.add(block, width))
            if self.writer.size > MOST_ROWS_BYTES:
                raise TooLarge("the file has more rows than are stored")
            self._report_progress(len(block))
        return described.preview(sheet, self.writer)

    def _report_progress(self, rows: int) -> None:
        before, self.read = self.read, self.read + rows
        if before // PROGRESS_ROWS != self.read // PROGRESS_ROWS:
            LOG.info("%d rows of the report file have been read", self.read)


@dataclass(slots=True)
class _SheetProfile:
    """What is known of a sheet so far."""

    columns: list[ColumnProfile] = field(default_factory=list)
    first: list[Row] = field(default_factory=list)
    count: int = 0
    _characters: int = 0

    def add(self, block: Sequence[Row], width: int) -> list[CellRange | None]:
        """Take one block; the range of each column's cells in it."""
        self.columns.extend(ColumnProfile(self.count) for _ in range(width - len(self.columns)))
        cells = zip_longest(*block, fillvalue=None)
        ranges = [column.add(each) for column, each in zip(self.columns, cells, strict=False)]
        for column in self.columns[len(ranges) :]:
            column.nulls += len(block)
        for row in block[: FIRST_ROWS - len(self.first)] if self.count == len(self.first) else ():
            self._characters += sum(len(cell) for cell in row if cell)
            if self._characters > FIRST_ROWS_CHARACTERS:
                break
            self.first.append(row)
        self.count += len(block)
        return ranges

    def preview(self, sheet: Sheet, writer: ReportBlockWriter) -> SheetPreview:
        """The sheet, when all of its rows have been taken."""
        names = sheet.columns.names
        self.columns.extend(ColumnProfile(self.count) for _ in range(len(names) - len(self.columns)))
        columns = [column.column(name) for column, name in zip(self.columns, names, strict=True)]
        first = [row + [None] * (len(names) - len(row)) for row in self.first]
        return SheetPreview(sheet.name, columns, first, self.count, writer.end_sheet())


def _blocks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows in blocks that are bounded by their number and by their characters."""
    block, characters = list[Row](), 0
    for row in rows:
        block.append(row)
        characters += sum(len(cell) for cell in row if cell)
        if len(block) >= BLOCK_ROWS or characters >= BLOCK_CHARACTERS:
            yield _in_unicode(block)
            block, characters = [], 0
    if block:
        yield _in_unicode(block)


def _in_unicode(block: list[Row]) -> list[Row]:
    """The rows, with half of a character's code (a file may hold one) replaced as Unicode says."""
    try:
        "".join(cell for row in block for cell in row if cell).encode()
    except UnicodeEncodeError:
        return [[cell and in_unicode(cell) for cell in row] for row in block]
    return block
