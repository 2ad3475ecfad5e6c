"""The credit log, kept by UTC day: read what is held, ask for what is missing or aged, say how fresh it all is.

A query plans with one LIST (or from memory, while what is remembered is good), reads the days it needs side by side
and asks the upstream for nothing else. Contiguous days go in one request. When the upstream fails, older versions
answer, and say so.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

from ledger.ageing import FOR_GOOD, Ageing
from ledger.breakers import Breakers
from ledger.days import LEASE, DayStore, DayVersion
from ledger.freshness import Freshness, Source, oldest
from ledger.leases import Leases
from ledger.memory import Memory
from ledger.moments import DAY, Clock, Period, day_end, midnight
from ledger.rollups import Rollup
from ledger.rows import EMPTY, Rows
from ledger.store import LedgerUnavailable, Store
from upstreams import telemetry
from upstreams.deadline import Deadline
from upstreams.errors import UpstreamError
from upstreams.openmarket import LogRow, OpenMarket

LOG = logging.getLogger("tally.ledger")

UPSTREAM = "openmarket"
LONGEST_RUN = 31
"""Days in one upstream request, at the most."""
MARGIN = timedelta(seconds=1)
"""Whether the vendor's ends are inclusive is not documented: we ask for more and keep by each row's own time."""
ROUNDS = 4
REMEMBERED_BYTES = 96 * 1024 * 1024
CELL_BYTES = 66
"""What a cell weighs in memory: a short string and its place in a list."""


@dataclass(frozen=True, slots=True)
class Held:
    """The versions that answer a period, in day order, and how fresh they are."""

    query: "_Query"
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
        self._breakers = breakers
        self._openmarket = openmarket
        self._ageing = ageing
        self._clock = clock
        self._rows: Memory[str, Rows] = Memory(REMEMBERED_BYTES)
        self._rollups: Memory[str, Rollup] = Memory(REMEMBERED_BYTES // 4)
        self._versions: Memory[str, DayVersion] = Memory(REMEMBERED_BYTES // 32)

    async def held(self, tenant: str, brand: str | None, period: Period, deadline: Deadline) -> Held:
        """Have every day of a period good enough to answer from, asking upstream for those that are not.

        Raises:
            UpstreamError: the upstream failed and some day is not held at all.
        """
        query = _Query(DayStore(self._store, tenant, brand), tenant, brand, self._clock(), deadline)
        days = list(period.until(query.began).days())
        if not days:
            return Held(query, (), Freshness(Source.CACHE, query.began, query.began))
        await self._look_up(query, days)
        await self._ask(query, days)
        versions = [query.versions[day] for day in days if day in query.versions]
        missing = query.errors and len(versions) < len(days)
        if missing:
            raise query.errors[0]
        as_of = oldest((version.fetched for version in versions), query.began)
        source = Source.UPSTREAM if query.asked else Source.CACHE
        telemetry.count("ledger.miss" if query.asked else "ledger.hit")
        if query.errors:
            telemetry.count("ledger.stale")
        good_until = min(self._good_until(version) for version in versions)
        return Held(query, versions, Freshness(source, as_of, good_until, stale=bool(query.errors)))

    async def rows(self, held: Held, version: DayVersion) -> Rows:
        """A version's rows, from memory or S3, else from the upstream.

        Raises:
            UpstreamError: S3 could not give them, and the upstream failed as well.
        """
        key = f"{held.days.folder}/{version.day}/{version.tag}"
        rows = self._rows.recall(key) if version.rows is None else version.rows
        if rows is None:
            rows = await self._read(held, version)
        self._rows.remember(key, rows, len(rows.cells) * CELL_BYTES)
        return rows

    async def _read(self, held: Held, version: DayVersion) -> Rows:
        """A version's rows from S3; what S3 has lost or cannot serve is asked for again."""
        try:
            rows = await held.days.rows(version)
        except LedgerUnavailable as error:
            LOG.warning("asking the upstream for %s again: %s", version.day, error)
            rows = None
        if rows is None:
            outcome = await self._fetch(held.query, [version.day])
            rows = outcome.versions[0].rows
        return rows or EMPTY

    async def rollup(self, held: Held, version: DayVersion) -> Rollup:
        """A version's rollup, from memory or S3, else made from its rows."""
        key = f"{held.days.folder}/{version.day}/{version.tag}"
        rollup = self._rollups.recall(key)
        if rollup is None:
            stored = None if version.rows is not None else await held.days.rollup(version)
            rollup = stored or Rollup.of(await self.rows(held, version))
            self._rollups.remember(key, rollup, len(rollup.hours) * 6 * CELL_BYTES)
        return rollup

    async def _look_up(self, query: "_Query", days: Sequence[date]) -> None:
        """Find what is held: from memory if all of it is good, else by one LIST."""
        remembered = {day: self._versions.recall(f"{query.days.folder}/{day}") for day in days}
        query.versions = {day: version for day, version in remembered.items() if version}
        if self._missing(query, days):
            await self._list(query, days)

    async def _list(self, query: "_Query", days: Sequence[date]) -> None:
        try:
            plan = await query.days.plan(days)
        except LedgerUnavailable as error:
            LOG.warning("answering without the ledger: %s", error)
            query.offline = True
            return
        for day, version in plan.versions.items():
            self._learn(query, version if version.count is not None else await query.days.mended(version) or version)
            if query.versions[day].count is None:
                del query.versions[day]
        query.leased = plan.leased(datetime.now(self._clock().tzinfo) - timedelta(seconds=10))

    def _learn(self, query: "_Query", version: DayVersion) -> None:
        held = query.versions.get(version.day)
        if held is None or held.fetched <= version.fetched:
            query.versions[version.day] = version
            self._versions.remember(f"{query.days.folder}/{version.day}", replace(version, rows=None), 8 * CELL_BYTES)

    def _missing(self, query: "_Query", days: Sequence[date]) -> list[date]:
        """The days that are not held, or no longer good; whatever was fetched since the query began is good for it."""
        now = self._clock()
        return [
            day
            for day in days
            if (version := query.versions.get(day)) is None
            or not (version.fetched >= query.began or self._good_until(version) > now)
        ]

    def _good_until(self, version: DayVersion) -> datetime:
        return FOR_GOOD if version.settled else self._ageing.good_until(version.fetched, day_end(version.day))

    async def _ask(self, query: "_Query", days: Sequence[date]) -> None:
        """Have the missing days asked for, here or by whoever holds the lease; errors stay in the query."""
        for _ in range(ROUNDS):
            missing = self._missing(query, days)
            if not missing or query.errors:
                return
            outcomes = await asyncio.gather(
                *(self._run(query, run) for run in runs(missing, query.leased)), return_exceptions=True
            )
            for outcome in outcomes:
                if isinstance(outcome, UpstreamError):
                    query.errors.append(outcome)
                elif isinstance(outcome, BaseException):
                    raise outcome
                else:
                    query.asked = query.asked or outcome.asked
                    for version in outcome.versions:
                        self._learn(query, version)

    async def _run(self, query: "_Query", run: Sequence[date]) -> "_Outcome":
        if query.offline:
            return await self._fetch(query, run)
        return await self._leases.once(
            query.days.key(run[0], LEASE),
            lambda: self._already(query, run),
            lambda: self._refresh(query, run),
            UPSTREAM,
            query.deadline,
        )

    async def _already(self, query: "_Query", run: Sequence[date]) -> "_Outcome | None":
        """What somebody else has fetched in the meantime, if that is the whole run."""
        await self._list(query, run)
        if self._missing(query, run):
            return None
        return _Outcome([query.versions[day] for day in run], asked=False)

    async def _refresh(self, query: "_Query", run: Sequence[date]) -> "_Outcome":
        """Ask for those days of a run that are still missing."""
        parts = await asyncio.gather(
            *(self._fetch(query, part) for part in runs(self._missing(query, run), frozenset()))
        )
        fetched = [version for part in parts for version in part.versions]
        days = {version.day for version in fetched}
        held = [query.versions[day] for day in run if day not in days]
        return _Outcome(fetched + held, asked=True)

    async def _fetch(self, query: "_Query", run: Sequence[date]) -> "_Outcome":
        """Ask the upstream for contiguous days, and keep each."""
        newest_held = [query.versions[day].fetched + timedelta(microseconds=1) for day in run if day in query.versions]
        fetched = max([self._clock(), *newest_held])
        log = await self._breakers.guard(
            query.tenant,
            UPSTREAM,
            lambda: self._openmarket.log(
                query.tenant, midnight(run[0]) - MARGIN, day_end(run[-1]) + MARGIN, query.brand, query.deadline
            ),
        )
        by_day: dict[date, list[LogRow]] = {day: [] for day in run}
        for credit in log:
            if (day := credit.time.date()) in by_day:
                by_day[day].append(credit)
        return _Outcome(
            list(
                await asyncio.gather(*(self._keep(query, day, fetched, Rows.of(rows)) for day, rows in by_day.items()))
            ),
            asked=True,
        )

    async def _keep(self, query: "_Query", day: date, fetched: datetime, rows: Rows) -> DayVersion:
        settled = self._ageing.settled(fetched, day_end(day))
        try:
            if not query.offline:
                return await query.days.keep(day, fetched, rows, settled=settled)
        except LedgerUnavailable as error:
            LOG.warning("a day was not kept: %s", error)
        return DayVersion(day, fetched, len(rows), settled, rows)


@dataclass(slots=True)
class _Query:
    """One query's view of what is held, filled in as it goes."""

    days: DayStore
    tenant: str
    brand: str | None
    began: datetime
    deadline: Deadline
    versions: dict[date, DayVersion] = field(default_factory=dict)
    leased: frozenset[date] = frozenset()
    errors: list[UpstreamError] = field(default_factory=list)
    asked: bool = False
    offline: bool = False


@dataclass(frozen=True, slots=True)
class _Outcome:
    versions: Sequence[DayVersion]
    asked: bool


def runs(days: Sequence[date], cuts: frozenset[date]) -> list[list[date]]:
    """Days in order as contiguous runs of at most 31; a run also ends before a day in `cuts`."""
    result: list[list[date]] = [[days[0]]] if days else []
    for before, day in pairwise(days):
        if day - before == DAY and len(result[-1]) < LONGEST_RUN and day not in cuts:
            result[-1].append(day)
        else:
            result.append([day])
    return result
