"""OpenMarket's CSV files as typed rows: any form that has one meaning, strict about every figure.

The vendor documents neither header spelling nor delimiter, encoding, line ends or how times look, so every reasonable
one is read. A figure that is not one makes the whole file unusable: a wrong total is worse than no total.
"""

import re
from collections.abc import Iterator
from decimal import Context, Decimal

from upstreams.bodies import Body
from upstreams.openmarket.rows import LogRow, OutcomeRow
from upstreams.openmarket.table import LastCell, Table, TableKind
from upstreams.openmarket.values import (
    LARGEST_COUNT,
    LARGEST_ID,
    LONGEST_NUMBER,
    currency_code,
    instant,
    is_exact_phone_number,
    plain_amount,
    whole_number,
)

_CLOSED_TIME = re.compile(r".*(?:[+-][0-9]{2}:?[0-9]{2}|Z|UTC|GMT|[)\]])", re.IGNORECASE)
_DOCUMENTED_TIME = re.compile(r"[0-9-]{10}[T ]+[0-9]{2}:[0-9]{2}:[0-9]{2}", re.IGNORECASE)
_DIGIT = re.compile(r"[0-9]")
_FOUR_DECIMALS = re.compile(r".*\.[0-9]{4}")
_EXACT = Context(prec=200)


def read_log(body: Body, content_type: str | None = None, no_data: str = "") -> list[LogRow]:
    """The rows of a `/csv/log` answer, see `log_rows`."""
    return list(log_rows(body, content_type, no_data))


def log_rows(body: Body, content_type: str | None = None, no_data: str = "") -> Iterator[LogRow]:
    """The rows of a `/csv/log` answer in file order, duplicates included. An empty body is no rows.

    `no_data` is the vendor's sentence for a period without rows. Rows count only when all of them have been read: the
    last line may show that the file is cut off.

    Raises:
        UpstreamBadResponse: it is not such a file, or one of its rows cannot be trusted.
    """
    table = Table(body, content_type, no_data, _LOG)
    for credit_id, time, msisdn, network, outcome, amount, currency in table:
        if (number := whole_number(credit_id, LARGEST_ID)) is None:
            raise table.wrong("number")
        if (moment := instant(time)) is None:
            raise table.wrong("time")
        if not (msisdn.isdecimal() or is_exact_phone_number(msisdn)):
            raise table.wrong("phone number")
        if (plain := plain_amount(amount)) is None:
            raise table.wrong("amount")
        if (code := currency_code(currency)) is None:
            raise table.wrong("currency")
        yield LogRow(number, moment, msisdn, network, outcome, plain, code)


def read_outcome(body: Body, content_type: str | None = None, no_data: str = "") -> list[OutcomeRow]:
    """The rows of a `/csv/outcome` answer. An empty body is no rows.

    Raises:
        UpstreamBadResponse: it is not such a file, or one of its rows cannot be trusted.
    """
    table = Table(body, content_type, no_data, _OUTCOME)
    rows = []
    for brand, amount, currency, success, failed, applied in table:
        if (value := plain_amount(amount)) is None or (total := plain_amount(applied)) is None:
            raise table.wrong("amount")
        if (code := currency_code(currency)) is None:
            raise table.wrong("currency")
        succeeded = whole_number(success, LARGEST_COUNT)
        not_succeeded = whole_number(failed, LARGEST_COUNT)
        if succeeded is None or not_succeeded is None:
            raise table.wrong("number")
        rows.append(OutcomeRow(brand, value, code, succeeded, not_succeeded, total))
    return rows


def _log_cell_is_complete(last: LastCell) -> bool:
    """Names and words may always have gone on, numbers unless they are quoted."""
    match last.column:
        case 0:
            return last.quoted or len(last.cells[0]) == LONGEST_NUMBER
        case 1:
            before = last.cells_before[1] if last.cells_before else None
            return last.quoted or _time_is_complete(last.cells[1], before)
        case 2 | 5:
            return last.quoted
        case 6:
            return True
        case _:
            return False


def _outcome_cell_is_complete(last: LastCell) -> bool:
    """The same for an outcome, where a total has four decimals, or is what so many credits come to."""
    match last.column:
        case 1 | 3 | 4:
            return last.quoted
        case 5:
            amount, success, applied = (Decimal(last.cells[column]) for column in (1, 3, 5))
            computed = _EXACT.multiply(amount, success)
            return last.quoted or _FOUR_DECIMALS.fullmatch(last.cells[5]) is not None or computed == applied
        case 2:
            return True
        case _:
            return False


def _time_is_complete(cell: str, cell_before: str | None) -> bool:
    """A time with a zone or a whole offset is complete. One without has to look as the vendor's document says.

    A fraction or an offset may still have been to come, so it also has to look like the time in the row before.
    """
    if _CLOSED_TIME.fullmatch(cell):
        return True
    if cell_before is None:
        return _DOCUMENTED_TIME.fullmatch(cell) is not None
    return _DIGIT.sub("9", cell) == _DIGIT.sub("9", cell_before)


_LOG = TableKind(
    (
        ("creditid",),
        ("timeutc", "time"),
        ("msisdn", "phonenumber", "phonenumbermsisdn"),
        ("network",),
        ("outcome",),
        ("amount",),
        ("currency",),
    ),
    wrapped=frozenset({0, 1, 2, 3, 4, 6}),
    is_complete=_log_cell_is_complete,
)
_OUTCOME = TableKind(
    (("brand",), ("amount",), ("currency",), ("success",), ("failed",), ("creditapplied",)),
    wrapped=frozenset({0, 2}),
    is_complete=_outcome_cell_is_complete,
)
