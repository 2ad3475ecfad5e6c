"""What a query wants of a period: a page, a count or a summary. It reads as little as that takes.

Whole days are counted by their names, whole blocks by the index of their day, and totals come from rollups wherever
these tell what is wanted. Rows are read only for the blocks on the page and for those across an end of the period; with
a filter by what no rollup tells, for all blocks that may have a match. A few are read at a time, so that memory does
not grow with the period or the day, and none once the invocation has no time left.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import date
from functools import partial
from itertools import batched, dropwhile, groupby

from ledger.credits.period_snapshot import PeriodSnapshot
from ledger.days.blocks import DayIndex
from ledger.days.months import Month
from ledger.days.rollups import CorruptRollup, Detail, Rollup
from ledger.days.rows import Position, Rows
from ledger.days.versions import DayVersion
from ledger.figures.filters import CreditFilter
from ledger.figures.pages import DayPart, PageBuilder, RowPage
from ledger.figures.summaries import Summary, SummaryRequest
from ledger.figures.summary_lines import SummaryLines
from ledger.figures.wanted_totals import WantedTotals
from ledger.storage.store import LedgerUnavailable
from runtime.clock import Period

LOG = logging.getLogger("tally.ledger")

PARTS_AT_ONCE = 8
BLOCKS_AHEAD = 2
"""Of a day that is read as a whole: the one that is worked on, and the next one."""
INDEXES_AT_ONCE = 8
ROLLUPS_AT_ONCE = 64


class Selection:
    """The rows of a snapshot that lie in a period and meet a filter."""

    rows_to_remember = 90_000
    """What reads more rows than this remembers no more blocks: they would drop all others from memory for nothing."""

    def __init__(self, snapshot: PeriodSnapshot, period: Period, where: CreditFilter | None) -> None:
        self._snapshot = snapshot
        self._period = period
        self._where = where
        self._totals = WantedTotals(period, where)
        self._first_whole, self._beyond_whole = period.whole_days()

    async def count(self) -> int:
        """How many rows the whole period has."""
        versions = self._snapshot.versions
        if self._where is None:
            to_read = [version for version in versions if not self._is_whole(version)]
            counted = _row_count(versions) - _row_count(to_read)
        else:
            counted = 0
            async for _, rollup in self._read_rollups(versions, Detail.DAY):
                counted += sum(count for count, _ in rollup.whole.values())
            to_read = self._without_totals(versions, Detail.DAY)
        count = partial(self._count, remember=self._are_few(to_read))
        return counted + sum([found async for _, found in self._read(self._parts(to_read), count)])

    async def page(self, first: int, after: Position | None, *, newest_first: bool = False) -> RowPage:
        """The `first` rows after a position, in the order of the log or in the opposite one."""
        page = PageBuilder(first, after, newest_first=newest_first)
        days = page.in_order(self._snapshot.versions)
        ahead = dropwhile(lambda version: page.is_past(DayPart(version)), days)
        rows_of = partial(self._rows_of_page, page)
        async for part, rows in self._read(self._parts_of_page(ahead, page), rows_of, page):
            page.add_rows(part, rows)
        return page.result(has_previous=page.found_before or await self._has_previous(days, page))

    async def summary(self, request: SummaryRequest) -> SummaryLines:
        """Counts and exact sums of the whole period.

        Raises:
            TooManyBuckets: split so finely, the summary is too long.
        """
        summary, days = Summary(request, self._period), self._snapshot.versions
        if request.detail is Detail.DAY:
            days = self._without_known(days, summary)
        async for version, rollup in self._read_rollups(days, request.detail):
            summary.add(version.day, rollup)
        to_read = self._without_totals(days, request.detail)
        rollup_of = partial(self._rollup, request.detail, remember=self._are_few(to_read))
        async for part, rollup in self._read(self._parts(to_read), rollup_of):
            summary.add(part.version.day, rollup)
        return summary.lines()

    def _without_known(self, days: Sequence[DayVersion], summary: Summary) -> list[DayVersion]:
        """Add up the whole days that a month object knows; the result are the other days."""
        others: list[DayVersion] = []
        month_of = self._snapshot.query.month_of
        for month, of_month in groupby(days, key=lambda day: month_of(day) if self._is_whole(day) else None):
            if month is None:
                others += of_month
            else:
                others += _added(month, list(of_month), summary)
        return others

    async def rows_of(self, version: DayVersion, *, newest_first: bool = False) -> AsyncIterator[Rows]:
        """A day's wanted rows, block by block, in the order of the log or in the opposite one; none is remembered."""
        parts = self._parts([version], newest_first=newest_first)
        async for _, rows in self._read(parts, partial(self._rows, remember=False), at_once=BLOCKS_AHEAD):
            yield rows.newest_first() if newest_first else rows

    async def _has_previous(self, days: Sequence[DayVersion], page: PageBuilder) -> bool:
        """Whether a row is wanted before all those that the page has read; the nearest ones are looked at first."""
        if page.begins:
            return False
        back = [version for version in reversed(days) if page.reaches_back(DayPart(version))]
        parts = self._parts(back, newest_first=not page.newest_first)
        async with aclosing(self._read((part async for part in parts if page.is_past(part)), self._count)) as counts:
            async for _, count in counts:
                if count:
                    return True
        return False

    def _is_whole(self, version: DayVersion) -> bool:
        """Whether the day's own count and rollup can be used: all of the day is wanted, without a filter."""
        whole = self._where is None and self._first_whole <= version.day < self._beyond_whole
        return whole and version.count is not None

    async def _parts_of_page(self, days: Iterable[DayVersion], page: PageBuilder) -> AsyncIterator[DayPart]:
        """What may be on a page, in its order. A day that will be on it as a whole is read without its index."""
        for some in batched(days, 1 if self._where is None else INDEXES_AT_ONCE, strict=False):
            if len(some) == 1 and self._is_whole(some[0]) and page.has_room_for(DayPart(some[0])):
                yield DayPart(some[0])
                continue
            async for part in self._parts(some, newest_first=page.newest_first):
                if not page.is_past(part):
                    yield part

    async def _parts(self, days: Sequence[DayVersion], *, newest_first: bool = False) -> AsyncIterator[DayPart]:
        """What has to be read of some days, which are in that order; where no row is wanted, nothing is."""
        may_match = (version for version in days if not self._has_no_match(version))
        for some in batched(may_match, INDEXES_AT_ONCE, strict=False):
            indexes = await self._indexes(some)
            for version in some:
                for part in _parts_of(version, indexes.get(version.day), newest_first=newest_first):
                    if self._may_be_wanted(part):
                        yield part

    async def _indexes(self, days: Sequence[DayVersion]) -> dict[date, DayIndex | None]:
        """The indexes of those days that are read by their blocks."""
        large = [
            version for version in days if self._snapshot.is_large(version) and not self._is_searched_whole(version)
        ]
        indexes = {version.day: self._snapshot.known_index(version) for version in large}
        unknown = [version for version in large if indexes[version.day] is None]
        if unknown:
            read = lambda: asyncio.gather(*(self._snapshot.index(version) for version in unknown))  # noqa: E731
            indexes.update(zip((version.day for version in unknown), await self._in_time(read), strict=True))
        return indexes

    def _is_searched_whole(self, version: DayVersion) -> bool:
        return self._where is not None and self._snapshot.is_searched_whole(version)

    def _has_no_match(self, version: DayVersion) -> bool:
        """Whether no row of a day meets the filter, by totals that are in memory, such as those of settled months."""
        if self._where is None or not self._where.is_about_totals:
            return False
        totals = self._snapshot.known_totals(version)
        return totals is not None and not any(self._where.matches(*key, None) for key in totals.whole)

    def _may_be_wanted(self, part: DayPart) -> bool:
        if not part.row_count or part.is_outside(self._period):
            return False
        return self._where is None or part.block is None or self._where.may_match(part.block)

    async def _read[T](
        self,
        parts: AsyncIterator[DayPart],
        read: Callable[[DayPart], Coroutine[None, None, T]],
        page: PageBuilder | None = None,
        at_once: int = PARTS_AT_ONCE,
    ) -> AsyncGenerator[tuple[DayPart, T]]:
        """Parts with what is read of each, in order; the next few are being read in the meantime.

        For a page these are as many as it will probably need, and it ends when the page is full.
        """
        ahead: deque[tuple[DayPart, asyncio.Task[T]]] = deque()
        loop = asyncio.get_running_loop()
        try:
            while page is None or not page.is_full:
                while len(ahead) < at_once and (page is None or page.missing > 0):
                    if (part := await anext(parts, None)) is None:
                        break
                    # For a page, what is in memory is there at once, without a turn of the event loop.
                    ahead.append((part, asyncio.Task(read(part), loop=loop, eager_start=page is not None)))
                    if page is not None:
                        page.expect(part, inside=part.is_inside(self._period), filtered=self._where is not None)
                if not ahead:
                    return
                yield ahead[0][0], await self._result(ahead[0][1])
                ahead.popleft()
        finally:
            for _, task in ahead:
                task.cancel()
            # Further errors are ignored: the first one has been raised already.
            await asyncio.gather(*(task for _, task in ahead), return_exceptions=True)

    async def _rows(self, part: DayPart, *, remember: bool) -> Rows:
        """A part's wanted rows."""
        if part.block is None:
            rows = await self._snapshot.rows(part.version)
        elif not remember and self._where is not None and self._where.part is not None:
            rows = await self._snapshot.rows_having(part.version, part.block, self._where.part)
        else:
            rows = await self._snapshot.block(part.version, part.block, remember=remember)
        inside = rows if part.is_inside(self._period) else rows.within(self._period)
        return inside if self._where is None else self._where.matching(inside)

    async def _rows_of_page(self, page: PageBuilder, part: DayPart) -> Rows:
        return await self._rows(part, remember=page.rows_read <= self.rows_to_remember)

    async def _count(self, part: DayPart, *, remember: bool = True) -> int:
        """How many rows of a part are wanted; it is not read if all of them are."""
        if self._where is None and part.is_inside(self._period):
            return part.row_count
        return len(await self._rows(part, remember=remember))

    async def _rollup(self, detail: Detail, part: DayPart, *, remember: bool) -> Rollup:
        """The rollup of a part's wanted rows."""
        made = Rollup.of(await self._rows(part, remember=remember))
        return made.parsed(detail) or made

    def _are_few(self, days: Sequence[DayVersion]) -> bool:
        return _row_count(days) <= self.rows_to_remember

    def _without_totals(self, versions: Sequence[DayVersion], detail: Detail) -> list[DayVersion]:
        """The days whose rows have to be read, because their rollups do not tell what is wanted of them."""
        return [version for version in versions if self._totals.needed(version, detail) is None]

    async def _read_rollups(
        self, versions: Sequence[DayVersion], detail: Detail
    ) -> AsyncIterator[tuple[DayVersion, Rollup]]:
        """What is wanted of the other days' rollups, parsed to a detail."""
        for batch in batched(versions, ROLLUPS_AT_ONCE, strict=False):
            told = [(each, needed) for each in batch if (needed := self._totals.needed(each, detail)) is not None]
            rollups = await self._in_time(partial(self._rollups, told))
            for (version, _), rollup in zip(told, rollups, strict=True):
                yield version, self._totals.wanted(version, rollup, detail)

    async def _rollups(self, days: Sequence[tuple[DayVersion, Detail]]) -> list[Rollup]:
        return await asyncio.gather(*(self._snapshot.rollup(version, detail) for version, detail in days))

    async def _result[T](self, task: asyncio.Task[T]) -> T:
        if task.done() and self._snapshot.query.deadline.remaining():
            return task.result()
        return await self._in_time(lambda: task)

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


def _row_count(days: Sequence[DayVersion]) -> int:
    return sum([version.count or 0 for version in days])


def _added(month: Month, days: Sequence[DayVersion], summary: Summary) -> list[DayVersion]:
    """Add up days of a month by their totals there; the result are those whose totals are unreadable."""
    readable, unreadable = [], []
    for version in days:
        try:
            readable.append((version.day, month.totals(version.day)))
        except CorruptRollup as error:
            LOG.warning("%s", error)
            unreadable.append(version)
    summary.add_month(month.keys, readable)
    return unreadable


def _parts_of(version: DayVersion, index: DayIndex | None, *, newest_first: bool) -> Iterator[DayPart]:
    """A day's blocks, or the day as a whole when it has no index."""
    if index is None:
        yield DayPart(version)
    else:
        for block in index.blocks[:: -1 if newest_first else 1]:
            yield DayPart(version, block)
