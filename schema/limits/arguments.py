"""Arguments that more than one field takes, checked before anything is read."""

import unicodedata
from datetime import date, datetime, timedelta

from runtime.clock import Period
from schema.errors import BadUserInput

LONGEST_DAYS = 366
DEFAULT_PAGE = 100
LARGEST_PAGE = 10_000
PREVIEW_ROWS = 20
LARGEST_PREVIEW = 100
LONGEST_BRAND = 128
LONGEST_BRAND_BYTES = 256
"""In UTF-8: an object key holds it percent-encoded, three characters a byte, and S3 allows 1024 in all."""
LINK_SECONDS = 900
LONGEST_LINK_SECONDS = 43_200
_REFUSED = frozenset('"/\\<>\u201c\u201d\u00ab\u00bb')
_LETTERS_AND_THE_LIKE = frozenset({"L", "M", "N", "P", "Z"})
_PLAIN_SYMBOLS = frozenset("$+=^`|~\u00a3\u20ac\u00a9\u00ae\u2122\u00b0")


def period(start: datetime, end: datetime) -> Period:
    """A half-open period of instants, at most 366 days long."""
    if start > end:
        raise BadUserInput("`from` is after `to`")
    if end - start > timedelta(days=LONGEST_DAYS):
        raise BadUserInput(f"the period is longer than {LONGEST_DAYS} days")
    return Period(start, end)


def days(first: date, last: date) -> tuple[date, date]:
    """The first and the last of at most 366 days."""
    if first > last:
        raise BadUserInput("`from` is after `to`")
    if (last - first).days >= LONGEST_DAYS:
        raise BadUserInput(f"the period is longer than {LONGEST_DAYS} days")
    return first, last


def brand(name: str | None) -> str | None:
    """A brand's name: letters, digits, spaces and punctuation of any script; no quotation marks, slashes or emoji."""
    if name is None:
        return None
    name = unicodedata.normalize("NFC", name)  # one brand, whatever the keyboard: the ledger stores it under this name
    if not name.strip() or len(name) > LONGEST_BRAND:
        raise BadUserInput(f"brand takes 1 to {LONGEST_BRAND} characters")
    if len(name.encode(errors="replace")) > LONGEST_BRAND_BYTES:
        raise BadUserInput(f"brand takes {LONGEST_BRAND_BYTES} bytes of UTF-8")
    if not all(_in_a_name(character) for character in name):
        raise BadUserInput(
            "brand takes letters, digits, spaces and punctuation, but no quotation marks, slashes or emoji"
        )
    return name


def first(size: int | None, otherwise: int, most: int = LARGEST_PAGE) -> int:
    """A page's size, 1 to `most` rows."""
    size = otherwise if size is None else size
    if not 1 <= size <= most:
        raise BadUserInput(f"first takes 1 to {most}")
    return size


def link_seconds(seconds: int | None) -> int:
    """A link's life in seconds, 1 to 43,200."""
    seconds = LINK_SECONDS if seconds is None else seconds
    if not 1 <= seconds <= LONGEST_LINK_SECONDS:
        raise BadUserInput(f"expiresIn takes 1 to {LONGEST_LINK_SECONDS} seconds")
    return seconds


def _in_a_name(character: str) -> bool:
    if character in _REFUSED:
        return False
    category = unicodedata.category(character)
    return (category[0] in _LETTERS_AND_THE_LIKE and category not in {"Zl", "Zp"}) or character in _PLAIN_SYMBOLS
