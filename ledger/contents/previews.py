"""What is known of a report's file: whether it could be opened, its sheets, their columns and first rows.

Stored as one small gzip object of JSON lines: a line about the file, then one for each sheet, so that a reader parses
the sheet that it shows. Objects of another format are read as though they were not there, and written again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from typing import Any

import orjson

from ledger.contents.columns import CellType, ReportColumn
from ledger.contents.readers.sheets import Row
from ledger.contents.row_blocks import ReportBlock, SheetRows
from runtime.compression import CorruptGzipError, pack, unpack

READER_VERSION = 1
"""Of the readers: a file that an earlier one opened is opened again. A later version counts up."""
FIRST_ROWS = 100
FIRST_ROWS_CHARACTERS = 262_144
"""The first rows of a sheet that a preview holds have at most so many characters."""


class PreviewState(Enum):
    """Whether a file could be opened."""

    READY = "READY"
    PENDING = "PENDING"
    UNSUPPORTED = "UNSUPPORTED"
    TOO_LARGE = "TOO_LARGE"
    BROKEN = "BROKEN"


@dataclass(frozen=True, slots=True)
class SheetPreview:
    """One sheet: its columns, first rows, number of rows, and where all of its rows are."""

    name: str | None
    columns: Sequence[ReportColumn]
    first_rows: Sequence[Row] = field(repr=False)
    row_count: int
    rows: SheetRows

    @property
    def signature(self) -> str:
        """The same for sheets with the same columns, in whatever order: the months of one generator share it."""
        return sha256(orjson.dumps(sorted(column.name for column in self.columns))).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Preview:
    """A file as it was opened; `rows_key` is the object with the rows of all sheets."""

    state: PreviewState
    reason: str | None = None
    sheets: Sequence[SheetPreview] = ()
    rows_key: str | None = None


class OtherFormatError(Exception):
    """The bytes are not a preview that this version reads."""


def encoded(preview: Preview) -> bytes:
    """A preview as it is stored."""
    head = {
        "reader": READER_VERSION,
        "state": preview.state.value,
        "reason": preview.reason,
        "rows": preview.rows_key,
        "sheets": [sheet.name for sheet in preview.sheets],
        "filled": [bool(sheet.columns) for sheet in preview.sheets],
    }
    return pack(b"\n".join([orjson.dumps(head), *(orjson.dumps(_sheet_json(sheet)) for sheet in preview.sheets)]))


def with_attempts(stored: "StoredPreview | None", attempts: int) -> bytes:
    """The object while a file is being opened: what is known so far, and how often this reader has begun."""
    head, lines = (stored.head, stored.lines) if stored else (_PENDING, ())
    return pack(b"\n".join([orjson.dumps(head | {"attempts": [READER_VERSION, attempts]}), *lines]))


_PENDING = {"reader": 0, "state": "PENDING", "reason": None, "rows": None, "sheets": [], "filled": []}


@dataclass(frozen=True, slots=True)
class StoredPreview:
    """A stored preview, of which a sheet is parsed when it is asked for."""

    head: dict[str, Any]
    lines: Sequence[bytes] = field(repr=False)

    @classmethod
    def read(cls, body: bytes) -> "StoredPreview":
        """Read a stored object.

        Raises:
            OtherFormatError: it is not a preview, or not whole.
        """
        try:
            first, *lines = unpack(body).split(b"\n")
            head = orjson.loads(first)
            whole = isinstance(head, dict) and len(head["sheets"]) == len(head["filled"]) == len(lines)
            if not whole or head["state"] not in PreviewState or not isinstance(head["reader"], int):
                raise OtherFormatError
        except (CorruptGzipError, ValueError, LookupError, TypeError) as error:
            raise OtherFormatError from error
        return cls(head, lines)

    @property
    def state(self) -> PreviewState:
        """Whether the file could be opened."""
        return PreviewState(self.head["state"])

    @property
    def reason(self) -> str | None:
        """Why it could not."""
        return None if self.head["reason"] is None else str(self.head["reason"])

    @property
    def rows_key(self) -> str:
        """The object with the rows of all sheets."""
        return str(self.head["rows"])

    @property
    def attempts(self) -> int:
        """How often this version's reader has begun to open the file, without having ended."""
        reader, attempts = self.head.get("attempts") or (0, 0)
        return int(attempts) if reader == READER_VERSION else 0

    @property
    def names(self) -> list[str]:
        """The sheets' names; none for a file that is not a workbook."""
        return [name for name in self.head["sheets"] if name is not None]

    def every_sheet(self) -> list[SheetPreview]:
        """All sheets, in order.

        Raises:
            OtherFormatError: a line is not one of a sheet.
        """
        return [_sheet_of_json(line) for line in self.lines]

    def sheet(self, name: str | None) -> SheetPreview | None:
        """The sheet of a name; without one the first that has columns, else the first. None if there is none.

        Raises:
            OtherFormatError: its line is not one of a sheet.
        """
        if name is None:
            index = next((at for at, filled in enumerate(self.head["filled"]) if filled), 0)
        elif name in self.head["sheets"]:
            index = self.head["sheets"].index(name)
        else:
            return None
        return _sheet_of_json(self.lines[index]) if self.lines else None


def _sheet_json(sheet: SheetPreview) -> dict[str, Any]:
    return {
        "name": sheet.name,
        "columns": [
            [each.name, each.type.value, each.nulls, each.distinct, each.min, each.max, each.sum]
            for each in sheet.columns
        ],
        "first": sheet.first_rows,
        "count": sheet.row_count,
        "blocks": [[block.length, block.rows] for block in sheet.rows.blocks],
        "start": sheet.rows.blocks[0].offset if sheet.rows.blocks else 0,
        "index": [sheet.rows.index_offset, sheet.rows.index_length, sheet.rows.text_bytes],
    }


def _sheet_of_json(line: bytes) -> SheetPreview:
    try:
        value = orjson.loads(line)
        columns = [ReportColumn(name, CellType(kind), *rest) for name, kind, *rest in value["columns"]]
        blocks, offset = [], value["start"]
        for length, rows in value["blocks"]:
            blocks.append(ReportBlock(offset, length, rows))
            offset += length
        rows = SheetRows(blocks, *value["index"])
        return SheetPreview(value["name"], columns, value["first"], value["count"], rows)
    except (ValueError, LookupError, TypeError) as error:
        raise OtherFormatError from error
