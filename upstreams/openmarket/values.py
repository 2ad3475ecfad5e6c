"""One cell of a CSV file as a value, or None if it is not one: every reasonable spelling, and no guess.

A number that a spreadsheet has rounded (`4.47701E+11`), an amount with two readings (`1,50`, `1.000,00`, `£1.50`), and
a time that could be two instants (`BST`, `GMT+1`) are not values.
"""

import datetime as dt
import functools
import re
from decimal import Decimal

LARGEST_ID = 2**64 - 1
LARGEST_COUNT = 2**31 - 1
LONGEST_NUMBER = 20
LONGEST_AMOUNT = 40
"""Digits before or after the point, as many as the API's Decimal takes."""

_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt]| +)([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?)"
    r" *(?:([A-Za-z]{1,5})(?![A-Za-z]))? *([+-][0-9]{2}(?::?[0-9]{2})?)?"
    r" *(?:\(([A-Za-z][A-Za-z ]{0,39})\)|\[([A-Za-z][A-Za-z0-9_/+-]{0,39})\])?"
)
_DOCUMENTED_LENGTH = len("2013-09-20 10:11:12")
_UTC_NAMES = frozenset({"Z", "UTC", "GMT"})
# Minutes ahead of UTC. A name that stands beside an offset must not contradict it; other names do not matter.
_ZONES = {"Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "BST": 60, "WEST": 60, "CET": 60, "CEST": 120, "EET": 120, "EEST": 180}
# An exponent is how some decimal libraries print a ten without its zeros; a long one could unpack to gigabytes.
_AMOUNT = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?")
_PLAIN_AMOUNT = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_ROUNDED_NUMBER = re.compile(
    r"[+-]?[0-9]*[.,]?[0-9]+[.,]?(?:[eE][+-]?|[*xX\u00d7\u00b7]10(?:\^|\*\*)[+-]?)[0-9]+|[+-]?[0-9]+[.,]0*"
)
_NOT_IN_A_NUMBER = re.compile(r"[\s'\"()]+")


def whole_number(cell: str, largest: int) -> int | None:
    """An unsigned whole number in ASCII digits."""
    if not (cell.isdecimal() and cell.isascii() and len(cell) <= LONGEST_NUMBER):
        return None
    value = int(cell)
    return value if value <= largest else None


@functools.lru_cache(2048)
def instant(cell: str) -> dt.datetime | None:
    """An instant: UTC unless the cell has a numeric offset. A zone's name alone counts only if it means UTC.

    Cached, because a large day has many credits in each second, mostly side by side.
    """
    try:
        if len(cell) == _DOCUMENTED_LENGTH and cell[4] == cell[7] == "-" and cell[13] == cell[16] == ":":
            return dt.datetime.fromisoformat(f"{cell}+00:00") if cell[10] in " Tt" else None
        match = _TIME.fullmatch(cell)
        return None if match is None else _instant(*match.groups())
    except (ValueError, OverflowError):
        return None


def _instant(day: str, clock: str, name: str | None, offset: str | None, *names: str | None) -> dt.datetime | None:
    """An offset decides, unless a name beside it says another one; without an offset the names have to mean UTC."""
    zones = {word.upper() for word in (name, *names) if word}
    if offset is None:
        return dt.datetime.fromisoformat(f"{day}T{clock}+00:00") if zones <= _UTC_NAMES else None
    moment = dt.datetime.fromisoformat(f"{day}T{clock}{offset}")
    ahead = moment.utcoffset()
    if any(dt.timedelta(minutes=_ZONES[zone]) != ahead for zone in zones if zone in _ZONES):
        return None
    return moment.astimezone(dt.UTC)


@functools.lru_cache(1024)
def plain_amount(cell: str) -> str | None:
    """A finite decimal as plain digits: the vendor's own spelling unless that has a plus sign, an exponent or a gap.

    Cached, because a file has thousands of rows and a dozen price points.
    """
    if _PLAIN_AMOUNT.fullmatch(cell):
        return cell if _AMOUNT.fullmatch(cell) else None
    if not _AMOUNT.fullmatch(cell):
        return None
    plain = format(Decimal(cell), "f")
    whole, _, fraction = plain.lstrip("-").partition(".")
    return plain if max(len(whole), len(fraction)) <= LONGEST_AMOUNT else None


@functools.lru_cache(1024)
def currency_code(cell: str) -> str | None:
    """A currency's three letters, in upper case."""
    return cell.upper() if _CURRENCY.fullmatch(cell) else None


def is_exact_phone_number(cell: str) -> bool:
    """Whether a phone number is as the vendor has it: not rounded, `4.47701E+11`, nor `####`, `#N/A` or a formula."""
    return not (cell.startswith(("#", "=")) or _ROUNDED_NUMBER.fullmatch(_NOT_IN_A_NUMBER.sub("", cell)))
