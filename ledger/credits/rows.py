"""A day's credits as they are stored: gzip CSV, sorted by time and then credit id, cells kept as text.

Cells stay text from S3 to the answer: nothing that a query does not ask for is ever parsed. The columns are the
contract (docs/architecture.md); lakes read the same bytes. One look for a quote character decides whether a day needs
the CSV reader.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import StringIO
from typing import NamedTuple

from runtime.clock import Period, rfc3339
from runtime.compression import CorruptGzipError, pack, unpack
from upstreams.openmarket.client import CreditState, LogRow, state_of

COLUMNS = ("credit_id", "time", "msisdn", "network", "outcome", "raw_outcome", "amount", "currency")
WIDTH = len(COLUMNS)
CREDIT_ID, TIME, MSISDN, NETWORK, OUTCOME, RAW_OUTCOME, AMOUNT, CURRENCY = range(WIDTH)
HEADER = ",".join(COLUMNS)

Position = tuple[datetime, int]
"""A row's place in the log: its time, then its credit id as a number."""


class CorruptRows(Exception):
    """Stored rows cannot be read; they are treated as not held."""


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
    """Rows in order, as one flat run of cells, eight to a row."""

    cells: Sequence[str] = field(repr=False)

    @classmethod
    def of(cls, log: Iterable[LogRow]) -> "Rows":
        """Sort a vendor's rows and write them as cells."""
        cells: list[str] = []
        for row in sorted(log, key=lambda row: (row.time, row.credit_id)):
            cells += (
                str(row.credit_id),
                rfc3339(row.time),
                row.msisdn,
                row.network,
                state_of(row.raw_outcome).name,
                row.raw_outcome,
                row.amount,
                row.currency,
            )
        return cls(cells)

    def __len__(self) -> int:
        return len(self.cells) // WIDTH

    def column(self, index: int) -> Sequence[str]:
        """One column's cells, in row order."""
        return self.cells[index::WIDTH]

    def slice(self, start: int, stop: int) -> "Rows":
        """The rows from `start` up to `stop`."""
        return Rows(self.cells[start * WIDTH : stop * WIDTH])

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

    def first_at(self, position: Position) -> int:
        """The index of the first row at or beyond a position (binary search: a dozen times parsed, not thousands)."""
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self.position(middle) < position:
                low = middle + 1
            else:
                high = middle
        return low


EMPTY = Rows(())


def encode(rows: Rows) -> bytes:
    """Rows as gzip CSV with a header."""
    text = StringIO()
    text.write(HEADER + "\n")
    writer = csv.writer(text, lineterminator="\n")
    cells = rows.cells
    writer.writerows(cells[at : at + WIDTH] for at in range(0, len(cells), WIDTH))
    return pack(text.getvalue().encode())


def decode(body: bytes) -> Rows:
    """Stored bytes as rows.

    Raises:
        CorruptRows: the bytes are no gzip, the header is another one, or a row is cut off.
    """
    try:
        text = unpack(body).decode()
    except (CorruptGzipError, UnicodeDecodeError) as error:
        raise CorruptRows(f"stored rows are unreadable: {error}") from error
    header, end, lines = text.partition("\n")
    if header != HEADER or not end or (lines and not lines.endswith("\n")):
        raise CorruptRows("stored rows have another header, or no end")
    if not lines:
        return EMPTY
    return Rows(_quoted_cells(lines) if '"' in lines else _plain_cells(lines))


def _plain_cells(lines: str) -> list[str]:
    cells = lines[:-1].replace("\n", ",").split(",")
    if len(cells) != WIDTH * lines.count("\n"):
        raise CorruptRows("stored rows have a row of another width")
    return cells


def _quoted_cells(lines: str) -> list[str]:
    rows = list(csv.reader(StringIO(lines, newline="")))
    if any(len(row) != WIDTH for row in rows):
        raise CorruptRows("stored rows have a row of another width")
    return [cell for row in rows for cell in row]


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
