"""OpenMarket's CSV files as typed rows (docs/vendors.md): fast, tolerant of spelling, strict about every figure.

The vendor documents neither header spelling nor line ends nor how times look, so any reasonable one is read. A row that
is cut off, or a figure that is none, makes the whole file unusable: a wrong total is worse than no total.
"""

import csv
import datetime as dt
import decimal
import enum
import functools
import io
import re
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import NamedTuple

from upstreams.errors import UpstreamBadResponse

UPSTREAM = "openmarket"
LARGEST_ID = 2**64 - 1
LARGEST_COUNT = 2**31 - 1
LONGEST = 20

_LOG = (
    ("creditid",),
    ("timeutc", "time"),
    ("msisdn", "phonenumber", "phonenumbermsisdn"),
    ("network",),
    ("outcome",),
    ("amount",),
    ("currency",),
)
_OUTCOME = (("brand",), ("amount",), ("currency",), ("success",), ("failed",), ("creditapplied",))
_LOG_TIME, _APPLIED = 1, 5

_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T| +)([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)"
    r" *(Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_PERHAPS_CUT_TIME = re.compile(r".*[ T][0-9]{2}:[0-9]{2}|.*[+-][0-9]{2}")
# An exponent is how some decimal libraries print a ten without its zeros; a long one could unpack to gigabytes.
_AMOUNT = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?")
_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_FOUR_DECIMALS = re.compile(r".*\.[0-9]{4}")
_EXACT = decimal.Context(prec=100)
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]")


class CreditState(enum.StrEnum):
    """What became of a credit."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    PENDING = "PENDING"
    UNKNOWN = "UNKNOWN"


_STATES = {
    "success": CreditState.SUCCESS,
    "confirmed": CreditState.SUCCESS,
    "failed": CreditState.FAILED,
    "pending": CreditState.PENDING,
    "retrying": CreditState.PENDING,
}


class LogRow(NamedTuple):
    """One credit; the amount is spelled as the vendor spelled it, the time is aware UTC."""

    credit_id: int
    time: dt.datetime
    msisdn: str
    network: str
    raw_outcome: str
    amount: str
    currency: str

    def __repr__(self) -> str:
        """Which one it is, without the phone number."""
        return f"LogRow({self.credit_id})"


class OutcomeRow(NamedTuple):
    """How a brand's credits of one value went; amounts are spelled as the vendor spelled them."""

    brand: str
    amount: str
    currency: str
    success: int
    failed: int
    credit_applied: str


def state_of(raw: str) -> CreditState:
    """The state behind the vendor's word for it, in any case."""
    return _STATES.get(raw.strip().lower(), CreditState.UNKNOWN)


def read_log(body: bytes) -> list[LogRow]:
    """The rows of a `/csv/log` answer, as often as they come. An empty body is no rows.

    Raises:
        UpstreamBadResponse: it is no such file, or any of its rows cannot be trusted.
    """
    table = _Table(body, _LOG, _log_is_whole)
    rows = []
    for credit_id, time, msisdn, network, outcome, amount, currency in table:
        number = _number(credit_id, LARGEST_ID, table)
        if not _is_amount(amount):
            raise table.wrong("amount")
        rows.append(LogRow(number, _time(time, table), msisdn, network, outcome, amount, currency))
    return rows


def read_outcome(body: bytes) -> list[OutcomeRow]:
    """The rows of a `/csv/outcome` answer. An empty body is no rows.

    Raises:
        UpstreamBadResponse: it is no such file, or any of its rows cannot be trusted.
    """
    table = _Table(body, _OUTCOME, _outcome_is_whole)
    rows = []
    for brand, amount, currency, success, failed, applied in table:
        if not (_is_amount(amount) and _is_amount(applied)):
            raise table.wrong("amount")
        succeeded, not_succeeded = (_number(cell, LARGEST_COUNT, table) for cell in (success, failed))
        rows.append(OutcomeRow(brand, amount, currency, succeeded, not_succeeded, applied))
    return rows


def _log_is_whole(cells: list[str], last: int | None) -> bool:
    """Whether a row that no line end follows is no part of another one, as far as its cells show."""
    cut = last == _LOG_TIME and _PERHAPS_CUT_TIME.fullmatch(cells[_LOG_TIME])
    return not cut and _CURRENCY.fullmatch(cells[6]) is not None


def _outcome_is_whole(cells: list[str], last: int | None) -> bool:
    """The same for an outcome: a total that ends it has its four decimals, or is what so many credits come to.

    That the answer came whole over HTTP would not do: a proxy in between may end properly what its origin broke off.
    """
    if last != _APPLIED or _FOUR_DECIMALS.fullmatch(cells[_APPLIED]):
        return True
    amount, success, applied = (decimal.Decimal(cells[place]) for place in (1, 3, _APPLIED))
    return _EXACT.multiply(amount, success) == applied


@functools.lru_cache(1024)
def _is_amount(cell: str) -> bool:
    """Whether it is a finite decimal; kept, because a file has thousands of rows and a dozen price points."""
    return _AMOUNT.fullmatch(cell) is not None


def _number(cell: str, largest: int, table: "_Table") -> int:
    if not (cell.isdecimal() and cell.isascii() and len(cell) <= LONGEST) or (number := int(cell)) > largest:
        raise table.wrong("number")
    return number


def _time(cell: str, table: "_Table") -> dt.datetime:
    """A time of the file, which is UTC unless it carries a numeric offset; zone abbreviations are never guessed at."""
    match = _TIME.fullmatch(cell)
    if match is None:
        raise table.wrong("time")
    day, clock, zone = match.groups()
    try:
        if zone is None or zone[0] not in "+-":
            return dt.datetime.fromisoformat(f"{day}T{clock}+00:00")
        return dt.datetime.fromisoformat(f"{day}T{clock}{zone}").astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise table.wrong("time") from error


class _Table:
    """The wanted columns of a CSV file, row by row, every row whole.

    `is_whole` judges a last row without a line end; it gets the cells, and which of them stands last in the file.
    """

    def __init__(
        self, body: bytes, columns: tuple[tuple[str, ...], ...], is_whole: Callable[[list[str], int | None], bool]
    ) -> None:
        if _PAGE.match(body):
            raise UpstreamBadResponse(UPSTREAM, "the answer is a page instead of CSV")
        # Decoded as it is read: a large file as one text, in a StringIO, is five times its own size more.
        text = io.TextIOWrapper(io.BytesIO(body), "utf-8-sig", newline="")
        self._reader = csv.reader(text, strict=True, skipinitialspace=True)
        self._line_end = body.endswith((b"\r", b"\n"))
        self._columns = columns
        self._is_whole = is_whole

    def wrong(self, what: str) -> UpstreamBadResponse:
        """The error for a bad cell. It says where and never what stood there."""
        return UpstreamBadResponse(UPSTREAM, f"line {self._reader.line_num} of the answer has a wrong {what}")

    def __iter__(self) -> Iterator[list[str]]:
        try:
            yield from self._rows()
        except csv.Error as error:
            raise UpstreamBadResponse(UPSTREAM, f"line {self._reader.line_num} of the answer is no CSV") from error
        except UnicodeDecodeError as error:
            raise UpstreamBadResponse(UPSTREAM, "the answer is not UTF-8") from error

    def _rows(self) -> Iterator[list[str]]:
        header = next((cells for cells in self._reader if any(map(str.strip, cells))), None)
        if header is None:
            return
        width = len(header)
        places = self._places(header)
        pick = itemgetter(*places)
        cells: list[str] = []
        for row in self._reader:
            if len(row) != width and not self._fits(row, width):
                continue
            cells = [cell.strip() for cell in pick(row)]
            yield cells
        # Without a line end the last cell may be a part of one: it must look as the vendor's documents say.
        last = places.index(width - 1) if width - 1 in places else None
        if cells and not self._line_end and not self._is_whole(cells, last):
            raise self.wrong("end: it looks cut off")

    def _fits(self, row: list[str], width: int) -> bool:
        """Whether to read a row of another width: not a blank line, but one whose extra cells are empty."""
        if not any(map(str.strip, row)) and len(row) <= 1:
            return False
        if len(row) < width:
            raise UpstreamBadResponse(UPSTREAM, f"line {self._reader.line_num} of the answer is cut off")
        if any(map(str.strip, row[width:])):
            raise UpstreamBadResponse(UPSTREAM, f"line {self._reader.line_num} of the answer has too many cells")
        return True

    def _places(self, header: list[str]) -> list[int]:
        names = [_NOT_IN_A_NAME.sub("", name.lower()) for name in header]
        return [self._place(names, spellings) for spellings in self._columns]

    def _place(self, names: list[str], spellings: tuple[str, ...]) -> int:
        for spelling in spellings:
            if names.count(spelling) > 1:
                raise UpstreamBadResponse(UPSTREAM, f"the answer has two columns named {spelling}")
            if spelling in names:
                return names.index(spelling)
        raise UpstreamBadResponse(UPSTREAM, f"the answer has no column {spellings[0]}")
