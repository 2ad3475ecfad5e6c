"""The credit log of a period: which stored days answer for it, and which have to be fetched first.

A query finds the stored days with one LIST, or in memory, and fetches only the missing and outdated ones; contiguous
days go in one request. When the vendor fails, older versions answer and are marked stale.
"""

import asyncio
import logging
from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

from ledger.answers.freshness import Freshness, Source, of_nothing
from ledger.credits.day_fetcher import DayFetcher
from ledger.credits.day_query import DayQuery, RefreshedDays, VersionMemory
from ledger.credits.day_ranges import contiguous_ranges, short_gaps
from ledger.credits.day_reader import DayReader
from ledger.credits.early_rows import SETTLED_AFTER, PageStart
from ledger.credits.month_memory import MonthMemory
from ledger.credits.period_snapshot import PeriodSnapshot
from ledger.credits.settlement import SettlementRule
from ledger.credits.shared_reads import SharedReads
from ledger.days.blocks import BLOCK_ROWS
from ledger.days.day_store import DayStore
from ledger.days.versions import DayVersion
from ledger.storage.breakers import Breakers
from ledger.storage.leases import LEASE, Leases
from ledger.storage.store import LedgerUnavailable, ListedObject, Store
from runtime import telemetry
from runtime.clock import Clock, Period, day_end, midnight
from runtime.deadline import Deadline
from upstreams.errors import OPENMARKET, UpstreamError
from upstreams.openmarket.client import OpenMarket

LOG = logging.getLogger("tally.ledger")

ROUNDS = 4
"""How often a query looks for what other processes have fetched; after that it fetches for itself."""
RECHECK = timedelta(minutes=5)
"""The longest time for which an unsettled day is answered from memory without a look at S3: superseded objects are
deleted some time after that.
"""


class StoredVersions(NamedTuple):
    """What a LIST has found of some days: their versions, the days being fetched, and the lease of each day."""

    versions: Sequence[DayVersion]
    leased: frozenset[date]
    leases: Mapping[date, ListedObject | None]


class CreditLog:
    """Every tenant's credit log; one object for the life of a process."""

    block_rows = BLOCK_ROWS
    """The most rows in a block of the days that it writes."""

    def __init__(
        self,
        store: Store,
        leases: Leases,
        breakers: Breakers,
        openmarket: OpenMarket,
        settlement: SettlementRule,
        clock: Clock,
    ) -> None:
        self._store = store
        self._leases = leases
        self._settlement = settlement
        self._clock = clock
        self._fetcher = DayFetcher(breakers, openmarket, self._settlement, clock)
        self._months = MonthMemory(store, settlement, clock)
        self._versions = VersionMemory(clock, min(settlement.ageing.fresh, RECHECK), self._months)
        self._reader = DayReader(self._fetcher, self._versions)
        self._lists = SharedReads()

    def remember_no_rows(self) -> None:
        """Keep no rows in memory, for a process that reads every day once."""
        self._reader.remember_no_rows()

    async def snapshot(
        self,
        tenant: str,
        brand: str | None,
        period: Period,
        deadline: Deadline,
        *,
        stale_if_error: bool = True,
        page: PageStart | None = None,
    ) -> PeriodSnapshot:
        """The days of a period, each good enough to answer from; those that are not are fetched first.

        Rows with which a `page` begins are asked for beside the look at what is stored, if they are probably settled.

        Raises:
            UpstreamError: the vendor failed, and a day is not stored at all or older versions are not wanted.
        """
        query = DayQuery(self._day_store(tenant, brand), tenant, brand, self._clock(), deadline)
        return await self._snapshot(query, period, page, stale_if_error=stale_if_error)

    async def refresh(self, tenant: str, brand: str | None, period: Period, deadline: Deadline) -> None:
        """Fetch the days of a period that are missing or outdated by a LIST; no month object is believed.

        Raises:
            UpstreamError: the vendor failed.
        """
        store = self._day_store(tenant, brand)
        query = DayQuery(store, tenant, brand, self._clock(), deadline, use_months=False)
        await self._snapshot(query, period, stale_if_error=False)

    async def fetch_again(self, tenant: str, brand: str | None, days: Sequence[date], deadline: Deadline) -> None:
        """Fetch contiguous days that are stored but seem to lack rows.

        Raises:
            UpstreamError: the vendor failed.
        """
        query = DayQuery(
            self._day_store(tenant, brand),
            tenant,
            brand,
            self._clock(),
            deadline,
            distrusted=frozenset(days),
            use_months=False,
        )
        await self._snapshot(query, Period(midnight(days[0]), day_end(days[-1])), stale_if_error=False)

    def _day_store(self, tenant: str, brand: str | None) -> DayStore:
        return DayStore(self._store, tenant, brand, self.block_rows, rollups_later=True)

    async def _snapshot(
        self, query: DayQuery, period: Period, page: PageStart | None = None, *, stale_if_error: bool
    ) -> PeriodSnapshot:
        days = list(period.until(query.began).days())
        if not days:
            return PeriodSnapshot(query, (), of_nothing(period, query.began), self._reader)
        query.shown_first = page.days(days, period) if page else ()
        await self._find_stored(query, days)
        query.early.drop_unconfirmed(query.versions)
        await self._refresh_due(query, days)
        await query.store.written()
        versions = query.known(days)
        if query.errors and (len(versions) < len(days) or not stale_if_error):
            raise query.errors[0]
        return PeriodSnapshot(query, versions, self._freshness(query, versions, period), self._reader)

    def _freshness(self, query: DayQuery, versions: Sequence[DayVersion], period: Period) -> Freshness:
        telemetry.count("ledger.miss" if query.from_vendor else "ledger.hit")
        if query.errors:
            telemetry.count("ledger.stale")
            telemetry.hidden(query.errors[0].code)
        open_since = min((version.fetched for version in versions if not version.settled), default=None)
        settled = list(takewhile(lambda version: version.settled, versions))
        return Freshness(
            Source.UPSTREAM if query.from_vendor else Source.CACHE,
            open_since or max(version.fetched for version in versions),
            min(self._settlement.good_until(version) for version in versions),
            stale=bool(query.errors),
            final_until=min(day_end(settled[-1].day), period.end) if settled else None,
            final=open_since is None and period.end <= query.began,
        )

    async def _find_stored(self, query: DayQuery, days: Sequence[date]) -> None:
        """Find the stored versions: from memory, from month objects, and by one LIST for what no month is about."""
        months = self._months.recall(query, days) if query.use_months else []
        if not months:
            await self._list_missing(query, days)
            return
        of_months = [day for day in days if self._settlement.month_of(day) in months]
        rest = [day for day in days if self._settlement.month_of(day) not in months]
        self._ask_early(query)
        await asyncio.gather(self._months.read(query, months, of_months), self._list_missing(query, rest))
        await self._list_missing(query, of_months)

    async def _list_missing(self, query: DayQuery, days: Sequence[date]) -> None:
        """Find days that no month knows: from memory if all are good, else by a LIST that equal queries share."""
        unknown = [day for day in days if day not in query.versions]
        self._versions.recall(query, unknown)
        if self._missing(query, unknown):
            self._ask_early(query)
            key = f"{query.store.folder} {unknown[0]} {unknown[-1]}"
            await self._record_stored(query, self._lists.get(key, lambda: self._stored(query.store, unknown)))

    def _ask_early(self, query: DayQuery) -> None:
        """Ask for the rows of the days that are shown first and that are settled, or normally would be by now."""
        for day in query.shown_first:
            version = query.versions.get(day)
            is_settled = version is not None and version.settled
            if is_settled or self._settlement.overdue(day, query.began) >= SETTLED_AFTER:
                self._reader.ask_early(query, day)

    async def _stored(self, store: DayStore, days: Sequence[date]) -> StoredVersions:
        """What is stored of some days, and which of them other processes are fetching."""
        listing = await store.list_versions(days)
        versions = [
            version if version.count is not None else await _with_count(store, version)
            for version in listing.versions.values()
        ]
        since = datetime.now(UTC) - self._leases.lifetime  # S3 dates its objects by real time, not by our clock
        leases = {day: listing.lease(day) for day in days}
        return StoredVersions([version for version in versions if version], listing.leased(since), leases)

    async def _record_stored(self, query: DayQuery, stored: Awaitable[StoredVersions]) -> None:
        try:
            versions, leased, leases = await stored
        except LedgerUnavailable as error:
            LOG.warning("answering without the ledger: %s", error)
            query.offline = True
            return
        query.record_leases(leased, leases)
        for version in versions:
            self._record(query, version)

    def _record(self, query: DayQuery, version: DayVersion) -> None:
        query.record(version)
        self._versions.remember(query, version.day)

    def _missing(self, query: DayQuery, days: Sequence[date]) -> list[date]:
        """The days that are not stored or no longer good; what was fetched since the query began is good for it."""
        return [day for day in days if not self._is_good(query, query.versions.get(day))]

    def _is_good(self, query: DayQuery, version: DayVersion | None) -> bool:
        if version is None:
            return False
        trusted = version.day not in query.distrusted
        return version.fetched >= query.began or (trusted and self._settlement.good_until(version) > self._clock())

    def _due(self, query: DayQuery, days: Sequence[date]) -> list[date]:
        """The days to fetch: the missing ones, and a few unsettled ones between two, which saves a second request."""
        missing = self._missing(query, days)
        unsettled = [gap for gap in short_gaps(missing) if not any(version.settled for version in query.known(gap))]
        return sorted([*missing, *(day for gap in unsettled for day in gap)])

    async def _refresh_due(self, query: DayQuery, days: Sequence[date]) -> None:
        """Have the due days fetched, here or by the process that holds the lease; errors are recorded in the query.

        What others fetch may be too old for this query once it is there. After some rounds the query fetches itself.
        """
        for number in range(ROUNDS):
            due = self._due(query, days)
            if not due or query.errors:
                return
            refresh = self._fetch_range if number == ROUNDS - 1 or query.offline else self._fetch_once
            ranges = contiguous_ranges(due, query.leased)
            results = await asyncio.gather(*(refresh(query, each) for each in ranges), return_exceptions=True)
            for result in results:
                self._record_result(query, result)

    def _record_result(self, query: DayQuery, result: RefreshedDays | BaseException) -> None:
        if isinstance(result, UpstreamError):
            query.errors.append(result)
        elif isinstance(result, BaseException):
            raise result
        else:
            query.from_vendor = query.from_vendor or result.from_vendor
            for version in result.versions:
                self._record(query, version)

    async def _fetch_once(self, query: DayQuery, days: Sequence[date]) -> RefreshedDays:
        """A range of days, fetched by one process at a time; the vendor's breaker is looked at beside the lease."""
        key = query.store.key(days[0], LEASE)
        if not self._leases.is_refreshing(key):
            self._fetcher.look(query, days[0])
        return await self._leases.once(
            key,
            lambda: self._fetched_by_others(query, days),
            lambda: self._fetch_range(query, days),
            OPENMARKET,
            query.deadline,
            query.free_lease(days[0]),
        )

    async def _fetched_by_others(self, query: DayQuery, days: Sequence[date]) -> RefreshedDays | None:
        """A range that another process has fetched in the meantime; None unless all of it is there.

        This LIST is not shared: it has to begin after the lease was taken, to see what its last holder wrote. What was
        known of the vendor's breaker is too old after a wait.
        """
        query.breaker_looks.pop(days[0], None)
        await self._record_stored(query, self._stored(query.store, days))
        return None if self._missing(query, days) else RefreshedDays(query.known(days), from_vendor=False)

    async def _fetch_range(self, query: DayQuery, days: Sequence[date]) -> RefreshedDays:
        """Fetch those days of a range that are still due."""
        ranges = contiguous_ranges(self._due(query, days), frozenset())
        fetched = await asyncio.gather(*(self._fetcher.fetch(query, each) for each in ranges))
        versions = {version.day: version for part in fetched for version in part.versions}
        return RefreshedDays([versions.get(day) or query.versions[day] for day in days], from_vendor=True)


async def _with_count(store: DayStore, version: DayVersion) -> DayVersion | None:
    """A settled day whose rollup was lost, counted by its rows; None when they cannot be read."""
    try:
        return await store.rebuild_rollup(version)
    except LedgerUnavailable as error:
        LOG.warning("answering without the stored rows of %s: %s", version.day, error)
        return None
