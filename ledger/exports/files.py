"""An export's bytes: rows as CSV or JSON lines, in deflate segments that join to one gzip file, or become a workbook.

Each day becomes a segment that ends on a byte and refers to nothing before it. Segments that several processes wrote,
hours apart, can therefore be joined, with a running CRC from one to the next. The file is a single gzip member, because
some clients stop after the first one.
"""

import csv
import io
import struct
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import batched, chain
from pathlib import Path
from typing import IO

import orjson

from ledger.days.rows import COLUMNS, WIDTH, CorruptRows, Rows, belong_to
from ledger.exports.jobs import ExportFormat
from ledger.exports.spreadsheets import neutralised
from ledger.figures.filters import CreditFilter
from runtime.compression import STORED

BLOCK = 4096
"""Rows that are checked, and written as text, at the same time."""
TEXT_BYTES = 1024 * 1024
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
LAST_BLOCK = b"\x03\x00"
"""An empty final deflate block (RFC 1951 §3.2.6)."""

type StoredRow = Sequence[str]


class CorruptSegments(Exception):
    """Stored segments are not the text that they should be."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Compressed rows, and the running CRC and length of the text up to their end."""

    body: bytes
    rows: int
    crc: int
    length: int


def stored_rows(body: bytes | IO[bytes], day: date, count: int | None) -> Iterator[StoredRow]:
    """A stored day's rows, a block at a time: the whole day is never in memory. `body` may be a file to read from.

    Raises:
        CorruptRows: while they are read, as `ledger.days.rows.decode` does.
    """
    from isal import igzip, isal_zlib

    file = io.BytesIO(body) if isinstance(body, bytes) else body
    try:
        with igzip.open(file, "rt", encoding="utf-8", newline="") as text:  # type: ignore[no-untyped-call]
            yield from _checked(csv.reader(text), day, count)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, isal_zlib.error) as error:  # type: ignore[misc]  # isal's stubs do not know it
        raise CorruptRows(f"stored rows are unreadable: {type(error).__name__}") from error


def _checked(lines: Iterator[list[str]], day: date, count: int | None) -> Iterator[StoredRow]:
    """The rows after the header, once their block has been checked; their number is checked at the end."""
    if tuple(next(lines, ())) != COLUMNS:
        raise CorruptRows("stored rows have another header")
    total = 0
    for block in batched(lines, BLOCK, strict=False):
        if any(len(row) != WIDTH for row in block) or not belong_to(day, Rows([*chain(*block)])):
            raise CorruptRows(f"stored rows have cells that do not belong into their columns, or into {day}")
        total += len(block)
        yield from block
    if count not in {None, total}:
        raise CorruptRows(f"{count} rows should be stored, there are {total}")


def rows_in_memory(rows: Rows) -> Iterator[StoredRow]:
    """The rows of a day that is in memory already."""
    return (rows.cells[at : at + WIDTH] for at in range(0, len(rows.cells), WIDTH))


def matching_rows(rows: Iterator[StoredRow], where: CreditFilter) -> Iterator[StoredRow]:
    """The rows that meet a filter, a block at a time."""
    for block in batched(rows, BLOCK, strict=False):
        yield from rows_in_memory(where.matching(Rows([*chain(*block)])))


async def newest_first(rows: Iterator[StoredRow]) -> Iterator[StoredRow]:
    """Rows from the last to the first. Until all have been read they wait compressed, so a day takes little memory.

    Raises:
        CorruptRows: the rows were unreadable.
    """
    import asyncio

    from isal import isal_zlib

    blocks: list[bytes] = []
    for block in batched(rows, BLOCK, strict=False):
        blocks.append(isal_zlib.compress(orjson.dumps([*map(list, block)]), level=STORED))
        await asyncio.sleep(0)
    return (row for block in reversed(blocks) for row in reversed(orjson.loads(isal_zlib.decompress(block))))


class SegmentWriter:
    """Compresses rows that come in several pieces; `crc` and `length` are those of all text before them."""

    def __init__(self, written_as: ExportFormat, crc: int, length: int) -> None:
        from isal import isal_zlib

        self._write = WRITERS[written_as]
        self._deflate = isal_zlib.compressobj(level=STORED, wbits=-15)
        self._chunks: list[bytes] = []
        self._rows, self._crc, self._length = 0, crc, length

    async def add(self, rows: Iterator[StoredRow]) -> None:
        """Append rows, with pauses for other tasks.

        Raises:
            CorruptRows: the rows were unreadable.
        """
        import asyncio

        from isal import isal_zlib

        for block in batched(rows, BLOCK, strict=False):
            text = self._write(block)
            self._chunks.append(self._deflate.compress(text))
            self._crc, self._length = isal_zlib.crc32(text, self._crc), self._length + len(text)
            self._rows += len(block)
            await asyncio.sleep(0)

    def finish(self) -> Segment:
        """All that was added."""
        from isal import isal_zlib

        self._chunks.append(self._deflate.flush(isal_zlib.Z_FULL_FLUSH))
        return Segment(b"".join(self._chunks), self._rows, self._crc, self._length)


async def segment(rows: Iterator[StoredRow], written_as: ExportFormat, crc: int, length: int) -> Segment:
    """Compress rows, see `SegmentWriter`.

    Raises:
        CorruptRows: the rows were unreadable.
    """
    writer = SegmentWriter(written_as, crc, length)
    await writer.add(rows)
    return writer.finish()


async def opening(written_as: ExportFormat) -> Segment:
    """The beginning of a file: CSV's header, or nothing."""
    if written_as is not ExportFormat.CSV:
        return Segment(b"", 0, 0, 0)
    header = await segment(iter([COLUMNS]), written_as, 0, 0)
    return Segment(header.body, 0, header.crc, header.length)


async def gzip_file(segments: AsyncIterator[bytes], crc: int, length: int) -> AsyncIterator[bytes]:
    """One gzip member around the segments (RFC 1952)."""
    yield GZIP_HEADER
    async for body in segments:
        yield body
    yield LAST_BLOCK + struct.pack("<II", crc, length & 0xFFFFFFFF)


async def chunks_of(path: Path) -> AsyncIterator[bytes]:
    """A file's bytes, some at a time."""
    with path.open("rb") as file:
        while chunk := file.read(TEXT_BYTES):
            yield chunk


class SegmentCheck:
    """Unpacks segments one by one, to compare the CRC and length of their text with those that a step has stored."""

    def __init__(self) -> None:
        self._crc = 0
        self._length = 0

    async def texts(self, body: bytes) -> AsyncIterator[bytes]:
        """Unpack the next segments; other tasks run in between, and little of the text is in memory at once.

        Raises:
            CorruptSegments: they cannot be unpacked.
        """
        import asyncio

        from isal import isal_zlib

        inflate = isal_zlib.decompressobj(wbits=-15)
        while body:
            try:
                text = inflate.decompress(body, TEXT_BYTES)
            except isal_zlib.error as error:  # type: ignore[misc]  # as above
                raise CorruptSegments(f"unreadable segments: {error}") from error
            self._crc, self._length = isal_zlib.crc32(text, self._crc), self._length + len(text)
            body = inflate.unconsumed_tail
            yield text
            await asyncio.sleep(0)

    def finish(self, crc: int, length: int) -> None:
        """Compare all text so far with what it should be.

        Raises:
            CorruptSegments: it is another text.
        """
        if (self._crc, self._length) != (crc, length):
            raise CorruptSegments(f"the segments have {self._length} bytes of text instead of {length}, or another CRC")


def _csv(rows: Sequence[StoredRow]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(map(neutralised, rows))
    return text.getvalue().encode()


def _json_lines(rows: Sequence[StoredRow]) -> bytes:
    return b"".join(
        [orjson.dumps(dict(zip(COLUMNS, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE) for row in rows]
    )


def _json_arrays(rows: Sequence[StoredRow]) -> bytes:
    return b"".join([orjson.dumps([*row], option=orjson.OPT_APPEND_NEWLINE) for row in rows])


WRITERS: dict[ExportFormat, Callable[[Sequence[StoredRow]], bytes]] = {
    ExportFormat.CSV: _csv,
    ExportFormat.JSONL: _json_lines,
    ExportFormat.XLSX: _json_arrays,
}
