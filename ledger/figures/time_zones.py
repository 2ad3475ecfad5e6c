"""The time zones that summaries can be split by: those of the IANA whose offset is a whole number of hours.

Imported for the first summary in another zone than UTC.
"""

from datetime import UTC, timedelta, tzinfo
from functools import cache, lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import tzdata  # type: ignore[import-untyped]  # it has no types

from runtime.clock import HOUR, Period

ZONES = Path(tzdata.__file__).parent
"""Read as files: `ZoneInfo(name)` would import `importlib.resources` for it, or take what a machine has of its own."""


class UnknownTimeZone(ValueError):
    """Not an IANA time zone, or one whose offset in the period is not a whole number of hours."""


def time_zone(name: str, period: Period) -> tzinfo:
    """The time zone of a name, usable for a summary of a period.

    Raises:
        UnknownTimeZone: there is none of that name, or its offset is not a whole number of hours.
    """
    if name == "UTC":
        return UTC
    try:
        zone = _zone(name)
    except (KeyError, ValueError, OSError) as error:  # `ZoneInfoNotFoundError` is a KeyError
        raise UnknownTimeZone("timeZone takes an IANA name such as Europe/London") from error
    offsets = {(hour.astimezone(zone).utcoffset() or timedelta()) for hour in period.hours()}
    if any(offset % HOUR for offset in offsets):
        raise UnknownTimeZone(f"{name} is not a whole number of hours from UTC, and figures are stored by the hour")
    return zone


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    if name not in _zone_names():  # a machine's own folder of zones has `localtime` and other names that Lambda has not
        raise KeyError(name)
    with (ZONES / "zoneinfo" / name).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)


@cache
def _zone_names() -> frozenset[str]:
    return frozenset((ZONES / "zones").read_text(encoding="utf-8").split())
