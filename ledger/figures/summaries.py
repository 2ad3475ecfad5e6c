"""Summaries of a period: counts and exact sums, split by time, network, outcome, value and currency.

Time is split in any IANA time zone whose offset is a whole number of hours, because rollups are hourly. An hour is an
instant, so a change of the clock doubles or drops none; days, weeks (from Monday) and months are the zone's own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal, Inexact
from enum import Enum
from functools import cache, lru_cache
from typing import NamedTuple

from ledger.days.rollups import EXACT, DayKey, Detail, Rollup
from runtime.clock import Period, midnight
from upstreams.openmarket.rows import CreditState

HOUR = timedelta(hours=1)
CENT = Decimal("0.01")
RATE = Decimal("0.0001")
MOST_BUCKETS = 50_000
STATES = ("SUCCESS", "FAILED", "PENDING", "UNKNOWN")
_STATE_OF = {state: CreditState(state) for state in STATES}


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


class UnknownTimeZone(ValueError):
    """Not an IANA time zone, or one whose offset in the period is not a whole number of hours."""


class TooManyBuckets(Exception):
    """The summary has more lines than `MOST_BUCKETS`."""


class TimeParts(NamedTuple):
    """Where a credit lies in time, as far as a summary is split by it."""

    month: date | None = None
    week: date | None = None
    day: date | None = None
    hour: datetime | None = None


class OtherParts(NamedTuple):
    """What else a summary is split by."""

    network: str | None
    outcome: str | None
    value: Decimal | None
    currency: str


@dataclass(frozen=True, slots=True)
class SummaryBucket:
    """One line of a summary; what it was not split by is None.

    `day`, `week` (its Monday) and `month` (its first day) are the time zone's, `hour` is the instant at which the hour
    begins, `value` the amount of one credit. `failure_rate` is the share of failures among the credits that succeeded
    or failed, four decimals; None where there are none.
    """

    month: date | None
    week: date | None
    day: date | None
    hour: datetime | None
    network: str | None
    outcome: CreditState | None
    value: Decimal | None
    currency: str
    count: int
    amount: Decimal
    success: int
    failed: int
    pending: int
    unknown: int

    @property
    def failure_rate(self) -> Decimal | None:
        """The share of failures among the credits that have ended; None where none has."""
        return failure_rate(self.success, self.failed)


class SummaryRequest(NamedTuple):
    """What to split by, in which time zone, and whether times without credits get lines of zeros."""

    by: frozenset[SummaryKey]
    zone: tzinfo = UTC
    fill: bool = False

    @property
    def detail(self) -> Detail:
        """How finely the days' totals are needed."""
        if SummaryKey.AMOUNT in self.by:
            return Detail.VALUE
        return Detail.HOUR if self.by_hour else Detail.DAY

    @property
    def by_hour(self) -> bool:
        """Whether the hours of a UTC day may belong to different lines."""
        return SummaryKey.HOUR in self.by or (self.zone is not UTC and bool(self.by & TIME_KEYS))


class _Cell:
    """The credits of one line: the sum of their amounts, and their counts by state."""

    __slots__ = ("amount", "counts")

    def __init__(self) -> None:
        self.amount = Decimal()
        self.counts = dict.fromkeys(STATES, 0)


class Summary:
    """Adds up the rollups of a period's days; memory grows with the lines, not with the period.

    A year's rollups have tens of thousands of entries and few different keys: what a key means for the summary is
    worked out once.
    """

    def __init__(self, request: SummaryRequest, period: Period) -> None:
        self._request = request
        self._detail = request.detail
        self._by_hour = request.by_hour
        self._period = period
        self._times: dict[TimeParts, dict[int, _Cell]] = {}
        self._others: dict[OtherParts, int] = {}
        self._other_of: dict[tuple[str, str, str, str | None], int] = {}
        self._other_of_key: dict[DayKey, int] = {}
        self._length = 0

    def add(self, day: date, rollup: Rollup) -> None:
        """Add a UTC day's totals, parsed to the request's detail.

        Raises:
            TooManyBuckets: the summary has grown too long.
        """
        lines: dict[int, dict[int, _Cell]] = {}
        for hour, network, outcome, currency, value, count, amount in _totals(
            rollup, self._detail, by_hour=self._by_hour
        ):
            if (cells := lines.get(hour)) is None:
                time = self._time_parts(midnight(day) + hour * HOUR)
                cells = lines[hour] = self._times.setdefault(time, {})
            other = self._other_of.get((network, outcome, currency, value))
            if other is None:
                other = self._numbered(network, outcome, currency, value)
            if (cell := cells.get(other)) is None:
                cell = self._new_cell(cells, other)
            cell.counts[outcome] += count
            cell.amount = EXACT.add(cell.amount, amount)

    def add_whole_day(self, day: date, totals: Iterable[tuple[DayKey, int, Decimal]]) -> None:
        """Add the totals of a UTC day that need no split by hour or value; see `add`."""
        cells = self._times.setdefault(self._time_parts(midnight(day)), {})
        other_of, add_exactly = self._other_of_key, EXACT.add
        for key, count, amount in totals:
            if (other := other_of.get(key)) is None:
                network, outcome, currency = key
                other = other_of[key] = self._numbered(network, outcome, currency, None)
            if (cell := cells.get(other)) is None:
                cell = self._new_cell(cells, other)
            cell.counts[key[1]] += count
            cell.amount = add_exactly(cell.amount, amount)

    def buckets(self) -> list[SummaryBucket]:
        """The lines by time, then network, outcome, value and currency.

        Raises:
            TooManyBuckets: the times without credits are too many.
        """
        if self._request.fill:
            self._fill()
        others = sorted(self._others, key=_other_order)
        return [
            _bucket(time, other, cell)
            for time in sorted(self._times, key=_time_order)
            for other in others
            if (cell := self._times[time].get(self._others[other])) is not None
        ]

    def _numbered(self, network: str, outcome: str, currency: str, value: str | None) -> int:
        """The number of what a key means for this summary."""
        parts = self._other_parts(network, outcome, currency, value)
        number = self._others.setdefault(parts, len(self._others))
        self._other_of[network, outcome, currency, value] = number
        return number

    def _new_cell(self, cells: dict[int, _Cell], other: int) -> _Cell:
        self._length += 1
        if self._length > MOST_BUCKETS:
            raise TooManyBuckets
        cell = cells[other] = _Cell()
        return cell

    def _fill(self) -> None:
        """Give each time of the period a line for each combination of the other parts that occurs in the period."""
        times = dict.fromkeys(self._time_parts(hour) for hour in _hours(self._period))
        if len(times) * len(self._others) > MOST_BUCKETS:
            raise TooManyBuckets
        for time in times:
            cells = self._times.setdefault(time, {})
            for other in self._others.values():
                cells.setdefault(other, _Cell())

    def _time_parts(self, hour: datetime) -> TimeParts:
        by = self._request.by
        if not by & TIME_KEYS:
            return TimeParts()
        day = hour.astimezone(self._request.zone).date()
        return TimeParts(
            day.replace(day=1) if SummaryKey.MONTH in by else None,
            day - timedelta(days=day.weekday()) if SummaryKey.WEEK in by else None,
            day if SummaryKey.DAY in by else None,
            hour if SummaryKey.HOUR in by else None,
        )

    def _other_parts(self, network: str, outcome: str, currency: str, value: str | None) -> OtherParts:
        by = self._request.by
        return OtherParts(
            network if SummaryKey.NETWORK in by else None,
            outcome if SummaryKey.OUTCOME in by else None,
            money(Decimal(value)) if value is not None else None,
            currency,
        )


def _bucket(time: TimeParts, other: OtherParts, cell: _Cell) -> SummaryBucket:
    outcome = _STATE_OF[other.outcome] if other.outcome else None
    counts = cell.counts.values()  # in the order of the states
    return SummaryBucket(
        *time, other.network, outcome, other.value, other.currency, sum(counts), money(cell.amount), *counts
    )


def failure_rate(success: int, failed: int) -> Decimal | None:
    """The share of failures among credits that have ended, four decimals; None where none has."""
    ended = success + failed
    return (Decimal(failed) / ended).quantize(RATE, ROUND_HALF_EVEN) if ended else None


def money(amount: Decimal) -> Decimal:
    """An exact amount with two decimals, or as many more as it needs."""
    try:
        return amount.quantize(CENT, context=EXACT)
    except Inexact:
        return amount.normalize(EXACT)


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
    offsets = {(hour.astimezone(zone).utcoffset() or timedelta()) for hour in _hours(period)}
    if any(offset % HOUR for offset in offsets):
        raise UnknownTimeZone(f"{name} is not a whole number of hours from UTC, and figures are stored by the hour")
    return zone


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # 4 ms, and most summaries are in UTC

    if name not in _zone_names():  # a machine's own folder of zones has `localtime` and other names that Lambda has not
        raise KeyError(name)
    return ZoneInfo(name)


@cache
def _zone_names() -> frozenset[str]:
    from importlib.resources import files

    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


def _hours(period: Period) -> Iterator[datetime]:
    """The hours that a period touches."""
    hour = period.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour < period.end:
        yield hour
        hour += HOUR


def _totals(
    rollup: Rollup, detail: Detail, *, by_hour: bool
) -> Iterator[tuple[int, str, str, str, str | None, int, Decimal]]:
    """Hour (0 where it does not matter), network, outcome, currency, value, count and sum."""
    if detail is Detail.VALUE and rollup.day_values is not None and not by_hour:
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


def _time_order(time: TimeParts) -> list[str]:
    return [part.isoformat() if part else "" for part in time]


def _other_order(other: OtherParts) -> tuple[str, str, Decimal, str]:
    return other.network or "", other.outcome or "", other.value or Decimal(), other.currency
