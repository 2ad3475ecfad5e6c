"""What a query wants of a period: a page, a count or a summary. It reads as little as that takes.

Whole days are counted by their names and summed up by their rollups. Rows are read only for the days on the page
and for days that lie partly outside the period; with a filter, for all days. A few are read at a time, so that memory
does not grow with the period, and none once the invocation has no time left.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from ledger.credits.credit_log import PeriodSnapshot
from ledger.credits.filters import CreditFilter
from ledger.credits.summaries import Summary, SummaryBucket, SummaryRequest
from ledger.days.day_store import DayVersion
from ledger.days.rollups import Detail, Rollup
from ledger.days.rows import Position, Rows
from ledger.storage.store import LedgerUnavailable
from runtime.clock import Period, day_end, midnight

DAYS_AT_ONCE = 8
ROLLUPS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class RowPage:
    """Some rows in order, whether there are rows before and after them, and how many the whole period has."""

    rows: Rows
    has_previous: bool
    has_next: bool
    total: int


class Selection:
    """The rows of a snapshot that lie in a period and meet a filter."""

    def __init__(self, snapshot: PeriodSnapshot, period: Period, where: CreditFilter | None) -> None:
        self._snapshot = snapshot
        self._period = period
        self._where = where

    async def count(self) -> int:
        """How many rows the whole period has."""
        counts = [version.count or 0 for version in self._snapshot.versions if self._is_whole(version)]
        to_read = [version for version in self._snapshot.versions if not self._is_whole(version)]
        return sum(counts) + sum([len(rows) async for _, rows in self._read_days(to_read)])

    async def page(self, first: int, after: Position | None, *, newest_first: bool = False) -> RowPage:
        """The `first` rows after a position, in the order of the log or in the opposite one."""
        versions = [*reversed(self._snapshot.versions)] if newest_first else self._snapshot.versions
        page = _PageBuilder(first, after, newest_first=newest_first)
        on_page = set(self._days_of_page(versions, page))
        for version in versions:
            if self._is_whole(version) and version.day not in on_page:
                page.skip_day(version)
        async for _, rows in self._read_days([v for v in versions if v.day in on_page or not self._is_whole(v)]):
            page.add_rows(rows)
        return page.result()

    async def summary(self, request: SummaryRequest) -> list[SummaryBucket]:
        """Counts and exact sums of the whole period.

        Raises:
            TooManyBuckets: split so finely, the summary is too long.
        """
        summary = Summary(request, self._period)
        whole = [version for version in self._snapshot.versions if self._is_whole(version)]
        to_read = [version for version in self._snapshot.versions if not self._is_whole(version)]
        async for version, rollup in self._read_rollups(whole, request.detail):
            summary.add(version.day, rollup)
        async for version, rows in self._read_days(to_read):
            made = Rollup.of(rows)
            summary.add(version.day, made.parsed(request.detail) or made)
        return summary.buckets()

    def _is_whole(self, version: DayVersion) -> bool:
        """Whether the day's own count and rollup can be used: all of the day is wanted, without a filter."""
        return self._where is None and self._period.covers(version.day) and version.count is not None

    def _days_of_page(self, versions: Sequence[DayVersion], page: "_PageBuilder") -> list[date]:
        """The days whose rows may be on the page, as far as can be known without reading them."""
        days, need = [], page.need
        for version in versions:
            if need <= 0:
                break
            if page.is_past(version.day):
                continue
            if version.count:
                days.append(version.day)
            if self._is_whole(version) and not page.is_at_cursor(version.day):
                need -= version.count or 0
        return days

    async def _read_days(self, versions: Sequence[DayVersion]) -> AsyncIterator[tuple[DayVersion, Rows]]:
        """Days with their wanted rows, in order; the next few are being read in the meantime."""
        ahead: list[asyncio.Task[Rows]] = []
        try:
            for index, version in enumerate(versions):
                soon = versions[index + len(ahead) : index + DAYS_AT_ONCE]
                ahead.extend(asyncio.create_task(self._snapshot.rows(each)) for each in soon)
                yield version, self._wanted(version, await self._in_time(lambda: ahead[0]))
                del ahead[0]
        finally:
            for task in ahead:
                task.cancel()
            # Further errors are ignored: the first one has been raised already.
            await asyncio.gather(*ahead, return_exceptions=True)

    async def _read_rollups(
        self, versions: Sequence[DayVersion], detail: Detail
    ) -> AsyncIterator[tuple[DayVersion, Rollup]]:
        for start in range(0, len(versions), ROLLUPS_AT_ONCE):
            batch = versions[start : start + ROLLUPS_AT_ONCE]
            rollups = await self._in_time(partial(self._rollups, batch, detail))
            for version, rollup in zip(batch, rollups, strict=True):
                yield version, rollup

    async def _rollups(self, versions: Sequence[DayVersion], detail: Detail) -> list[Rollup]:
        return await asyncio.gather(*(self._snapshot.rollup(version, detail) for version in versions))

    async def _in_time[T](self, read: Callable[[], Awaitable[T]]) -> T:
        """The result of a read that begins and ends before the deadline.

        Raises:
            LedgerUnavailable: the deadline has passed. No vendor is to blame: the ledger is too slow for this query.
        """
        late = LedgerUnavailable("the deadline passed before all days of the period were read")
        if not (seconds := self._snapshot.query.deadline.remaining()):
            raise late
        try:
            async with asyncio.timeout(seconds):
                return await read()
        except TimeoutError as error:
            raise late from error

    def _wanted(self, version: DayVersion, rows: Rows) -> Rows:
        inside = rows if self._period.covers(version.day) else rows.within(self._period)
        return inside if self._where is None else self._where.matching(inside)


class _PageBuilder:
    """Collects the rows of a page from days in the page's order, and counts the others."""

    def __init__(self, first: int, after: Position | None, *, newest_first: bool) -> None:
        self._first = first
        self._after = after
        self._newest_first = newest_first
        self.need = first + 1
        self._taken: list[Rows] = []
        self._before = 0
        self._total = 0

    def is_past(self, day: date) -> bool:
        """Whether all rows of a day come before the page."""
        if self._after is None:
            return False
        return midnight(day) > self._after[0] if self._newest_first else day_end(day) <= self._after[0]

    def is_at_cursor(self, day: date) -> bool:
        """Whether some rows of a day may come before the page."""
        if self._after is None:
            return False
        return day_end(day) > self._after[0] if self._newest_first else midnight(day) <= self._after[0]

    def skip_day(self, version: DayVersion) -> None:
        """Count a whole day that is not on the page."""
        count = version.count or 0
        self._total += count
        if self.is_past(version.day):
            self._before += count

    def add_rows(self, rows: Rows) -> None:
        """Take the page's rows of the next day, and count the rest."""
        wanted = self._beyond_cursor(rows)
        self._total += len(rows)
        self._before += len(rows) - len(wanted)
        taken = wanted.slice(0, self.need) if not self._newest_first else _last(wanted, self.need)
        if len(taken):
            self._taken.append(taken)
            self.need -= len(taken)

    def _beyond_cursor(self, rows: Rows) -> Rows:
        if self._after is None:
            return rows
        if self._newest_first:
            return rows.slice(0, rows.first_at(self._after))
        return rows.slice(rows.first_at((self._after[0], self._after[1] + 1)), len(rows))

    def result(self) -> RowPage:
        """The page."""
        taken = self._taken
        rows = taken[0] if len(taken) == 1 else Rows([cell for rows in taken for cell in rows.cells])
        return RowPage(
            rows.slice(0, self._first),
            has_previous=self._before > 0,
            has_next=len(rows) > self._first,
            total=self._total,
        )


def _last(rows: Rows, count: int) -> Rows:
    return rows.slice(max(0, len(rows) - count), len(rows)).newest_first()
