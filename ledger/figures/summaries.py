"""Summaries of a period: counts and exact sums, split by time, network, outcome, value and currency.

Time is split in any IANA time zone whose offset is a whole number of hours, because rollups are hourly. An hour is an
instant, so a change of the clock doubles or drops none; days, weeks (from Monday) and months are the zone's own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, localcontext
from enum import Enum
from typing import NamedTuple

from ledger.days.months import DayTotals
from ledger.days.rollups import EXACT, DayKey, Detail, Rollup
from ledger.figures.summary_lines import STATES, Figures, OtherParts, SummaryLines, TimeParts, money
from runtime.clock import HOUR, Period, midnight

MOST_BUCKETS = 50_000
STATE_AT = {state: index for index, state in enumerate(STATES)}
NO_TIME = TimeParts()
AMOUNT = len(STATES)
"""Where the figures of a line have the count of each state, and the sum."""
NOTHING: Figures = [*[0] * len(STATES), Decimal()]


class SummaryKey(Enum):
    """What a summary can be split by; it is always split by currency."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    NETWORK = "NETWORK"
    OUTCOME = "OUTCOME"
    AMOUNT = "AMOUNT"
    CURRENCY = "CURRENCY"


TIME_KEYS = frozenset({SummaryKey.HOUR, SummaryKey.DAY, SummaryKey.WEEK, SummaryKey.MONTH})


class TooManyBuckets(Exception):
    """The summary has more lines than `MOST_BUCKETS`."""


class SummaryRequest(NamedTuple):
    """What to split by, in which time zone, and whether times without credits get lines of zeros."""

    by: frozenset[SummaryKey]
    zone: tzinfo = UTC
    fill: bool = False

    @property
    def detail(self) -> Detail:
        """How finely the days' totals are needed."""
        if SummaryKey.AMOUNT in self.by:
            return Detail.VALUE if self.by_hour else Detail.DAY_VALUE
        return Detail.HOUR if self.by_hour else Detail.DAY

    @property
    def by_hour(self) -> bool:
        """Whether the hours of a UTC day may belong to different lines."""
        return SummaryKey.HOUR in self.by or (self.zone is not UTC and bool(self.by & TIME_KEYS))


class Summary:
    """Adds up the rollups of a period's days; memory grows with the lines, not with the period.

    A year's rollups have tens of thousands of entries and few different keys: what a key means for the summary is
    worked out once.
    """

    def __init__(self, request: SummaryRequest, period: Period) -> None:
        self._request = request
        self._detail = request.detail
        self._by_time = bool(request.by & TIME_KEYS)
        self._monthly, self._weekly, self._daily, self._hourly = (
            key in request.by for key in (SummaryKey.MONTH, SummaryKey.WEEK, SummaryKey.DAY, SummaryKey.HOUR)
        )
        self._period = period
        self._times: dict[TimeParts, dict[int, Figures]] = {}
        self._others: dict[OtherParts, int] = {}
        self._other_of: dict[tuple[str, str, str, str | None], int] = {}
        self._length = 0

    def add(self, day: date, rollup: Rollup) -> None:
        """Add a UTC day's totals, parsed to the request's detail.

        Raises:
            TooManyBuckets: the summary has grown too long.
        """
        lines: dict[int, dict[int, Figures]] = {}
        with localcontext(EXACT):
            for hour, network, outcome, currency, value, count, amount in _totals(rollup, self._detail):
                if (cells := lines.get(hour)) is None:
                    time = self._time_parts(midnight(day) + hour * HOUR)
                    cells = lines[hour] = self._times.setdefault(time, {})
                other = self._other_of.get((network, outcome, currency, value))
                if other is None:
                    other = self._numbered(network, outcome, currency, value)
                if (figures := cells.get(other)) is None:
                    figures = cells[other] = self._new_line()
                figures[STATE_AT[outcome]] += count
                figures[AMOUNT] += amount

    def add_month(self, keys: Sequence[DayKey], days: Iterable[tuple[date, DayTotals]]) -> None:
        """Add UTC days of a month, whose totals need no split by hour or value; see `add`."""
        lines: list[tuple[int, int] | None] = [None] * len(keys)
        with localcontext(EXACT):
            for day, totals in days:
                cells = self._times.setdefault(self._day_parts(day, None) if self._by_time else NO_TIME, {})
                for key, count, amount in zip(*totals, strict=True):
                    if (line := lines[key]) is None:  # only now: a key may belong to other days of the month
                        line = lines[key] = self._numbered(*keys[key], None), STATE_AT[keys[key][1]]
                    other, state = line
                    if (figures := cells.get(other)) is None:
                        figures = cells[other] = self._new_line()
                    figures[state] += count
                    figures[AMOUNT] += amount

    def lines(self) -> SummaryLines:
        """The lines by time, then network, outcome, value and currency.

        Raises:
            TooManyBuckets: the times without credits are too many.
        """
        if self._request.fill:
            self._fill()
        others = [(other, self._others[other]) for other in sorted(self._others, key=_other_order)]
        found = [
            (time, other, figures)
            for time in sorted(self._times)  # all of them have the same parts: the others are None
            for cells in [self._times[time]]
            for other, number in others
            if (figures := cells.get(number)) is not None
        ]
        return SummaryLines(*zip(*found, strict=True)) if found else SummaryLines((), (), ())

    def _numbered(self, network: str, outcome: str, currency: str, value: str | None) -> int:
        """The number of what a key means for this summary."""
        parts = self._other_parts(network, outcome, currency, value)
        number = self._others.setdefault(parts, len(self._others))
        self._other_of[network, outcome, currency, value] = number
        return number

    def _new_line(self) -> Figures:
        self._length += 1
        if self._length > MOST_BUCKETS:
            raise TooManyBuckets
        return [*NOTHING]

    def _fill(self) -> None:
        """Give each time of the period a line for each combination of the other parts that occurs in the period."""
        times = dict.fromkeys(self._time_parts(hour) for hour in self._period.hours())
        if len(times) * len(self._others) > MOST_BUCKETS:
            raise TooManyBuckets
        for time in times:
            cells = self._times.setdefault(time, {})
            for other in self._others.values():
                cells.setdefault(other, [*NOTHING])

    def _time_parts(self, hour: datetime) -> TimeParts:
        if not self._by_time:
            return NO_TIME
        return self._day_parts(hour.astimezone(self._request.zone).date(), hour if self._hourly else None)

    def _day_parts(self, day: date, hour: datetime | None) -> TimeParts:
        return TimeParts(
            day.replace(day=1) if self._monthly else None,
            day - timedelta(days=day.weekday()) if self._weekly else None,
            day if self._daily else None,
            hour,
        )

    def _other_parts(self, network: str, outcome: str, currency: str, value: str | None) -> OtherParts:
        by = self._request.by
        return OtherParts(
            network if SummaryKey.NETWORK in by else None,
            outcome if SummaryKey.OUTCOME in by else None,
            money(Decimal(value)) if value is not None else None,
            currency,
        )


def _totals(rollup: Rollup, detail: Detail) -> Iterator[tuple[int, str, str, str, str | None, int, Decimal]]:
    """Hour (0 where it does not matter), network, outcome, currency, value, count and sum."""
    if detail is Detail.DAY_VALUE and rollup.day_values is not None:
        for (network, outcome, currency, value), count in rollup.day_values.items():
            yield 0, network, outcome, currency, value, count, EXACT.multiply(Decimal(value), count)
    elif detail is Detail.VALUE and isinstance(rollup.values, Mapping):
        for (hour, network, outcome, currency, value), count in rollup.values.items():
            yield hour, network, outcome, currency, value, count, EXACT.multiply(Decimal(value), count)
    elif detail is Detail.HOUR and isinstance(rollup.hours, Mapping):
        for (hour, network, outcome, currency), (count, amount) in rollup.hours.items():
            yield hour, network, outcome, currency, None, count, amount
    else:
        for (network, outcome, currency), (count, amount) in rollup.whole.items():
            yield 0, network, outcome, currency, None, count, amount


def _other_order(other: OtherParts) -> tuple[str, str, Decimal, str]:
    return other.network or "", other.outcome or "", other.value or Decimal(), other.currency
