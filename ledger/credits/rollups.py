"""What a day's credits add up to, so small that a summary of a year reads no rows.

A rollup has counts and sums by hour, network, outcome and currency. Sums are exact, and two currencies are never added
up. The totals of the whole day come first, because most summaries need no hours: those are parsed only when a summary
asks for them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Any, Self

import orjson

from ledger.credits.rows import AMOUNT, CURRENCY, NETWORK, OUTCOME, STATES, TIME, Rows
from runtime.compression import CorruptGzipError, pack, unpack

EXACT = Context(prec=400, traps=[Inexact])
"""Sums that need more than 400 digits are refused rather than rounded."""

DayKey = tuple[str, str, str]
"""Network, outcome, currency."""

HourKey = tuple[int, str, str, str]
"""Hour of the day (0 to 23), network, outcome, currency."""

Total = tuple[int, Decimal]
"""How many credits, and the sum of their amounts."""

HOURS = frozenset(range(24))
ENTRY_BYTES = 400
"""The memory that a total takes."""


class CorruptRollup(Exception):
    """A stored rollup is not what it should be; the day's rows have the same information."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """A day's totals by network, outcome and currency, and by hour as well: parsed, or still as they are stored."""

    whole: Mapping[DayKey, Total]
    stored_hours: Mapping[HourKey, Total] | bytes

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """Count and sum rows."""
        columns = (rows.column(index) for index in (NETWORK, OUTCOME, CURRENCY, AMOUNT))
        times = [time[11:13] for time in rows.column(TIME)]
        whole: dict[DayKey, Total] = {}
        hours: dict[HourKey, Total] = {}
        # There are far fewer price points than credits: equal amounts are counted first and multiplied once.
        for (hour, *rest, amount), count in Counter(zip(times, *columns, strict=True)).items():
            network, outcome, currency = rest
            more = count, EXACT.multiply(Decimal(amount), count)
            add(whole, (network, outcome, currency), more)
            add(hours, (int(hour), network, outcome, currency), more)
        return cls(whole, hours)

    def hours(self) -> Mapping[HourKey, Total]:
        """The totals by hour.

        Raises:
            CorruptRollup: they are not what was stored, or do not add up to the whole day's.
        """
        if not isinstance(self.stored_hours, bytes):
            return self.stored_hours
        hours: dict[HourKey, Total] = {}
        whole: dict[DayKey, Total] = {}
        for (hour, network, outcome, currency), total in _entries(self.stored_hours, key_length=4):
            if hour not in HOURS:
                raise CorruptRollup(f"a stored rollup has an hour {hour!r}")
            add(hours, (hour, network, outcome, currency), total)
            add(whole, (network, outcome, currency), total)
        if whole != self.whole:
            raise CorruptRollup("the hours of a stored rollup do not add up to its day")
        return hours

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        hours = self.stored_hours
        return len(self.whole) * ENTRY_BYTES + (len(hours) if isinstance(hours, bytes) else len(hours) * ENTRY_BYTES)


EMPTY_ROLLUP = Rollup({}, {})


def add[K](totals: dict[K, Total], key: K, more: Total) -> None:
    """Add to one of several totals, exactly."""
    total = totals.get(key)
    totals[key] = more if total is None else (total[0] + more[0], EXACT.add(total[1], more[1]))


def encode(rollup: Rollup) -> bytes:
    """A rollup as two gzipped lines of JSON: `[network, outcome, currency, count, amount]`, and those with an hour."""
    return pack(b"\n".join(_line(totals.items()) for totals in (rollup.whole, rollup.hours())))


def _line(totals: Iterable[tuple[DayKey | HourKey, Total]]) -> bytes:
    return orjson.dumps([[*key, count, str(amount)] for key, (count, amount) in sorted(totals)])


def decode(body: bytes, count: int) -> Rollup:
    """Stored bytes as the rollup of a day of `count` credits.

    Raises:
        CorruptRollup: the bytes are not a rollup, or its counts do not add up to `count`.
    """
    try:
        whole, hours = unpack(body).split(b"\n")
    except (CorruptGzipError, ValueError) as error:
        raise CorruptRollup(f"a stored rollup is unreadable: {error}") from error
    totals: dict[DayKey, Total] = {}
    for (network, outcome, currency), total in _entries(whole, key_length=3):
        add(totals, (network, outcome, currency), total)
    counted = sum(total[0] for total in totals.values())
    if counted != count:
        raise CorruptRollup(f"a stored rollup counts {counted} credits of a day that has {count}")
    return Rollup(totals, hours)


def _entries(line: bytes, key_length: int) -> list[tuple[list[Any], Total]]:
    """The entries of a line of JSON, each with the parts of its key.

    Raises:
        CorruptRollup: the line is not a list of entries with keys of that length.
    """
    try:
        entries = [(key, _total(count, amount)) for *key, count, amount in orjson.loads(line)]
    except (ValueError, TypeError, InvalidOperation) as error:
        raise CorruptRollup(f"a stored rollup is unreadable: {error}") from error
    if not all(_is_key(key, key_length) for key, _ in entries):
        raise CorruptRollup("a stored rollup has entries of another form")
    return entries


def _total(count: object, amount: object) -> Total:
    if type(count) is not int or count < 1 or type(amount) is not str:
        raise TypeError("a count is a whole number, an amount is text")
    total = Decimal(amount)
    if not total.is_finite():
        raise ValueError("an amount is not a number")
    return count, total


def _is_key(key: list[object], length: int) -> bool:
    return len(key) == length and all(type(part) is str for part in key[-3:]) and key[-2] in STATES
