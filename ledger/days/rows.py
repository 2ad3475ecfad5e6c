"""A day's credits as they are stored: gzip CSV, sorted by time and then credit id, each cell as text.

Cells stay text from S3 to the answer, so that a query parses only what it asks for. Data lakes read the same objects:
the columns are part of the contract (docs/architecture.md). Only days with a quotation mark in them need the CSV
reader; the others are split, which is faster.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from io import StringIO
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

from runtime.clock import Period, rfc3339
from runtime.compression import CorruptGzipError, members, unpack
from upstreams.openmarket.rows import CreditState, LogRow, state_of

COLUMNS = ("credit_id", "time", "msisdn", "network", "outcome", "raw_outcome", "amount", "currency")
WIDTH = len(COLUMNS)
CREDIT_ID, TIME, MSISDN, NETWORK, OUTCOME, RAW_OUTCOME, AMOUNT, CURRENCY = range(WIDTH)
HEADER = ",".join(COLUMNS)
HEADER_LINE = f"{HEADER}\n".encode()
STATES = frozenset(CreditState.__members__)
_LOG_ORDER = attrgetter("time", "credit_id")

Position = tuple[datetime, int]
"""A row's place in the log: its time, then its credit id as a number."""


class CorruptRows(Exception):
    """Stored rows are not what they should be; the day counts as not stored."""


class Credit(NamedTuple):
    """One row as typed values; the amount keeps the vendor's own spelling."""

    credit_id: int
    time: datetime
    msisdn: str
    network: str
    outcome: CreditState
    raw_outcome: str
    amount: str
    currency: str

    def __repr__(self) -> str:
        """Which one it is, without the phone number."""
        return f"Credit({self.credit_id})"


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows in order, as one flat sequence of cells, eight to a row."""

    cells: Sequence[str] = field(repr=False)

    @classmethod
    def of(cls, log: Iterable[LogRow]) -> "Rows":
        """A vendor's rows, sorted, as cells. Column by column, since most columns have few different values."""
        rows = sorted(log, key=_LOG_ORDER)
        if not rows:
            return cls([])
        ids, times, msisdns, networks, raw_outcomes, amounts, currencies = zip(*rows, strict=True)
        spelled = {time: rfc3339(time) for time in set(times)}
        states = {raw: state_of(raw).name for raw in set(raw_outcomes)}
        cells = [""] * (WIDTH * len(rows))
        cells[CREDIT_ID::WIDTH] = map(str, ids)
        cells[TIME::WIDTH] = [spelled[time] for time in times]
        cells[MSISDN::WIDTH] = msisdns
        cells[NETWORK::WIDTH] = networks
        cells[OUTCOME::WIDTH] = [states[raw] for raw in raw_outcomes]
        cells[RAW_OUTCOME::WIDTH] = raw_outcomes
        cells[AMOUNT::WIDTH] = amounts
        cells[CURRENCY::WIDTH] = currencies
        return cls(cells)

    def __len__(self) -> int:
        return len(self.cells) // WIDTH

    def column(self, index: int) -> Sequence[str]:
        """One column's cells, in row order."""
        return self.cells[index::WIDTH]

    def slice(self, start: int, stop: int) -> "Rows":
        """The rows from `start` up to `stop`."""
        if start == 0 and stop >= len(self):
            return self
        return Rows(self.cells[start * WIDTH : stop * WIDTH])

    def newest_first(self) -> "Rows":
        """The rows in the opposite order, for the end of a page; everything else here needs them in order."""
        starts = range(len(self.cells) - WIDTH, -1, -WIDTH)
        return Rows([*chain.from_iterable([self.cells[start : start + WIDTH] for start in starts])])

    def credit(self, index: int) -> Credit:
        """One row as typed values."""
        return _credit(self.cells[index * WIDTH : (index + 1) * WIDTH])

    def __iter__(self) -> Iterator[Credit]:
        return (self.credit(index) for index in range(len(self)))

    def position(self, index: int) -> Position:
        """One row's place in the log."""
        return datetime.fromisoformat(self.cells[index * WIDTH + TIME]), int(self.cells[index * WIDTH])

    def within(self, period: Period) -> "Rows":
        """The rows whose own time lies in the period."""
        if not self.cells:
            return self
        return self.slice(self.first_at((period.start, -1)), self.first_at((period.end, -1)))

    def between(self, first: Position, last: Position) -> "Rows":
        """The rows from one position to another, both included."""
        return self.slice(self.first_at(first), self.first_at((last[0], last[1] + 1)))

    def first_at(self, position: Position) -> int:
        """The index of the first row at or beyond a position; a binary search parses a dozen times, not thousands."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self.position(middle) < position:
                low = middle + 1
            else:
                high = middle
        return low


NO_ROWS = Rows(())


def csv_lines(rows: Rows) -> bytes:
    """Rows as CSV without the header."""
    import csv

    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    cells = rows.cells
    writer.writerows(cells[at : at + WIDTH] for at in range(0, len(cells), WIDTH))
    return text.getvalue().encode()


def decode(body: bytes, day: date, count: int | None) -> Rows:
    """A day's stored bytes as rows; `count` is how many the object's name promises, if it says so.

    Raises:
        CorruptRows: the bytes are not gzip, not these columns, cut off, of another day, or another number of rows.
    """
    try:
        rows = _by_members(body, day)
    except CorruptRows:
        # No version has written members that end within a row, but something else may have packed the object again.
        return parse(unpacked(body), day, count, header=True)
    return _checked(rows, count)


def _by_members(body: bytes, day: date) -> Rows:
    """The rows of gzip members: split one by one, they take less time and memory than the whole text does.

    Raises:
        CorruptRows: a member is not what it should be, or ends within a row.
    """
    cells: list[str] = []
    header = True
    try:
        for text, _ in members(body):
            if text.count(b'"') % 2:
                raise CorruptRows("stored rows go on in the next member")
            cells += parse(text, day, None, header=header).cells
            header = False
    except CorruptGzipError as error:
        raise CorruptRows(f"stored rows are unreadable: {error}") from error
    if header:
        raise CorruptRows("stored rows are unreadable: nothing is there")
    return Rows(cells)


def _checked(rows: Rows, count: int | None) -> Rows:
    if count not in {None, len(rows)}:
        raise CorruptRows(f"{count} rows should be stored, there are {len(rows)}")
    return rows


def unpacked(body: bytes) -> bytes:
    """The text of gzip members.

    Raises:
        CorruptRows: they are not whole.
    """
    try:
        return unpack(body)
    except CorruptGzipError as error:
        raise CorruptRows(f"stored rows are unreadable: {error}") from error


def parse(text: bytes, day: date, count: int | None, *, header: bool) -> Rows:
    """The rows of CSV text that begins with the header or has none, checked as `decode` says.

    Raises:
        CorruptRows: the text is not what it should be.
    """
    try:
        lines = text.decode()
    except UnicodeDecodeError as error:
        raise CorruptRows(f"stored rows are unreadable: {error}") from error
    if header:
        found, end, lines = lines.partition("\n")
        if found != HEADER or not end:
            raise CorruptRows("stored rows have another header")
    if lines and not lines.endswith("\n"):
        raise CorruptRows("stored rows do not end with a line end")
    rows = _checked(Rows(_cells(lines)) if lines else NO_ROWS, count)
    if not belong_to(day, rows):
        raise CorruptRows(f"stored rows have cells that do not belong into their columns, or into {day}")
    return rows


def _cells(lines: str) -> list[str]:
    """All cells of the lines. An unquoted line too long and one too short may cancel out; `belong_to` finds those."""
    if '"' not in lines:
        cells = lines[:-1].replace("\n", ",").split(",")
        if len(cells) != WIDTH * lines.count("\n"):
            raise CorruptRows("a stored row has another number of cells")
        return cells
    import csv

    rows = list(csv.reader(StringIO(lines, newline="")))
    if any(len(row) != WIDTH for row in rows):
        raise CorruptRows("a stored row has another number of cells")
    return [cell for row in rows for cell in row]


def belong_to(day: date, rows: Rows) -> bool:
    """Whether all cells belong into their columns, and all times into the day.

    Whole columns are checked at once, which takes a fraction of the time that splitting the text takes; checking cell
    by cell would take as long again. A row with a cell too few or too many shifts the times of the rows after it into
    other columns.
    """
    if not rows:
        return True
    ids = rows.column(CREDIT_ID)
    return (
        _are_times_of(day, rows.column(TIME))
        and "".join(ids).isdecimal()
        and "" not in ids
        and set(rows.column(OUTCOME)) <= STATES
        and all(map(_is_number, set(rows.column(AMOUNT))))
    )


def _are_times_of(day: date, times: Sequence[str]) -> bool:
    text = "".join(times)
    punctuation = text.encode().translate(None, b"0123456789.")
    return text.count(f"{day}T") == len(times) and punctuation == b"--T::Z" * len(times)


def _is_number(text: str) -> bool:
    """Whether a cell is a number that can be added up."""
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _credit(cells: Sequence[str]) -> Credit:
    return Credit(
        int(cells[CREDIT_ID]),
        datetime.fromisoformat(cells[TIME]),
        cells[MSISDN],
        cells[NETWORK],
        CreditState[cells[OUTCOME]],
        cells[RAW_OUTCOME],
        cells[AMOUNT],
        cells[CURRENCY],
    )
