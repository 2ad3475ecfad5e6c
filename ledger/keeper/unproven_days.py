"""Settles days whose answers did not prove to be whole, after a look at the outcome report of the same days.

Some vendors end an answer by closing the connection: a log that is cut off between two rows then looks like a whole
one. The outcome report counts the same credits, so it shows whether rows are missing.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ledger.credits.day_ranges import contiguous_ranges
from ledger.credits.settlement import Comparison, SettlementRule, compare
from ledger.days.day_store import DayStore
from ledger.days.rollups import EMPTY_ROLLUP, Rollup
from ledger.days.versions import DayListing, DayVersion, open_versions
from ledger.figures.outcomes import Outcomes
from ledger.keeper.run import KeeperRun
from ledger.keeper.settling import have_equal_rows, settle
from runtime.clock import Period, day_end, midnight

LOG = logging.getLogger("tally.keeper")

LAST_SECOND = timedelta(seconds=1)
"""A vendor that includes the end of a period would also count credits of the next midnight."""


@dataclass(frozen=True, slots=True)
class ListedLog:
    """The log of one tenant and brand, and what a LIST has found of it."""

    tenant: str
    brand: str | None
    store: DayStore
    listing: DayListing

    async def listed_again(self, days: Sequence[date]) -> "ListedLog":
        """The same log as it is now."""
        return replace(self, listing=await self.store.list_versions(days))


@dataclass(frozen=True)
class UnprovenDays:
    """Judges unproven days with the help of the outcome report."""

    outcomes: Outcomes
    settlement: SettlementRule

    def among(self, log: ListedLog) -> list[date]:
        """The days of a log, in order, whose rows are old enough to be final but not proven to be whole."""
        return [day for day, version in sorted(log.listing.versions.items()) if self._is_due(version)]

    async def settle(self, log: ListedLog, run: KeeperRun) -> list[date]:
        """Settle those unproven days of a log that can be. The result is the days that lack credits, in order.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        lacking: list[date] = []
        for days in contiguous_ranges(self.among(log), frozenset()):
            lacking += await self._settle_range(log, days, run)
        return lacking

    def _is_due(self, version: DayVersion) -> bool:
        late_enough = self.settlement.is_late_enough(version.day, version.fetched)
        return late_enough and not version.settled and not version.proven and version.folder is None

    async def _settle_range(self, log: ListedLog, days: Sequence[date], run: KeeperRun) -> list[date]:
        """Settle contiguous days if the outcome report agrees with them, else look at each half by itself."""
        if not run.has_time():
            return []
        comparison: Comparison | None = None
        with run.attempt(f"outcome report of {log.tenant}, {days[0]} to {days[-1]}"):
            comparison = await self._compare(log, days, run)
        if comparison in {Comparison.LOG_LACKS_CREDITS, Comparison.DIFFERS} and len(days) > 1:
            halves = days[: len(days) // 2], days[len(days) // 2 :]
            return [day for half in halves for day in await self._settle_range(log, half, run)]
        if comparison is Comparison.LOG_LACKS_CREDITS:
            LOG.warning("the log of %s for %s lacks credits that the outcome report counts", days[0], log.tenant)
            return list(days)
        for day in days:
            if comparison is Comparison.AGREES or await _is_repeated(log, day):
                await settle(log.store, log.listing.versions[day])
        return []

    async def _compare(self, log: ListedLog, days: Sequence[date], run: KeeperRun) -> Comparison | None:
        """The log beside the outcome report of the same days; None if there is only an old report.

        Raises:
            UpstreamError: there is no report.
            LedgerUnavailable: S3 could not serve.
        """
        period = Period(midnight(days[0]), day_end(days[-1]) - LAST_SECOND)
        outcome = await self.outcomes.get(log.tenant, log.brand, period, run.deadline)
        return None if outcome.freshness.stale else compare([await _rollup(log, day) for day in days], outcome.rows)


async def _rollup(log: ListedLog, day: date) -> Rollup:
    """A day's rollup; an empty one for a day that is lost, which then lacks credits."""
    version = log.listing.versions[day]
    return await log.store.rollup(version) or await log.store.rollup_of_rows(version) or EMPTY_ROLLUP


async def _is_repeated(log: ListedLog, day: date) -> bool:
    """Whether the fetch before the last one brought the same rows."""
    newest, *older = open_versions(day, log.listing.objects[day])
    if not older:
        return False
    return await have_equal_rows(log.store, newest, older[0])
