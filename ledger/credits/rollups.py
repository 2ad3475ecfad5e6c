"""What a day's credits add up to, small enough that a year's summary reads no rows.

A rollup counts and sums by hour, network, outcome and currency, exactly: amounts are added as `Decimal` with no
rounding, and two currencies are never added up. Totals of the whole day stand first and by themselves, because most
summaries need no hours: those stay text until somebody asks.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Self

import orjson

from ledger.credits.rows import AMOUNT, CURRENCY, NETWORK, OUTCOME, TIME, Rows
from runtime.compression import CorruptGzipError, pack, unpack

EXACT = Context(prec=400, traps=[Inexact])
"""Sums that cannot be written exactly in 400 digits are refused rather than rounded."""

DayKey = tuple[str, str, str]
"""Network, outcome, currency."""

HourKey = tuple[int, str, str, str]
"""Hour of the day (0 to 23), network, outcome, currency."""

Total = tuple[int, Decimal]
"""How many credits, and the sum of their amounts."""

ENTRY_BYTES = 400
"""What a total weighs in memory."""


class CorruptRollup(Exception):
    """A stored rollup cannot be read; its rows say the same."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """A day's totals by network, outcome and currency; and by hour as well."""

    whole: Mapping[DayKey, Total]
    _hours: Mapping[HourKey, Total] | bytes

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """Count and sum rows."""
        columns = (rows.column(index) for index in (NETWORK, OUTCOME, CURRENCY, AMOUNT))
        times = [time[11:13] for time in rows.column(TIME)]
        whole: dict[DayKey, Total] = {}
        hours: dict[HourKey, Total] = {}
        # There are far fewer price points than credits: equal ones are counted first and multiplied once.
        for (hour, *rest, amount), count in Counter(zip(times, *columns, strict=True)).items():
            network, outcome, currency = rest
            more = count, EXACT.multiply(Decimal(amount), count)
            add(whole, (network, outcome, currency), more)
            add(hours, (int(hour), network, outcome, currency), more)
        return cls(whole, hours)

    @property
    def hours(self) -> Mapping[HourKey, Total]:
        """The totals by hour, read when asked for."""
        if not isinstance(self._hours, bytes):
            return self._hours
        return {
            (hour, network, outcome, currency): (count, Decimal(amount))
            for hour, network, outcome, currency, count, amount in orjson.loads(self._hours)
        }

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        hours = len(self._hours) if isinstance(self._hours, bytes) else len(self._hours) * ENTRY_BYTES
        return hours + len(self.whole) * ENTRY_BYTES


EMPTY = Rollup({}, {})


def add[K](totals: dict[K, Total], key: K, more: Total) -> None:
    """Add to one of several totals, exactly."""
    held = totals.get(key)
    totals[key] = more if held is None else (held[0] + more[0], EXACT.add(held[1], more[1]))


def encode(rollup: Rollup) -> bytes:
    """A rollup as two gzipped lines of JSON: lists of `[network, outcome, currency, count, amount]`, hours before."""
    lines = (orjson.dumps(_entries(totals.items())) for totals in (rollup.whole, rollup.hours))
    return pack(b"\n".join(lines))


def _entries(totals: Iterable[tuple[DayKey | HourKey, Total]]) -> list[list[object]]:
    return [[*key, count, str(amount)] for key, (count, amount) in sorted(totals)]


def decode(body: bytes) -> Rollup:
    """Stored bytes as a rollup.

    Raises:
        CorruptRollup: they are none.
    """
    try:
        whole, hours = unpack(body).split(b"\n")
        totals = {
            (network, outcome, currency): (count, Decimal(amount))
            for network, outcome, currency, count, amount in orjson.loads(whole)
        }
    except (CorruptGzipError, ValueError, InvalidOperation) as error:
        raise CorruptRollup(f"a stored rollup is unreadable: {error}") from error
    return Rollup(totals, hours)
