"""Refreshes the last 120 days of the credit log: missing and outdated days are fetched, and so settled in time.

The credit log itself decides which days are due, as it does for a query, and `ledger.credits.settlement` when a day is
settled. One LIST shows what is left to do, so a run that was cut short is continued by the next.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from itertools import batched
from unicodedata import normalize
from urllib.parse import unquote

from ledger.credits.credit_log import CreditLog
from ledger.credits.day_ranges import LONGEST_RANGE, contiguous_ranges
from ledger.credits.settlement import SettlementRule
from ledger.days.day_store import DayStore
from ledger.days.versions import ALL_BRANDS, CREDIT_LOG_PREFIX, DayVersion, superseded
from ledger.figures.outcomes import Outcomes
from ledger.keeper.run import KeeperRun
from ledger.keeper.settling import settle
from ledger.keeper.unproven_days import ListedLog, UnprovenDays
from ledger.storage.store import Store
from runtime import telemetry
from runtime.clock import DAY, Clock, Period, day_end, midnight
from upstreams.openmarket.client import OutcomeRow

DAYS = 120


@dataclass(frozen=True)
class CreditDays:
    """The days of one tenant and brand after the other."""

    store: Store
    credit_log: CreditLog
    outcomes: Outcomes
    settlement: SettlementRule
    clock: Clock
    days: int = DAYS

    async def brands(self, tenant: str) -> list[str]:
        """Every brand that has been queried by name, in Unicode's NFC; its log may lie in two folders.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        folders = await self.store.folders(f"{CREDIT_LOG_PREFIX}/tenant={tenant}")
        partitions = [folder.removeprefix("brand=") for folder in folders]
        return sorted({normalize("NFC", unquote(partition)) for partition in partitions if partition != ALL_BRANDS})

    async def refresh(self, tenant: str, run: KeeperRun) -> None:
        """Refresh the log of all brands together, the newest days first.

        Raises:
            LedgerUnavailable: S3 could not serve; what the vendor answered could not be stored.
        """
        days = DayStore(self.store, tenant, None)
        await self._refresh(tenant, None, (await days.list_versions(self._days())).versions, run)

    async def refresh_brands(self, tenant: str, run: KeeperRun) -> None:
        """Refresh the logs of the brands that have credits in these days, by the log or by the outcome report.

        A misspelt brand that was queried once has none, so it is not fetched again in every run.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        reported: AbstractSet[str] | None = None
        for brand in await self.brands(tenant):
            if not run.has_time():
                return
            with run.attempt(f"credit log of {tenant}, brand {brand}"):
                stored = (await DayStore(self.store, tenant, brand).list_versions(self._days())).versions
                has_rows = any(version.count != 0 for version in stored.values())
                if not has_rows and reported is None:
                    reported = await self._reported_brands(tenant, run)
                if has_rows or brand in (reported or ()):
                    await self._refresh(tenant, brand, stored, run)

    async def _reported_brands(self, tenant: str, run: KeeperRun) -> AbstractSet[str]:
        """The brands in the outcome report of these days; none if it cannot be had, which counts as a failure."""
        days, rows = self._days(), list[OutcomeRow]()
        with run.attempt(f"outcome report of {tenant}"):
            period = Period(midnight(days[0]), day_end(days[-1]))
            rows = (await self.outcomes.get(tenant, None, period, run.deadline)).rows
        return {normalize("NFC", row.brand) for row in rows}

    async def _refresh(self, tenant: str, brand: str | None, stored: Mapping[date, DayVersion], run: KeeperRun) -> None:
        began, store, days = self.clock(), DayStore(self.store, tenant, brand), self._days()
        for version in stored.values():
            await self._promote(store, version)
        for newest_first in batched(reversed(days), LONGEST_RANGE, strict=False):
            if not run.has_time():
                break
            first, last = newest_first[-1], newest_first[0]
            with run.attempt(f"credit log of {tenant}, brand {brand or ALL_BRANDS}, {first} to {last}"):
                period = Period(midnight(first), day_end(last))
                await self.credit_log.refresh(tenant, brand, period, run.deadline)
        log = ListedLog(tenant, brand, store, await store.list_versions(days))
        after = await self._settle_unproven(log, began, run)
        settled = len(_settled(after.values()) - _settled(stored.values()))
        run.settled += settled
        telemetry.count("keeper.settled", settled)
        run.lag_days = max(run.lag_days or 0.0, self._lag(days, after))

    async def _settle_unproven(self, log: ListedLog, began: datetime, run: KeeperRun) -> Mapping[date, DayVersion]:
        """The stored versions, after those that did not prove to be whole have been settled as far as they can be.

        Days that lack credits are fetched again first, unless this run has just fetched them.
        """
        unproven, days = UnprovenDays(self.outcomes, self.settlement), self._days()
        if not unproven.among(log):
            return log.listing.versions
        lacking = [day for day in await unproven.settle(log, run) if log.listing.versions[day].fetched < began]
        for days_again in contiguous_ranges(lacking, frozenset()):
            with run.attempt(f"credit log of {log.tenant}, {days_again[0]} to {days_again[-1]} again"):
                await self.credit_log.fetch_again(log.tenant, log.brand, days_again, run.deadline)
        if lacking:
            await unproven.settle(await log.listed_again(days), run)
        return (await log.listed_again(days)).listing.versions

    async def sweep(self, tenant: str, brand: str | None, before: datetime, run: KeeperRun) -> None:
        """Delete superseded versions, and leases of dead processes, that were written before a moment.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        listing = await DayStore(self.store, tenant, brand).list_versions(self._days())
        old = [key for day, found in listing.objects.items() for key in superseded(day, found, before)]
        await self.store.delete(old)
        run.deleted += len(old)

    async def _promote(self, days: DayStore, version: DayVersion) -> None:
        """Settle a day whose rows were fetched late enough for today's `SETTLE_HOURS`, but not for the one of then."""
        if version.settled or not self.settlement.settles(version.day, version.fetched, proven=version.proven):
            return
        await settle(days, version)

    def _days(self) -> Sequence[date]:
        today = self.clock().date()
        return [today - DAY * age for age in reversed(range(self.days))]

    def _lag(self, days: Iterable[date], stored: Mapping[date, DayVersion]) -> float:
        """For how many days the most overdue day could have been settled already."""
        now = self.clock()
        unsettled = [day for day in days if day not in stored or not stored[day].settled]
        return max((self.settlement.overdue(day, now) / DAY for day in unsettled), default=0.0)


def _settled(versions: Iterable[DayVersion]) -> set[date]:
    return {version.day for version in versions if version.settled}
