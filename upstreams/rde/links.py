"""What a signed link says about itself: which protocol it uses, and from when to when it works."""

import datetime as dt
from urllib.parse import unquote, urlsplit

FIRST_YEAR = 1970
"""An earlier time in a link is an empty value as some languages write it (year 1), and not a time."""
SCHEMES = frozenset({"http", "https"})


def web_link(url: str | None) -> str | None:
    """The link if a browser may be given it; None for `javascript:`, `file:` and anything else that is not HTTP."""
    try:
        return url if url and urlsplit(url).scheme.lower() in SCHEMES else None
    except ValueError:
        return None


def link_start(url: str | None) -> dt.datetime | None:
    """The moment before which a signed link is refused, by its `st`; None where that is missing or garbled."""
    return _moment(url, "st")


def link_expiry(url: str | None) -> dt.datetime | None:
    """The moment from which a signed link is refused, by its `se`; None where that is missing or garbled."""
    return _moment(url, "se")


def utc(text: str) -> dt.datetime:
    """An ISO 8601 date and time as aware UTC; the vendor's times without a zone are UTC.

    Raises:
        ValueError, OverflowError: the text is not one, or is out of range in UTC.
    """
    moment = dt.datetime.fromisoformat(text)
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def _moment(url: str | None, parameter: str) -> dt.datetime | None:
    try:
        pairs = [part.partition("=") for part in urlsplit(url or "").query.split("&")]
        value = next(value for name, _, value in pairs if unquote(name).lower() == parameter)
        moment = utc(unquote(value))
    except (ValueError, OverflowError, StopIteration):
        return None
    return moment if moment.year >= FIRST_YEAR else None
