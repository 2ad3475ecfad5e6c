"""An export's bytes: rows as CSV or JSON lines, in deflate segments that join to one gzip file.

Each day becomes a segment that ends on a byte and refers to nothing before it, so segments written by several
processes, hours apart, can be laid end to end. The running CRC goes from one to the next. One member, not many: some
clients stop after the first.
"""

import csv
import io
import struct
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import batched

import orjson

from ledger.credits.rows import COLUMNS, WIDTH, CorruptRows, Rows
from ledger.exports.jobs import ExportFormat
from runtime.compression import STORED

BLOCK = 4096
"""Rows that are text at the same time."""
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
LAST_BLOCK = b"\x03\x00"
"""An empty final deflate block (RFC 1951 §3.2.6)."""

type Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Segment:
    """Compressed rows, and the running CRC and length of the text up to their end."""

    body: bytes
    rows: int
    crc: int
    length: int


def stored_rows(body: bytes) -> Iterator[Row]:
    """A stored day's rows, one by one: the day is never whole in memory.

    Raises:
        CorruptRows: on the way: the bytes are no gzip, the header is another one, or a row has another width.
    """
    from isal import igzip, isal_zlib

    try:
        with igzip.open(io.BytesIO(body), "rt", encoding="utf-8", newline="") as text:  # type: ignore[no-untyped-call]
            lines = csv.reader(text)
            if tuple(next(lines, ())) != COLUMNS:
                raise CorruptRows("stored rows have another header")
            for row in lines:
                if len(row) != WIDTH:
                    raise CorruptRows("stored rows have a row of another width")
                yield row
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, isal_zlib.error) as error:  # type: ignore[misc]  # isal's stubs do not know it
        raise CorruptRows(f"stored rows are unreadable: {type(error).__name__}") from error


def held_rows(rows: Rows) -> Iterator[Row]:
    """The rows of a day that is in memory already."""
    return (rows.cells[at : at + WIDTH] for at in range(0, len(rows.cells), WIDTH))


async def segment(rows: Iterator[Row], written_as: ExportFormat, crc: int, length: int) -> Segment:
    """Compress rows; `crc` and `length` are those of all text before them. Others get their turn between blocks.

    Raises:
        CorruptRows: as the rows do.
    """
    import asyncio

    from isal import isal_zlib

    write = WRITERS[written_as]
    deflate = isal_zlib.compressobj(level=STORED, wbits=-15)
    chunks, count = [], 0
    for block in batched(rows, BLOCK, strict=False):
        text = write(block)
        chunks.append(deflate.compress(text))
        crc, length, count = isal_zlib.crc32(text, crc), length + len(text), count + len(block)
        await asyncio.sleep(0)
    chunks.append(deflate.flush(isal_zlib.Z_FULL_FLUSH))
    return Segment(b"".join(chunks), count, crc, length)


async def opening(written_as: ExportFormat) -> Segment:
    """What a file begins with: CSV's header, or nothing."""
    if written_as is ExportFormat.JSONL:
        return Segment(b"", 0, 0, 0)
    header = await segment(iter([COLUMNS]), written_as, 0, 0)
    return Segment(header.body, 0, header.crc, header.length)


async def gzip_file(segments: AsyncIterator[bytes], crc: int, length: int) -> AsyncIterator[bytes]:
    """One gzip member around the segments (RFC 1952)."""
    yield GZIP_HEADER
    async for body in segments:
        yield body
    yield LAST_BLOCK + struct.pack("<II", crc, length & 0xFFFFFFFF)


def _csv(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _json_lines(rows: Sequence[Row]) -> bytes:
    return b"".join(
        [orjson.dumps(dict(zip(COLUMNS, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE) for row in rows]
    )


WRITERS: dict[ExportFormat, Callable[[Sequence[Row]], bytes]] = {
    ExportFormat.CSV: _csv,
    ExportFormat.JSONL: _json_lines,
}
