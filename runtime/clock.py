"""Times as they are written on the wire, in stored rows and in object keys. Inside, all are aware UTC."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

Clock = Callable[[], datetime]

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MIDNIGHT = time(tzinfo=UTC)
STAMP = "%Y%m%dT%H%M%S.%fZ"
STAMP_LENGTH = 23


def now() -> datetime:
    """The present moment, aware UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """`2019-11-05T12:15:18Z`, with a fraction only where there is one."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def stamp(moment: datetime) -> str:
    """A part of a key that sorts by time: `20191105T121518.000000Z`."""
    return moment.astimezone(UTC).strftime(STAMP)


def unstamp(text: str) -> datetime:
    """The moment of a stamp.

    Raises:
        ValueError: the text is not a stamp.
    """
    if len(text) != STAMP_LENGTH or not text.endswith("Z"):
        raise ValueError(f"{text!r} is not a stamp")
    return datetime.fromisoformat(text)  # a listing has hundreds of them, and `strptime` takes twenty times as long


def midnight(day: date) -> datetime:
    """The instant at which a UTC day begins."""
    return datetime.combine(day, MIDNIGHT)


def day_end(day: date) -> datetime:
    """The instant at which a UTC day ends."""
    return midnight(day) + DAY


class Period(NamedTuple):
    """A half-open period of instants, `[start, end)`; empty when both are the same."""

    start: datetime
    end: datetime

    def days(self) -> Iterator[date]:
        """The UTC days that the period touches, in order; an empty one touches none."""
        day = self.start.astimezone(UTC).date()
        while self.start < self.end and midnight(day) < self.end:
            yield day
            day += DAY

    def hours(self) -> Iterator[datetime]:
        """The hours that the period touches, in order."""
        hour = self.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        while hour < self.end:
            yield hour
            hour += HOUR

    def covers(self, day: date) -> bool:
        """Whether the whole UTC day lies in the period."""
        first, beyond = self.whole_days()
        return first <= day < beyond

    def whole_days(self) -> tuple[date, date]:
        """The first of the UTC days that lie whole in the period, and the first one after them."""
        start, end = self.start.astimezone(UTC), self.end.astimezone(UTC)
        return (start.date() if start.timetz() == MIDNIGHT else start.date() + DAY), end.date()

    def until(self, moment: datetime) -> "Period":
        """The part of the period that lies before a moment."""
        return Period(min(self.start, moment), min(self.end, moment))
