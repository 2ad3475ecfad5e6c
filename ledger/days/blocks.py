"""A day's rows in blocks: gzip members of some thousand rows, and the index that says what is in each.

A rows object is still one plain gzip file, whose first member begins with the CSV header. The index is a line of the
day's rollup (`ledger.days.rollups`), so that one small object leads to the rows of a page. Each block has the CRC that
its gzip member ends with: bytes of any other object are never taken for the block that the index describes.
"""

import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from io import BytesIO
from typing import Any, NamedTuple

import orjson

from ledger.days.rollups import CorruptRollup, Rollup, SpelledKey, count_equal
from ledger.days.rows import (
    HEADER_LINE,
    WIDTH,
    CorruptRows,
    Position,
    Rows,
    csv_lines,
    parse,
    unpacked,
)
from runtime.compression import CorruptGzipError, members, pack

BLOCK_ROWS = 4096
"""The most rows of a block; docs/decisions/days-in-blocks.md has the figures behind it."""
MOST_VALUES = 32
"""A block with more networks, outcomes or currencies than this does not list them."""
ENTRY = 8
"""The parts of a block in a stored index."""
GZIP_TRAILER = struct.Struct("<II")
"""What a gzip member ends with: the CRC and the length of its text (RFC 1952)."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some contiguous rows of a day, and where they lie in its rows object, in bytes.

    `first` and `last` are the positions of its first and last row. Values that are None are not known: any may occur.
    """

    offset: int
    length: int
    count: int
    crc: int
    first: Position
    last: Position
    outcomes: frozenset[str] | None
    networks: frozenset[str] | None
    currencies: frozenset[str] | None

    @property
    def end(self) -> int:
        """The offset of the first byte behind it."""
        return self.offset + self.length


class DayIndex(NamedTuple):
    """The blocks of a day, in the order of the log. A day without rows has none."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class EncodedDay:
    """A day as it is stored: the bytes of its rows object, and its rollup with the index of its blocks."""

    body: bytes
    count: int
    rollup: Rollup


class BlockWriter:
    """Encodes a day whose rows come piece by piece; in memory are the rows of one block and the compressed bytes."""

    def __init__(self, block_rows: int = BLOCK_ROWS) -> None:
        self._block_rows = block_rows
        self._waiting: list[str] = []
        self._body = BytesIO()
        self._inventory = _Inventory()

    def add(self, rows: Rows) -> None:
        """Append the day's next rows, any number of them, in the order of the log.

        Raises:
            ValueError: they come before rows that are in a block already.
        """
        start = 0
        while start < len(rows):
            taken = rows.slice(start, start + self._block_rows - len(self._waiting) // WIDTH)
            self._waiting += taken.cells
            start += len(taken)
            if len(self._waiting) >= self._block_rows * WIDTH:
                self._write_block()

    def finish(self) -> EncodedDay:
        """The whole day. Nothing can be added afterwards."""
        if self._waiting:
            self._write_block()
        if not self._body.tell():
            self._body.write(pack(HEADER_LINE))
        return EncodedDay(self._body.getvalue(), self._inventory.count, self._inventory.rollup())

    def _write_block(self) -> None:
        rows, self._waiting = Rows(self._waiting), []
        offset = self._body.tell()
        member = pack(csv_lines(rows) if offset else HEADER_LINE + csv_lines(rows))
        self._inventory.add(offset, member, rows)
        self._body.write(member)


class _Inventory:
    """Collects what the index and the rollup say about a day's blocks."""

    def __init__(self) -> None:
        self.count = 0
        self._blocks: list[Block] = []
        self._equal: Counter[SpelledKey] = Counter()

    def add(self, offset: int, member: bytes, rows: Rows) -> None:
        """Append the block of a gzip member.

        Raises:
            ValueError: it comes before the last block, in bytes or in the order of the log.
            CorruptRows: a row's time is not a time.
        """
        equal = count_equal(rows)
        values = (_few({key[part] for key in equal}) for part in (2, 1, 3))
        first, last = _ends(rows)
        crc, _ = GZIP_TRAILER.unpack(member[-GZIP_TRAILER.size :])
        block = Block(offset, len(member), len(rows), crc, first, last, *values)
        if self._blocks and (first < self._blocks[-1].last or offset != self._blocks[-1].end):
            raise ValueError("blocks are added in the order of the log")
        self._blocks.append(block)
        self._equal.update(equal)
        self.count += len(rows)

    def rollup(self) -> Rollup:
        """The rollup of the day, with the index of its blocks."""
        rollup = Rollup.of_counts(self._equal)
        return Rollup(rollup.whole, rollup.values, blocks=encode_index(DayIndex(tuple(self._blocks))))


def encode_day(rows: Rows, block_rows: int = BLOCK_ROWS) -> EncodedDay:
    """A day whose rows are all in memory."""
    writer = BlockWriter(block_rows)
    writer.add(rows)
    return writer.finish()


def encode_index(index: DayIndex) -> bytes:
    """A JSON line with an entry for each block, contiguous from the first byte.

    An entry is `[length, count, crc, first, last, outcomes, networks, currencies]`; a position is `[time, credit id]`.
    """
    return orjson.dumps(
        [
            [
                *(block.length, block.count, block.crc, _spelled(block.first), _spelled(block.last)),
                *(None if v is None else sorted(v) for v in (block.outcomes, block.networks, block.currencies)),
            ]
            for block in index.blocks
        ]
    )


def decode_index(line: bytes, count: int) -> DayIndex:
    """A stored index, of a day of `count` rows.

    Raises:
        CorruptRollup: the line is not an index, its blocks are out of order, or have another number of rows.
    """
    try:
        entries = orjson.loads(line)
        blocks = tuple(_blocks(entries))
    except (TypeError, ValueError) as error:
        raise CorruptRollup(f"a stored index is unreadable: {type(error).__name__}") from error
    if sum(block.count for block in blocks) != count:
        raise CorruptRollup(f"the blocks of a stored index do not add up to the {count} rows of its day")
    return DayIndex(blocks)


def unpack_block(member: bytes, block: Block) -> bytes:
    """The text of one block.

    Raises:
        CorruptRows: the bytes are not the block that the index describes.
    """
    if len(member) != block.length or GZIP_TRAILER.unpack(member[-GZIP_TRAILER.size :])[0] != block.crc:
        raise CorruptRows("stored bytes are not the block that the index describes")
    return unpacked(member)


def parse_block(text: bytes, block: Block, day: date) -> Rows:
    """The rows of one block.

    Raises:
        CorruptRows: the text is not the block that the index describes, or not rows of the day.
    """
    rows = parse(text, day, block.count, header=block.offset == 0)
    if _ends(rows) != (block.first, block.last):
        raise CorruptRows("a stored block begins or ends with another row than the index says")
    return rows


def read_members(body: bytes, day: date) -> Iterator[tuple[int, bytes, Rows]]:
    """The members of a rows object with their offsets and rows, one after the other: the whole day is never in memory.

    A day that an older version wrote is one member. A member without rows is left out.

    Raises:
        CorruptRows: while they are read; also when a member ends within a row, which no version has written.
    """
    start = 0
    try:
        for text, end in members(body):
            rows = parse(text, day, None, header=start == 0)
            if rows:
                yield start, body[start:end], rows
            start = end
    except CorruptGzipError as error:
        raise CorruptRows(f"stored rows are unreadable: {error}") from error


def inventory(body: bytes, day: date) -> tuple[int, Rollup]:
    """How many rows a rows object has, and its rollup with the index of its blocks, made from the rows.

    Raises:
        CorruptRows: the rows are unreadable or out of order.
    """
    made = _Inventory()
    try:
        for offset, member, rows in read_members(body, day):
            made.add(offset, member, rows)
    except ValueError as error:
        raise CorruptRows(f"stored rows are unreadable: {error}") from error
    return made.count, made.rollup()


def _ends(rows: Rows) -> tuple[Position, Position]:
    """The positions of the first and the last row."""
    try:
        return rows.position(0), rows.position(len(rows) - 1)
    except ValueError as error:
        raise CorruptRows("a stored row has a time that is not one") from error


def _few(values: set[str]) -> frozenset[str] | None:
    return frozenset(values) if len(values) <= MOST_VALUES else None


def _spelled(position: Position) -> tuple[str, str]:
    return position[0].isoformat(), str(position[1])


def _blocks(entries: Any) -> Iterator[Block]:  # noqa: ANN401 - any JSON
    """The blocks of a stored index; entries of another form raise TypeError or ValueError."""
    same: dict[tuple[str, ...], frozenset[str]] = {}
    offset, before = 0, None
    for entry in entries:
        if type(entry) is not list or len(entry) != ENTRY:
            raise ValueError(entry)
        length, count, crc = (_whole_number(part) for part in entry[:3])
        first, last = map(_position, entry[3:5])
        if not length or not count or last < first or (before is not None and first < before):
            raise ValueError(entry)
        yield Block(offset, length, count, crc, first, last, *map(partial(_values, same), entry[5:]))
        offset, before = offset + length, last


def _whole_number(part: object) -> int:
    if type(part) is int and part >= 0:
        return part
    raise ValueError(part)


def _position(part: Sequence[str]) -> Position:
    time, credit_id = part
    moment = datetime.fromisoformat(time)
    if moment.tzinfo is None:
        raise ValueError(time)
    return moment, int(credit_id)


def _values(same: dict[tuple[str, ...], frozenset[str]], part: Any) -> frozenset[str] | None:  # noqa: ANN401 - any JSON
    """The listed values; blocks with equal ones share one set, which keeps a long index small in memory."""
    if part is None:
        return None
    if type(part) is not list or not all(type(value) is str for value in part):
        raise ValueError(part)
    return same.setdefault(tuple(part), frozenset(part))
