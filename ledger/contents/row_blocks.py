"""A report's rows in blocks: one object in which a reader finds the blocks of a page without reading the others.

A block is a gzip member of JSON, a list of rows, which are lists of texts and nulls. Behind the blocks of a sheet lies
the sheet's index, in one more member: for each block and column the range of its cells, so that a filter skips blocks
that cannot match. The preview (`SheetPreview`) has the places of blocks and index.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, NamedTuple

import orjson

from ledger.contents.columns import CellRange
from ledger.contents.readers.sheets import Row
from runtime.compression import pack, unpack

RANGE_CHARACTERS = 16
"""Of a range's texts; a longer one is cut off, and compared up to there."""


class ReportBlock(NamedTuple):
    """A block's place in the object, in bytes, and its number of rows."""

    offset: int
    length: int
    rows: int


@dataclass(frozen=True, slots=True)
class SheetRows:
    """Where a sheet's rows are: its blocks in order, and the index behind them; `text_bytes` is their size unpacked."""

    blocks: Sequence[ReportBlock]
    index_offset: int
    index_length: int
    text_bytes: int = 0


class ReportBlockWriter:
    """Writes blocks and indexes to a file, one sheet after the other."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0
        self._text_bytes = 0
        self._blocks: list[ReportBlock] = []
        self._ranges: list[Sequence[list[str | None] | None]] = []

    def write(self, rows: Sequence[Row], ranges: Sequence[CellRange | None]) -> None:
        """Write one block, with the range of each column's cells."""
        text = orjson.dumps(rows)
        self._text_bytes += len(text)
        offset, length = self._append(text)
        self._blocks.append(ReportBlock(offset, length, len(rows)))
        self._ranges.append([_cut(each) for each in ranges])

    def end_sheet(self) -> SheetRows:
        """Write the index of the blocks since the last sheet."""
        offset, length = self._append(orjson.dumps(self._ranges))
        written = SheetRows(self._blocks, offset, length, self._text_bytes)
        self._blocks, self._ranges, self._text_bytes = [], [], 0
        return written

    def _append(self, body: bytes) -> tuple[int, int]:
        packed = pack(body)
        self._file.write(packed)
        offset, self.size = self.size, self.size + len(packed)
        return offset, len(packed)


def rows_of(member: bytes) -> list[Row]:
    """The rows of a block's bytes.

    Raises:
        CorruptGzipError: they are not the bytes of a whole block.
        ValueError: likewise.
    """
    rows: list[Row] = orjson.loads(unpack(member))
    return rows


def ranges_of(member: bytes) -> list[list[CellRange | None]]:
    """The index: for each block the range of each column that it has.

    Raises:
        CorruptGzipError: these are not the bytes of an index.
        ValueError: likewise.
    """
    return [[CellRange(*each) if each else None for each in block] for block in orjson.loads(unpack(member))]


def _cut(cells: CellRange | None) -> list[str | None] | None:
    if cells is None:
        return None
    return [cells.low[:RANGE_CHARACTERS], cells.high[:RANGE_CHARACTERS], cells.low_number, cells.high_number]
