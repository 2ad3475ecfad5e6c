"""Fetches days from the vendor and stores each of them.

Rows belong to days by their own time, whatever period was requested. Without S3, days are fetched all the same: they
answer the query but are not stored. A large answer is put into order on disk first, and its days are stored one after
the other, without ever being in memory as rows.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from ledger.credits.day_query import DayQuery, RefreshedDays
from ledger.credits.settlement import SettlementRule
from ledger.days.blocks import EncodedDay
from ledger.days.rows import Rows, decode
from ledger.days.versions import DayVersion
from ledger.storage.breakers import Breakers
from ledger.storage.store import LedgerUnavailable
from runtime.clock import Clock, day_end, midnight
from upstreams.errors import OPENMARKET, UpstreamAnswerTooLarge
from upstreams.openmarket.client import CsvAnswer, LogRow, OpenMarket

if TYPE_CHECKING:
    from ledger.credits.large_logs import OrderedLog

LOG = logging.getLogger("tally.ledger")

ROWS_WITHOUT_S3 = 200_000
"""The most rows of a large answer that are held in memory because S3 cannot take them: some 110 MB."""
SEVERAL_DAYS_BYTES = 64 * 1024 * 1024
"""Only a single day may take longer than that to transfer: half of several days would have come in time."""
DAYS_AT_ONCE, BYTES_AT_ONCE = 8, 8 * 1024 * 1024
"""Days of a large answer that are stored side by side: no more than so many, or the first beyond so many bytes."""
MARGIN = timedelta(seconds=1)
"""The vendor does not document whether the ends are inclusive, so we request a second more on each side."""


@dataclass(frozen=True, slots=True)
class DayFetcher:
    """Fetches the days of every tenant.

    `rows_without_s3` of a large answer are held in memory if S3 cannot take them. An answer for several days that is
    larger than `several_days_bytes` is asked for in halves.
    """

    breakers: Breakers
    openmarket: OpenMarket
    settlement: SettlementRule
    clock: Clock
    rows_without_s3: int = ROWS_WITHOUT_S3
    several_days_bytes: int = SEVERAL_DAYS_BYTES

    async def fetch(self, query: DayQuery, days: Sequence[date]) -> RefreshedDays:
        """Fetch contiguous days in one request, or in two halves when they are too many for one answer.

        The second half follows the first, and stored rows are dropped in between: memory holds one answer at a time.
        """
        try:
            return await self._fetch_at_once(query, days)
        except UpstreamAnswerTooLarge as error:
            if len(days) == 1:
                raise
            LOG.warning("fetching %s to %s in halves: %s", days[0], days[-1], error)
        versions: list[DayVersion] = []
        for half in (days[: len(days) // 2], days[len(days) // 2 :]):
            versions += map(_without_stored_rows, (await self.fetch(query, half)).versions)
        return RefreshedDays(versions, from_vendor=True)

    async def _fetch_at_once(self, query: DayQuery, days: Sequence[date]) -> RefreshedDays:
        just_after_known = [version.fetched + timedelta.resolution for version in query.known(days)]
        fetched = max([self.clock(), *just_after_known])

        async def request() -> "CsvAnswer[LogRow] | OrderedLog":
            start, end = midnight(days[0]) - MARGIN, day_end(days[-1]) + MARGIN
            max_bytes = self.several_days_bytes if len(days) > 1 else None
            log = await self.openmarket.log(query.tenant, start, end, query.brand, query.deadline, max_bytes=max_bytes)
            if isinstance(log, CsvAnswer):
                return log
            from ledger.credits.large_logs import ordered

            LOG.info("the log of %s to %s is large, and is read from disk", days[0], days[-1])
            return await ordered(log, days, query.deadline)

        # The breaker's state is in S3: without S3 each look at it would only cost time.
        answer = await (request() if query.offline else self._guarded(query, days[0], request))
        if isinstance(answer, CsvAnswer):
            by_day, proven = rows_by_day(answer.rows, days), answer.proven_whole
            versions = await asyncio.gather(
                *(self._store(query, day, fetched, Rows.of(by_day.pop(day)), proven=proven) for day in days)
            )
        else:
            with closing(answer):
                versions = await self._store_large(query, answer, fetched)
        return RefreshedDays(versions, from_vendor=True)

    def look(self, query: DayQuery, first: date) -> None:
        """Begin to look at the vendor's breaker, for the fetch of the days from `first` on."""
        if not query.offline:
            query.breaker_looks[first] = asyncio.ensure_future(self.breakers.look(query.tenant, OPENMARKET))

    async def _guarded(
        self, query: DayQuery, first: date, request: Callable[[], Awaitable["CsvAnswer[LogRow] | OrderedLog"]]
    ) -> "CsvAnswer[LogRow] | OrderedLog":
        return await self.breakers.guard(query.tenant, OPENMARKET, request, query.breaker_looks.pop(first, None))

    async def _store_large(self, query: DayQuery, log: "OrderedLog", fetched: datetime) -> list[DayVersion]:
        """Store a few days at a time, and hold in memory what S3 cannot take.

        Raises:
            UpstreamTimeout: the deadline passed before all of them were encoded.
            LedgerUnavailable: S3 cannot take them, and they are too many for memory.
        """
        versions: list[DayVersion] = []
        async for some in _batched(log.encoded(query.store.block_writer, query.deadline)):
            proven = log.proven_whole
            versions += await asyncio.gather(
                *(self._store_encoded(query, day, fetched, encoded, proven=proven) for day, encoded in some)
            )
            if sum(version.count or 0 for version in versions if not version.stored) > self.rows_without_s3:
                raise LedgerUnavailable(f"the rows of {some[-1][0]} could not be stored, and are too many for memory")
        return versions

    async def _store_encoded(
        self, query: DayQuery, day: date, fetched: datetime, encoded: EncodedDay, *, proven: bool
    ) -> DayVersion:
        settled = self.settlement.settles(day, fetched, proven=proven)
        try:
            if not query.offline:
                return await query.store.write_encoded(day, fetched, encoded, settled=settled, proven=proven)
        except LedgerUnavailable as error:
            LOG.warning("the rows of %s could not be stored: %s", day, error)
        rows = decode(encoded.body, day, encoded.count) if encoded.count <= self.rows_without_s3 else None
        return DayVersion(day, fetched, encoded.count, settled, rows, stored=False, proven=proven)

    async def _store(self, query: DayQuery, day: date, fetched: datetime, rows: Rows, *, proven: bool) -> DayVersion:
        settled = self.settlement.settles(day, fetched, proven=proven)
        try:
            if not query.offline:
                return await query.store.write(day, fetched, rows, settled=settled, proven=proven)
        except LedgerUnavailable as error:
            LOG.warning("the rows of %s could not be stored: %s", day, error)
        return DayVersion(day, fetched, len(rows), settled, rows, stored=False, proven=proven)


async def _batched(days: AsyncIterator[tuple[date, EncodedDay]]) -> AsyncIterator[list[tuple[date, EncodedDay]]]:
    """Some days at a time: few enough for memory, and many enough that storing small ones does not take long."""
    batch: list[tuple[date, EncodedDay]] = []
    async for each in days:
        batch.append(each)
        if len(batch) == DAYS_AT_ONCE or sum(len(encoded.body) for _, encoded in batch) >= BYTES_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def rows_by_day(log: Iterable[LogRow], days: Sequence[date]) -> dict[date, list[LogRow]]:
    """The rows of each of some days; of several rows with one credit id, the last one counts.

    Rows of other days are dropped before duplicates are: a row in the extra second on each side must not replace one
    of these days.
    """
    last_rows: dict[int, LogRow] = {}
    by_day: dict[date, list[LogRow]] = {day: [] for day in days}
    for row in log:
        if row.time.date() in by_day:
            last_rows[row.credit_id] = row
    for row in last_rows.values():
        by_day[row.time.date()].append(row)
    return by_day


def _without_stored_rows(version: DayVersion) -> DayVersion:
    return replace(version, rows=None) if version.stored else version
