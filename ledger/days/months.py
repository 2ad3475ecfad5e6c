"""Months: one immutable object says of every day of a settled month what its LIST and its rollups would say.

    credit-log/tenant=acme/brand=__all__/_months/2026-10.json.gz

It is a gzip file of several members: a head with the version and the whole totals of each day, and then, for each day,
the counts by hour and value and the index of its blocks, as its rollup has them. So a settled period is planned by one
read, and a query unpacks only what it needs. The keeper writes it once every day of the month is settled. Its days stay
the truth: a month that is lost, unreadable or contradicts them is ignored and made again.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

import orjson

from ledger.days.day_store import DayStore
from ledger.days.rollups import CorruptRollup, DayKey, Detail, Rollup, Total
from ledger.days.rows import STATES
from ledger.days.versions import DayVersion
from runtime.clock import DAY, stamp, unstamp
from runtime.compression import CorruptGzipError, first_member, pack, unpack

LOG = logging.getLogger("tally.ledger")

MONTHS = "_months"
SUFFIX = ".json.gz"
FORMAT = 1
HEAD_IN_MEMORY = 4
"""The bytes of memory that a byte of the unpacked head takes once it is parsed."""


class CalendarMonth(NamedTuple):
    """A month: its name, its first and its last day."""

    name: str
    first: date
    last: date

    def days(self) -> list[date]:
        """Its days, in order."""
        return [self.first + DAY * number for number in range((self.last - self.first).days + 1)]


type MonthOf = Callable[[date], CalendarMonth]
"""The month of a day. The ledger's is `calendar_month`; tests have shorter ones."""


@lru_cache(maxsize=1024)
def calendar_month(day: date) -> CalendarMonth:
    """The calendar month of a day; every query asks for that of each of its days."""
    first = day.replace(day=1)
    beyond = (first + timedelta(days=31)).replace(day=1)
    return CalendarMonth(f"{first:%Y-%m}", first, beyond - DAY)


class CorruptMonth(Exception):
    """A stored month is not what it should be; its days have the same information."""


class _Place(NamedTuple):
    """Where the members of a day lie in the body; an empty one is not there."""

    values: slice
    blocks: slice


class DayTotals(NamedTuple):
    """A day's totals, column by column: where the month's keys have the key of each, its count and its sum."""

    keys: Sequence[int]
    counts: Sequence[int]
    amounts: Sequence[Decimal]


@dataclass(frozen=True, slots=True)
class Month:
    """A settled month as it is stored: its days' versions, and their rollups, unpacked when they are asked for."""

    versions: Mapping[date, DayVersion]
    size: int
    keys: Sequence[DayKey]
    _totals: Mapping[date, Sequence[Any]]
    _places: Mapping[date, _Place]
    _body: bytes

    def has(self, version: DayVersion) -> bool:
        """Whether this is the version of its day that the month knows."""
        known = self.versions.get(version.day)
        return (
            known is not None and version.settled and (known.fetched, known.count) == (version.fetched, version.count)
        )

    def whole(self, day: date) -> dict[DayKey, Total]:
        """A day's totals.

        Raises:
            CorruptRollup: an amount is not a number.
        """
        return {self.keys[key]: (count, amount) for key, count, amount in zip(*self.totals(day), strict=True)}

    def totals(self, day: date) -> DayTotals:
        """A day's totals in columns.

        Raises:
            CorruptRollup: an amount is not a number.
        """
        entries = self._totals[day]
        try:
            return DayTotals(entries[::3], entries[1::3], list(map(Decimal, entries[2::3])))
        except (InvalidOperation, ValueError) as error:
            raise CorruptRollup(f"the totals of {day} in a stored month are unreadable: {error}") from error

    def rollup(self, day: date, detail: Detail = Detail.VALUE) -> Rollup:
        """A day's rollup; for whole days its details stay packed, and are left out.

        Raises:
            CorruptRollup: it is unreadable.
        """
        if detail is Detail.DAY:
            return Rollup(self.whole(day), None)
        place = self._places[day]
        blocks = self._unpacked(place.blocks) if place.blocks.start < place.blocks.stop else None
        return Rollup(self.whole(day), self._unpacked(place.values), blocks=blocks)

    def check(self) -> None:
        """Read all of it.

        Raises:
            CorruptRollup: a part is unreadable, or the details of a day do not add up to its totals.
        """
        for day in self.versions:
            self.rollup(day).parsed(Detail.VALUE)

    def _unpacked(self, place: slice) -> bytes:
        try:
            return unpack(self._body[place])
        except CorruptGzipError as error:
            raise CorruptRollup(f"a member of a stored month is unreadable: {error}") from error


def month_key(days: DayStore, month: CalendarMonth) -> str:
    """The key of a month's object."""
    return f"{days.folder}/{MONTHS}/{month.name}{SUFFIX}"


def encode(versions: Sequence[DayVersion], rollups: Sequence[Rollup]) -> bytes:
    """A month as it is stored, of the settled versions of its days and their rollups, in order.

    The head is `{"format", "keys", "days"}`. A key is `[network, outcome, currency]`; a day is `[day, fetched, count,
    totals, bytes of its values, bytes of its blocks]`, and its totals are a flat list of key, count and sum.

    Raises:
        ValueError: a rollup has no values.
    """
    keys: dict[DayKey, int] = {}
    days: list[list[Any]] = []
    members: list[bytes] = []
    for version, rollup in zip(versions, rollups, strict=True):
        totals: list[Any] = []
        for key, (count, amount) in sorted(rollup.whole.items()):
            totals += [keys.setdefault(key, len(keys)), count, str(amount)]
        values = pack(rollup.values_line())
        blocks = pack(rollup.blocks) if rollup.blocks is not None else b""
        days.append([str(version.day), stamp(version.fetched), version.count, totals, len(values), len(blocks)])
        members += [values, blocks]
    head = orjson.dumps({"format": FORMAT, "keys": list(keys), "days": days})
    return b"".join([pack(head), *members])


def decode(body: bytes, month: CalendarMonth) -> Month:
    """A stored month.

    Raises:
        CorruptMonth: the bytes are not one, or of other days, or its totals do not add up to its counts.
    """
    try:
        head, end = first_member(body)
        parsed = orjson.loads(head)
        if parsed["format"] != FORMAT:
            raise CorruptMonth(f"a stored month has the format {parsed['format']!r}")
        keys = [_key(key) for key in parsed["keys"]]
        days = list(_days(parsed["days"], frozenset(range(len(keys)))))
    except (CorruptGzipError, InvalidOperation, LookupError, TypeError, ValueError) as error:
        raise CorruptMonth(f"a stored month is unreadable: {type(error).__name__}") from error
    if [version.day for version, _, _ in days] != month.days():
        raise CorruptMonth(f"a stored month has other days than {month.name}")
    places = list(_places(end, [lengths for _, _, lengths in days]))
    if not places or places[-1].blocks.stop != len(body):
        raise CorruptMonth("a stored month has another length than its head says")
    return Month(
        {version.day: version for version, _, _ in days},
        len(body) + HEAD_IN_MEMORY * len(head),
        keys,
        {version.day: totals for version, totals, _ in days},
        {version.day: place for (version, _, _), place in zip(days, places, strict=True)},
        body,
    )


def _key(parts: list[str]) -> DayKey:
    network, outcome, currency = parts
    if all(type(part) is str for part in parts) and outcome in STATES:
        return network, outcome, currency
    raise ValueError(parts)


def _days(entries: list[list[Any]], keys: frozenset[int]) -> Iterator[tuple[DayVersion, list[Any], tuple[int, int]]]:
    """Each day's version, totals and lengths; entries of another form raise TypeError, LookupError or ValueError."""
    for day, fetched, count, totals, values, blocks in entries:
        if type(values) is not int or type(blocks) is not int or values <= 0 or blocks < 0:
            raise ValueError(day)
        if not keys.issuperset(totals[::3]) or len(totals) % 3:
            raise ValueError(day)
        if type(count) is not int or count < 0 or sum(totals[1::3]) != count or not _are_numbers(totals[2::3]):
            raise CorruptMonth(f"the totals of {day} in a stored month do not add up to its {count} credits")
        yield DayVersion(date.fromisoformat(day), unstamp(fetched), count, settled=True), totals, (values, blocks)


def _are_numbers(amounts: list[Any]) -> bool:
    """Whether amounts are spelled as `encode` spells them: by digits, a point, a sign or an exponent."""
    text = "".join(amounts)
    return not text.encode().translate(None, b"0123456789.+-E")


def _places(start: int, lengths: Sequence[tuple[int, int]]) -> Iterator[_Place]:
    ends = list(accumulate((length for pair in lengths for length in pair), initial=start))
    for number in range(len(lengths)):
        values, blocks, end = ends[2 * number : 2 * number + 3]
        yield _Place(slice(values, blocks), slice(blocks, end))
