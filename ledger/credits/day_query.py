"""What one query knows about the days it needs, and what a process remembers of that for the next query.

A query's knowledge grows as it goes on, and a version in it is only replaced by a newer one, so that two parts of a
query never see different versions of one day.
"""

import logging
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from ledger.credits.early_rows import EarlyRows
from ledger.days.day_store import DayStore
from ledger.days.months import Month
from ledger.days.rollups import CorruptRollup, Rollup
from ledger.days.versions import DayVersion
from ledger.storage.breakers import BreakerState
from ledger.storage.bucket import ListedObject
from ledger.storage.lease_records import FreeLease, free_lease
from runtime.clock import Clock
from runtime.deadline import Deadline
from runtime.memory import Memory
from upstreams.errors import UpstreamError

LOG = logging.getLogger("tally.ledger")

if TYPE_CHECKING:
    from ledger.credits.month_memory import MonthMemory

ROWS_IN_MEMORY = 60_000
"""Fetched rows that a query keeps in memory. Days beyond that are read back from S3 when they are needed."""
LOST_DAYS = 31
"""The most days that a query fetches one by one because S3 lost their rows or cannot serve them."""
VERSIONS_BYTES = 3 * 1024 * 1024
VERSION_BYTES = 528
"""The memory that a version without its rows takes."""


@dataclass(slots=True)
class DayQuery:
    """A query about one tenant and brand that began at `began`.

    `from_vendor` is true once days have been fetched for it, `offline` when it works without S3. Versions of its
    `distrusted` days count only if they were fetched since it began. Without `use_months` it looks at every day itself.
    `leases` are the leases that its last LIST showed, by day; a day that it showed without one has None.
    `breaker_looks` are looks at the vendor's breaker under way, by the first of the days to fetch. `fetched_again` has
    the days whose stored rows were lost, with equal rows. `months` are the month objects in which its settled days were
    found, by day. `shown_first` are the days with which a page begins; `early` has those of their rows that were asked
    for beside the look at what is stored.
    """

    store: DayStore
    tenant: str
    brand: str | None
    began: datetime
    deadline: Deadline
    distrusted: frozenset[date] = frozenset()
    use_months: bool = True
    versions: dict[date, DayVersion] = field(default_factory=dict)
    leased: frozenset[date] = frozenset()
    leases: Mapping[date, ListedObject | None] = field(default_factory=dict)
    breaker_looks: dict[date, Awaitable[BreakerState]] = field(default_factory=dict)
    months: dict[date, Month] = field(default_factory=dict)
    errors: list[UpstreamError] = field(default_factory=list)
    from_vendor: bool = False
    offline: bool = False
    lost_days: int = 0
    fetched_again: dict[date, DayVersion] = field(default_factory=dict)
    shown_first: Sequence[date] = ()
    early: EarlyRows = field(default_factory=EarlyRows)
    _rows_in_memory: int = 0

    def record(self, version: DayVersion) -> None:
        """Use a version from now on, if it is newer than the known one of its day."""
        known = self.versions.get(version.day)
        if known is None or (version.settled, version.fetched) > (known.settled, known.fetched):
            self.versions[version.day] = self._bounded(version)

    def known(self, days: Sequence[date]) -> list[DayVersion]:
        """The known versions of some days, whether they are good or not."""
        return [self.versions[day] for day in days if day in self.versions]

    def record_leases(self, leased: frozenset[date], leases: Mapping[date, ListedObject | None]) -> None:
        """Use what a LIST showed: the days that are being fetched, and the lease of each of its days."""
        self.leased = (self.leased - leases.keys()) | leased
        self.leases = {**self.leases, **leases}

    def use_month(self, month: Month, days: Sequence[date]) -> None:
        """Use the versions that a month knows of some days."""
        wanted = frozenset(days)
        for day, version in month.versions.items():
            if day in wanted and day not in self.versions:
                self.versions[day], self.months[day] = version, month

    def month_of(self, version: DayVersion) -> Month | None:
        """The month object in which a version was found."""
        month = self.months.get(version.day)
        return month if month is not None and month.has(version) else None

    def known_totals(self, version: DayVersion) -> Rollup | None:
        """The totals of a whole day that a month object knows; None where they have to be read elsewhere."""
        month = self.month_of(version)
        try:
            return None if month is None else Rollup(month.whole(version.day), None)
        except CorruptRollup as error:
            LOG.warning("%s", error)
            return None

    def free_lease(self, day: date) -> FreeLease | None:
        """The lease of a day, if the last LIST showed it and it was free."""
        return free_lease(self.leases[day]) if day in self.leases else None

    def _bounded(self, version: DayVersion) -> DayVersion:
        self._rows_in_memory += len(version.rows or ())
        return replace(version, rows=None) if version.stored and self._rows_in_memory > ROWS_IN_MEMORY else version


@dataclass(frozen=True, slots=True)
class RefreshedDays:
    """The current versions of some days, and whether the vendor has just been asked for them."""

    versions: Sequence[DayVersion]
    from_vendor: bool


class VersionMemory:
    """The stored versions that a process has seen last; unsettled ones count for `recheck` only."""

    def __init__(self, clock: Clock, recheck: timedelta, months: "MonthMemory") -> None:
        self._months = months
        self._clock = clock
        self._recheck = recheck
        self._versions: Memory[str, tuple[DayVersion, datetime]] = Memory(VERSIONS_BYTES)

    def recall(self, query: DayQuery, days: Sequence[date]) -> None:
        """Record the remembered versions of some days in a query."""
        since = self._clock() - self._recheck
        for day in days:
            remembered = self._versions.recall(_key(query, day))
            if remembered and (remembered[0].settled or remembered[1] > since):
                query.versions[day] = remembered[0]

    def remember(self, query: DayQuery, day: date) -> None:
        """Remember the version that a query knows, if it is in S3."""
        version = replace(query.versions[day], rows=None)
        if version.stored:
            self._versions.remember(_key(query, day), (version, self._clock()), VERSION_BYTES)

    def forget(self, query: DayQuery, day: date) -> None:
        """Forget a day, and a month object that knows it, so that the next query that needs it looks at the day."""
        self._months.forget(query, day)
        self._versions.forget(_key(query, day))


def _key(query: DayQuery, day: date) -> str:
    return f"{query.store.folder}/{day}"
