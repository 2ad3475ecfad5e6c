"""The credit log, kept by UTC day: read what is held, ask for what is missing or aged, say how fresh it all is.

A query plans with one LIST (or from memory, while what is remembered is good), reads the days it needs side by side
and asks the upstream for nothing else. Contiguous days go in one request. When the upstream fails, older versions
answer, and say so.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from ledger.answers.ageing import FOR_GOOD, Ageing
from ledger.answers.freshness import Freshness, Source, oldest
from ledger.credits.day_fetcher import UPSTREAM, DayFetcher
from ledger.credits.day_query import DayQuery, Refreshed
from ledger.credits.days import LEASE, DayStore, DayVersion
from ledger.credits.rollups import EMPTY as NOTHING
from ledger.credits.rollups import Rollup
from ledger.credits.rows import EMPTY, Rows
from ledger.credits.spans import bridges, runs
from ledger.storage.breakers import Breakers
from ledger.storage.leases import Leases
from ledger.storage.store import LedgerUnavailable, Store
from runtime import telemetry
from runtime.clock import Clock, Period, day_end
from runtime.deadline import Deadline
from runtime.memory import Memory
from upstreams.errors import UpstreamError
from upstreams.openmarket.client import OpenMarket

LOG = logging.getLogger("tally.ledger")

ROUNDS = 4
RECHECK = timedelta(minutes=5)
"""How long an unsettled day is answered for from memory before S3 is looked at again, at the most: what a newer version
has replaced is deleted some time after that.
"""
REMEMBERED_BYTES = 96 * 1024 * 1024
CELL_BYTES = 66
"""What a cell weighs in memory: a short string and its place in a list."""


@dataclass(frozen=True, slots=True)
class PeriodSnapshot:
    """The versions that answer a period, in day order, and how fresh they are."""

    query: DayQuery
    versions: Sequence[DayVersion]
    freshness: Freshness

    @property
    def days(self) -> DayStore:
        """Where the versions lie."""
        return self.query.days


class CreditLog:
    """Every tenant's credit log; one object for the life of a process."""

    def __init__(
        self, store: Store, leases: Leases, breakers: Breakers, openmarket: OpenMarket, ageing: Ageing, clock: Clock
    ) -> None:
        self._store = store
        self._leases = leases
        self._fetcher = DayFetcher(breakers, openmarket, ageing, clock)
        self._ageing = ageing
        self._clock = clock
        self._rows: Memory[str, Rows] = Memory(REMEMBERED_BYTES)
        self._rollups: Memory[str, Rollup] = Memory(REMEMBERED_BYTES // 4)
        self._versions: Memory[str, tuple[DayVersion, datetime]] = Memory(REMEMBERED_BYTES // 32)

    def remember_no_rows(self) -> None:
        """For a process that reads every day once."""
        self._rows = Memory(0)

    async def held(
        self, tenant: str, brand: str | None, period: Period, deadline: Deadline, *, stale_if_error: bool = True
    ) -> PeriodSnapshot:
        """Have every day of a period good enough to answer from, asking upstream for those that are not.

        Raises:
            UpstreamError: the upstream failed and some day is not held at all, or older versions will not do.
        """
        query = DayQuery(DayStore(self._store, tenant, brand), tenant, brand, self._clock(), deadline)
        days = list(period.until(query.began).days())
        if not days:
            return PeriodSnapshot(query, (), Freshness(Source.CACHE, query.began, query.began))
        await self._look_up(query, days)
        await self._ask(query, days)
        versions = query.held(days)
        if query.errors and (len(versions) < len(days) or not stale_if_error):
            raise query.errors[0]
        as_of = oldest((version.fetched for version in versions), query.began)
        source = Source.UPSTREAM if query.asked else Source.CACHE
        telemetry.count("ledger.miss" if query.asked else "ledger.hit")
        if query.errors:
            telemetry.count("ledger.stale")
            telemetry.hidden(query.errors[0].code)
        good_until = min(self._good_until(version) for version in versions)
        return PeriodSnapshot(query, versions, Freshness(source, as_of, good_until, stale=bool(query.errors)))

    async def rows(self, held: PeriodSnapshot, version: DayVersion) -> Rows:
        """A version's rows, from memory or S3, else from the upstream.

        Raises:
            UpstreamError: S3 could not give them, and the upstream failed as well.
            LedgerUnavailable: S3 could not give them, and the upstream has others by now.
        """
        if version.count == 0:
            return EMPTY
        key = f"{held.days.folder}/{version.day}/{version.tag}"
        rows = version.rows or self._rows.recall(key)
        if rows is None:
            rows = await self._read(held, version)
            self._rows.remember(key, rows, len(rows.cells) * CELL_BYTES)
        return rows

    async def _read(self, held: PeriodSnapshot, version: DayVersion) -> Rows:
        """A version's rows from S3; what S3 has lost or cannot serve is asked for again."""
        try:
            rows = await held.days.rows(version)
        except LedgerUnavailable as error:
            LOG.warning("asking the upstream for %s again: %s", version.day, error)
            rows = None
        return await self._again(held.query, version) if rows is None else rows

    async def _again(self, query: DayQuery, lost: DayVersion) -> Rows:
        """Lost rows, from the upstream; others than the lost ones would not add up to what is said of the day."""
        self._versions.forget(f"{query.days.folder}/{lost.day}")
        refreshed = await self._fetcher.fetch(query, [lost.day])
        rows = refreshed.versions[0].rows or EMPTY
        key, rollup = f"{query.days.folder}/{lost.day}/{lost.tag}", Rollup.of(rows)
        said = self._rollups.recall(key)
        if len(rows) != lost.count or (said and said.whole != rollup.whole):
            raise LedgerUnavailable(f"the rows of {lost.day} were lost and have changed since")
        self._rollups.remember(key, rollup, rollup.size)
        return rows

    async def rollup(self, held: PeriodSnapshot, version: DayVersion) -> Rollup:
        """A version's rollup, from memory or S3, else made from its rows."""
        if version.count == 0:
            return NOTHING
        key = f"{held.days.folder}/{version.day}/{version.tag}"
        rollup = self._rollups.recall(key)
        if rollup is None:
            stored = await self._stored_rollup(held, version)
            # Rows that were lost meanwhile, and asked for again, have said by now what the day adds up to.
            rollup = self._rollups.recall(key) or stored or Rollup.of(await self.rows(held, version))
            self._rollups.remember(key, rollup, rollup.size)
        return rollup

    async def _stored_rollup(self, held: PeriodSnapshot, version: DayVersion) -> Rollup | None:
        if version.rows is not None:
            return None
        try:
            return await held.days.rollup(version)
        except LedgerUnavailable as error:
            LOG.warning("adding up the rows of %s: %s", version.day, error)
            return None

    async def _look_up(self, query: DayQuery, days: Sequence[date]) -> None:
        """Find what is held: from memory if all of it is good, else by one LIST."""
        since = self._clock() - min(self._ageing.fresh, RECHECK)
        for day in days:
            remembered = self._versions.recall(f"{query.days.folder}/{day}")
            if remembered and (remembered[0].settled or remembered[1] > since):
                query.versions[day] = remembered[0]
        if self._missing(query, days):
            await self._list(query, days)

    async def _list(self, query: DayQuery, days: Sequence[date]) -> None:
        try:
            plan = await query.days.plan(days)
        except LedgerUnavailable as error:
            LOG.warning("answering without the ledger: %s", error)
            query.offline = True
            return
        for version in plan.versions.values():
            whole = version if version.count is not None else await self._mended(query, version.day)
            if whole is not None:
                self._learn(query, whole)
        query.leased = plan.leased(datetime.now(UTC) - timedelta(seconds=10))

    async def _mended(self, query: DayQuery, day: date) -> DayVersion | None:
        try:
            return await query.days.mended(day)
        except LedgerUnavailable as error:
            LOG.warning("answering without what is held of %s: %s", day, error)
            return None

    def _learn(self, query: DayQuery, version: DayVersion) -> None:
        """Take a version into the query; what is in S3 is remembered for later ones, too."""
        query.learn(version)
        known = replace(query.versions[version.day], rows=None)
        if known.kept:
            self._versions.remember(f"{query.days.folder}/{version.day}", (known, self._clock()), 8 * CELL_BYTES)

    def _missing(self, query: DayQuery, days: Sequence[date]) -> list[date]:
        """The days that are not held, or no longer good; whatever was fetched since the query began is good for it."""
        now = self._clock()
        return [
            day
            for day in days
            if (version := query.versions.get(day)) is None
            or not (version.fetched >= query.began or self._good_until(version) > now)
        ]

    def _due(self, query: DayQuery, days: Sequence[date]) -> list[date]:
        """The days to ask for: the missing ones, and a few unsettled ones between two, to save a second request."""
        missing = self._missing(query, days)
        unsettled = [gap for gap in bridges(missing) if not any(version.settled for version in query.held(gap))]
        return sorted([*missing, *(day for gap in unsettled for day in gap)])

    def _good_until(self, version: DayVersion) -> datetime:
        return FOR_GOOD if version.settled else self._ageing.good_until(version.fetched, day_end(version.day))

    async def _ask(self, query: DayQuery, days: Sequence[date]) -> None:
        """Have the missing days asked for, here or by whoever holds the lease; errors stay in the query.

        What others fetch may be too old for this query when it comes; after some rounds it asks for itself.
        """
        for turn in range(ROUNDS):
            due = self._due(query, days)
            if not due or query.errors:
                return
            refresh = self._refresh if turn == ROUNDS - 1 or query.offline else self._run
            results = await asyncio.gather(
                *(refresh(query, run) for run in runs(due, query.leased)), return_exceptions=True
            )
            for result in results:
                if isinstance(result, UpstreamError):
                    query.errors.append(result)
                elif isinstance(result, BaseException):
                    raise result
                else:
                    query.asked = query.asked or result.asked
                    for version in result.versions:
                        self._learn(query, version)

    async def _run(self, query: DayQuery, run: Sequence[date]) -> Refreshed:
        return await self._leases.once(
            query.days.key(run[0], LEASE),
            lambda: self._already(query, run),
            lambda: self._refresh(query, run),
            UPSTREAM,
            query.deadline,
        )

    async def _already(self, query: DayQuery, run: Sequence[date]) -> Refreshed | None:
        """What somebody else has fetched in the meantime, if that is the whole run."""
        await self._list(query, run)
        return None if self._missing(query, run) else Refreshed(query.held(run), asked=False)

    async def _refresh(self, query: DayQuery, run: Sequence[date]) -> Refreshed:
        """Ask for those days of a run that are still missing."""
        parts = await asyncio.gather(
            *(self._fetcher.fetch(query, part) for part in runs(self._due(query, run), frozenset()))
        )
        fetched = {version.day: version for part in parts for version in part.versions}
        return Refreshed([fetched.get(day) or query.versions[day] for day in run], asked=True)
