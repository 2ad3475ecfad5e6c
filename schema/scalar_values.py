"""Parsers of the three scalars: what is not exactly a date, an instant or a number is refused, never guessed."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

YEARS = range(1970, 2200)
"""Years that a report can be about; others are typing errors."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:?\d{2})", re.ASCII)
_LEAP_SECOND = re.compile(r".{17}60")
FLOAT_DIGITS = 15
"""A JSON number with more digits than a float holds exactly may have lost some before it reached us."""

_DECIMAL = re.compile(r"-?\d{1,40}(\.\d{1,40})?", re.ASCII)


def parse_date(value: object) -> date:
    """`2019-11-05`."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("Date takes a day such as 2019-11-05")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise ValueError("Date takes a day that exists") from None
    return _in_range(day)


def parse_date_time(value: object) -> datetime:
    """RFC 3339 with an offset; seconds and the colon in the offset may be missing, the offset may not."""
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        raise ValueError("DateTime takes RFC 3339 with an offset, such as 2019-11-05T12:00:00Z")
    if _LEAP_SECOND.match(value):
        raise ValueError("DateTime takes no leap seconds: send the second before or after")
    try:
        moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("DateTime takes an instant that exists") from None
    return _in_range(moment)


def parse_decimal(value: object) -> Decimal:
    """A plain number, best as a string; never a rounded float, an infinity or NaN."""
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    rounded = isinstance(value, float) and len(text.strip("-0.").replace(".", "")) > FLOAT_DIGITS
    if rounded or not _DECIMAL.fullmatch(text):
        raise ValueError('Decimal takes a plain number as a string, such as "1.5"')
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("Decimal takes a number") from None


def _in_range[T: date](moment: T) -> T:
    if moment.year not in YEARS:
        raise ValueError(f"the year has to be from {YEARS[0]} to {YEARS[-1]}")
    return moment
