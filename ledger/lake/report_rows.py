"""The rows of report files in the lake: a table for each header, to which every report with these columns adds a file.

    lake/report_rows/tenant=acme/signature=9cc864331bb5c5cb/2026-11-20-5f0c63e1a4b2c9d8-0.parquet

Each column is there as text, as the file has it, and, in files in which it holds numbers only, once more as an exact
DECIMAL(38, 18) under its name with `_number`: so a column has one type in all files, whatever a month had in it. Five
columns have the origin of a row; `_file` is the SHA-256 of the file, which is equal for copies of a report.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, NamedTuple

from ledger.contents.columns import NUMBERS
from ledger.contents.previews import SheetPreview
from ledger.contents.readers.sheets import ColumnNames
from ledger.contents.row_blocks import rows_of
from ledger.lake.month_files import LAKE_PREFIX
from ledger.lake.parquet import COMPRESSION, INTEGER, ROW_GROUP, TEXT, TIMESTAMP, Column, Row, decimal, write_parquet

REPORT_ROWS = "report_rows"
NUMBER = decimal(38, 18)
NUMBER_ENDING = "_number"
ORIGIN = {"_report": TEXT, "_created": TIMESTAMP, "_file": TEXT, "_sheet": TEXT, "_row": INTEGER}
"""The columns that say where a row is from."""
GROUP_BYTES = 24 * 1024 * 1024
"""Of a row group's texts, which are all in memory."""
CELL_BYTES = 24
"""What a cell takes beside its text, at most, as a column of its type."""
WIDE, LIGHT_COMPRESSION = 500, "snappy"
"""Beyond so many columns: each column that is being written has a compressor, and one of zstd takes 50 to 100 kB."""
DIGEST_LENGTH = 16
MOST_BYTES = 256 * 1024 * 1024
"""Of one Parquet file, but for its last row group: it waits on the function's own disk of 512 MB, beside the rows."""


class LakeFileTooLarge(Exception):
    """A sheet takes more as Parquet than the disk has for it."""


@dataclass(frozen=True, slots=True)
class RowsOrigin:
    """Where rows are from: the report, when its file was made, and the file's SHA-256."""

    report: str
    created: datetime
    sha256: str
    digest: str

    def key(self, tenant: str, sheet: SheetPreview, number: int) -> str:
        """Where a sheet's rows are stored in the lake; `number` is the sheet's place in its file."""
        folder = f"{LAKE_PREFIX}/{REPORT_ROWS}/tenant={tenant}/signature={sheet.signature}"
        return f"{folder}/{self.created.date()}-{self.digest[:DIGEST_LENGTH]}-{number}.parquet"


def write_report_rows(
    file: IO[bytes],
    stored: Path,
    sheet: SheetPreview,
    origin: RowsOrigin,
    continues: Callable[[], None],
    most: int = MOST_BYTES,
) -> None:
    """Write one sheet's rows as Parquet; `stored` holds the blocks that the preview names.

    Raises:
        LakeFileTooLarge: it has more than `most` bytes before its last row group.
        ValueDoesNotFit: a number is larger than the type; no reader gives one.
        Exception: what `continues` raises, between two blocks.
    """
    layout = _layout(sheet)

    def checked_blocks() -> Iterator[Sequence[Row]]:
        for rows in _blocks(stored, sheet, origin, layout):
            continues()
            if file.tell() > most:
                raise LakeFileTooLarge
            yield rows

    width = len(layout.columns)
    compression = COMPRESSION if width <= WIDE else LIGHT_COMPRESSION
    write_parquet(file, layout.columns, checked_blocks(), row_group=_row_group(sheet, width), compression=compression)


class _Layout(NamedTuple):
    """The columns of a sheet's table, and where in a row of the sheet its texts and its numbers are."""

    columns: list[Column]
    texts: list[int]
    numbers: list[int]


def _layout(sheet: SheetPreview) -> _Layout:
    names = ColumnNames(most=2 * len(sheet.columns) + len(ORIGIN))
    for name in ORIGIN:
        names.add(name)
    order = sorted(range(len(sheet.columns)), key=lambda at: sheet.columns[at].name)
    texts = [Column(names.names[names.add(sheet.columns[at].name)], TEXT) for at in order]
    every_number = [names.names[names.add(sheet.columns[at].name + NUMBER_ENDING)] for at in order]
    numeric = [at for at in order if sheet.columns[at].type in NUMBERS]
    numbers = [Column(every_number[order.index(at)], NUMBER) for at in numeric]
    columns = [*(Column(name, kind, distinct=name == "_row") for name, kind in ORIGIN.items()), *texts, *numbers]
    return _Layout(columns, order, numeric)


def _blocks(stored: Path, sheet: SheetPreview, origin: RowsOrigin, layout: _Layout) -> Iterator[Sequence[Row]]:
    """The table's rows, a block of the sheet at a time."""
    first = (origin.report, origin.created, origin.sha256, sheet.name)
    places = [*layout.texts, *layout.numbers]
    number = 0
    with stored.open("rb") as file:
        for block in sheet.rows.blocks:
            file.seek(block.offset)
            rows = rows_of(file.read(block.length))
            whole = [row + [None] * (len(sheet.columns) - len(row)) for row in rows]
            yield [(*first, number + at, *(row[place] for place in places)) for at, row in enumerate(whole)]
            number += len(rows)


def _row_group(sheet: SheetPreview, width: int) -> int:
    """Rows of a row group, by what a row of the sheet takes on average."""
    row_bytes = width * CELL_BYTES + 2 * sheet.rows.text_bytes // max(1, sheet.row_count)
    return max(1, min(ROW_GROUP, GROUP_BYTES // row_bytes))
