"""What a query wants of the held days: a page, a count, a summary. Reads as little as the wish allows.

Interior days are counted by their names and summed by their rollups; only the days of the page, days cut by the
period's ends, and days that a filter has to look into are read. At most a handful of days is in flight at once, so a
year with a filter runs in constant memory.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum

from ledger.credits.credit_log import CreditLog, PeriodSnapshot
from ledger.credits.days import DayVersion
from ledger.credits.rollups import Rollup, Total, add
from ledger.credits.rows import AMOUNT, CURRENCY, MSISDN, NETWORK, OUTCOME, WIDTH, Position, Rows
from runtime.clock import Period, day_end, midnight
from upstreams.openmarket.client import CreditState

AT_ONCE = 8
ROLLUPS_AT_ONCE = 64


class SummaryKey(Enum):
    """What a summary can be split by; the currency always is."""

    DAY = "DAY"
    HOUR = "HOUR"
    NETWORK = "NETWORK"
    OUTCOME = "OUTCOME"
    CURRENCY = "CURRENCY"


@dataclass(frozen=True, slots=True)
class CreditFilter:
    """Which rows count; a condition that is None lets every row pass, bounds are inclusive."""

    outcome: frozenset[str] | None = None
    network: frozenset[str] | None = None
    currency: frozenset[str] | None = None
    msisdn: str | None = field(default=None, repr=False)
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None

    def keep(self, rows: Rows) -> Rows:
        """The rows that meet every condition."""
        cells = rows.cells
        return Rows(
            [cell for at in range(0, len(cells), WIDTH) if self._meets(cells, at) for cell in cells[at : at + WIDTH]]
        )

    def _meets(self, cells: Sequence[str], at: int) -> bool:
        return (
            (self.outcome is None or cells[at + OUTCOME] in self.outcome)
            and (self.network is None or cells[at + NETWORK] in self.network)
            and (self.currency is None or cells[at + CURRENCY] in self.currency)
            and (self.msisdn is None or cells[at + MSISDN] == self.msisdn)
            and (self.min_amount is None or Decimal(cells[at + AMOUNT]) >= self.min_amount)
            and (self.max_amount is None or Decimal(cells[at + AMOUNT]) <= self.max_amount)
        )


@dataclass(frozen=True, slots=True)
class RowPage:
    """Some rows in order, what lies around them, and how many there are in the whole period."""

    rows: Rows
    has_previous: bool
    has_next: bool
    total: int


@dataclass(frozen=True, slots=True)
class SummaryBucket:
    """One line of a summary; what it was not split by is None."""

    day: date | None
    hour: datetime | None
    network: str | None
    outcome: CreditState | None
    currency: str
    count: int
    amount: Decimal


class Selection:
    """The held days of one query, cut to its period and filter."""

    def __init__(self, log: CreditLog, held: PeriodSnapshot, period: Period, where: CreditFilter | None) -> None:
        self._log = log
        self._held = held
        self._period = period
        self._where = where

    async def count(self) -> int:
        """How many rows the whole period has."""
        known = sum(version.count or 0 for version in self._held.versions if self._counted(version))
        looked_into = [version for version in self._held.versions if not self._counted(version)]
        return known + sum([len(rows) async for _, rows in self._read(looked_into)])

    async def page(self, first: int, after: Position | None) -> RowPage:
        """The `first` rows beyond a position."""
        taken: list[Rows] = []
        need, before, total = first + 1, 0, 0
        wanted = set(self._days_of_page(first, after))
        reading = self._read([v for v in self._held.versions if v.day in wanted or not self._counted(v)])
        for version in self._held.versions:
            if self._counted(version) and version.day not in wanted:
                total += version.count or 0
                before += (version.count or 0) if after and day_end(version.day) <= after[0] else 0
                continue
            _, rows = await anext(reading)
            total += len(rows)
            start = rows.first_at((after[0], after[1] + 1)) if after else 0
            before += start
            if need and start < len(rows):
                taken.append(rows.slice(start, min(start + need, len(rows))))
                need -= len(taken[-1])
        return _page(taken, first, before, total)

    async def summary(self, by: frozenset[SummaryKey]) -> list[SummaryBucket]:
        """Counts and exact sums of the whole period, split by some keys, in their order."""
        totals: dict[_Split, Total] = {}
        whole = [version for version in self._held.versions if self._counted(version)]
        cut = [version for version in self._held.versions if not self._counted(version)]
        for at in range(0, len(whole), ROLLUPS_AT_ONCE):
            some = whole[at : at + ROLLUPS_AT_ONCE]
            rollups = await asyncio.gather(*(self._log.rollup(self._held, version) for version in some))
            for version, rollup in zip(some, rollups, strict=True):
                _add(totals, version.day, rollup, by)
        async for version, rows in self._read(cut):
            _add(totals, version.day, Rollup.of(rows), by)
        return [SummaryBucket(*split, *total) for split, total in sorted(totals.items(), key=_order)]

    def _counted(self, version: DayVersion) -> bool:
        """Whether a day's own figures are this selection's: the day is whole and nothing is filtered."""
        return self._where is None and self._period.covers(version.day) and version.count is not None

    def _days_of_page(self, first: int, after: Position | None) -> list[date]:
        """The days whose rows may be on the page, by what is known without reading them."""
        days, need = [], first + 1
        for version in self._held.versions:
            if need <= 0:
                break
            if after is not None and day_end(version.day) <= after[0]:
                continue
            if version.count:
                days.append(version.day)
            at_the_cursor = after is not None and midnight(version.day) <= after[0]
            if self._counted(version) and not at_the_cursor:
                need -= version.count or 0
        return days

    async def _read(self, versions: Sequence[DayVersion]) -> AsyncIterator[tuple[DayVersion, Rows]]:
        """Days with their rows, cut and filtered, a handful being fetched ahead."""
        ahead: dict[int, asyncio.Task[Rows]] = {}
        try:
            for index, version in enumerate(versions):
                for soon in range(index, min(index + AT_ONCE, len(versions))):
                    if soon not in ahead:
                        ahead[soon] = asyncio.create_task(self._log.rows(self._held, versions[soon]))
                yield version, self._cut(version, await ahead.pop(index))
        finally:
            for task in ahead.values():
                task.cancel()
            # What else went wrong beside the first error has been told by that one.
            await asyncio.gather(*ahead.values(), return_exceptions=True)

    def _cut(self, version: DayVersion, rows: Rows) -> Rows:
        inside = rows if self._period.covers(version.day) else rows.within(self._period)
        return inside if self._where is None else self._where.keep(inside)


_Split = tuple[date | None, datetime | None, str | None, CreditState | None, str]


def _page(taken: Sequence[Rows], first: int, before: int, total: int) -> RowPage:
    cells = [cell for rows in taken for cell in rows.cells] if len(taken) != 1 else taken[0].cells
    rows = Rows(cells)
    return RowPage(rows.slice(0, first), has_previous=before > 0, has_next=len(rows) > first, total=total)


def _add(totals: dict[_Split, Total], day: date, rollup: Rollup, by: frozenset[SummaryKey]) -> None:
    """Add a day's rollup to a summary; its hours are read only if they are asked for."""
    of_day = day if SummaryKey.DAY in by else None
    networks, outcomes = SummaryKey.NETWORK in by, SummaryKey.OUTCOME in by
    split: _Split
    if SummaryKey.HOUR in by:
        starts = [midnight(day) + timedelta(hours=hour) for hour in range(24)]
        for (hour, network, outcome, currency), more in rollup.hours.items():
            split = (
                of_day,
                starts[hour],
                network if networks else None,
                CreditState(outcome) if outcomes else None,
                currency,
            )
            add(totals, split, more)
        return
    for (network, outcome, currency), more in rollup.whole.items():
        split = of_day, None, network if networks else None, CreditState(outcome) if outcomes else None, currency
        add(totals, split, more)


def _order(item: tuple[_Split, Total]) -> tuple[str, ...]:
    day, hour, *rest = item[0]
    return (day.isoformat() if day else "", hour.isoformat() if hour else "", *(part or "" for part in rest))
