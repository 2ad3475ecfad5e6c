"""What a day's credits add up to, small enough that a year's summary reads no rows.

A rollup counts and sums by hour, network, outcome and currency, exactly: amounts are added as `Decimal` with no
rounding, and two currencies are never added up. Totals of the day without the hours stand first, because most
summaries need no hours.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact
from typing import Self

import orjson

from ledger.compression import pack, unpack
from ledger.rows import AMOUNT, CURRENCY, NETWORK, OUTCOME, TIME, Rows

EXACT = Context(prec=400, traps=[Inexact])
"""Sums that cannot be written exactly in 400 digits are refused rather than rounded."""

HourKey = tuple[int, str, str, str]
"""Hour of the day (0 to 23), network, outcome, currency."""

Total = tuple[int, Decimal]
"""How many credits, and the sum of their amounts."""


@dataclass(frozen=True, slots=True)
class Rollup:
    """A day's totals by hour, network, outcome and currency."""

    hours: dict[HourKey, Total]

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """Count and sum rows."""
        hours: dict[HourKey, list[str]] = {}
        columns = (rows.column(index) for index in (TIME, NETWORK, OUTCOME, CURRENCY, AMOUNT))
        for time, network, outcome, currency, amount in zip(*columns, strict=True):
            hours.setdefault((int(time[11:13]), network, outcome, currency), []).append(amount)
        return cls({key: (len(amounts), total(map(Decimal, amounts))) for key, amounts in hours.items()})

    @property
    def count(self) -> int:
        """How many credits the day has."""
        return sum(count for count, _ in self.hours.values())


def total(amounts: Iterable[Decimal]) -> Decimal:
    """An exact sum."""
    result = Decimal(0)
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def encode(rollup: Rollup) -> bytes:
    """A rollup as gzip JSON: a list of `[hour, network, outcome, currency, count, amount]`."""
    lines = [[*key, count, str(amount)] for key, (count, amount) in sorted(rollup.hours.items())]
    return pack(orjson.dumps(lines))


def decode(body: bytes) -> Rollup:
    """Stored bytes as a rollup."""
    return Rollup(
        {
            (hour, network, outcome, currency): (count, Decimal(amount))
            for hour, network, outcome, currency, count, amount in orjson.loads(unpack(body))
        }
    )
