"""Settles the credit log's days: has the last 120 of them fetched by the ledger's own rules, and so fills its gaps.

Nothing here decides when a day is asked for again; that a query would ask for it now is the only reason. What is left
to do is seen by one LIST, so a run that was cut short is gone on with by the next.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import batched
from urllib.parse import unquote

from ledger.answers.ageing import Ageing
from ledger.credits.credit_log import CreditLog
from ledger.credits.day_ranges import LONGEST_RANGE
from ledger.credits.days import ALL_BRANDS, ROOT, DayStore, DayVersion, superseded
from ledger.keeper.run import KeeperRun
from ledger.storage.store import Store
from runtime import telemetry
from runtime.clock import DAY, Clock, Period, day_end, midnight

DAYS = 120


@dataclass(frozen=True)
class DaySettler:
    """The days of one tenant and brand after the other."""

    store: Store
    credit_log: CreditLog
    ageing: Ageing
    clock: Clock
    days: int = DAYS

    async def brands(self, tenant: str) -> list[str]:
        """Every brand that somebody has asked for by name.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        folders = await self.store.folders(f"{ROOT}/tenant={tenant}")
        partitions = [folder.removeprefix("brand=") for folder in folders]
        return [unquote(partition) for partition in partitions if partition != ALL_BRANDS]

    async def settle(self, tenant: str, brand: str | None, run: KeeperRun) -> None:
        """Have every day good enough to answer from, the newest ones first.

        Raises:
            LedgerUnavailable: S3 could not serve; without it there is no point in asking the upstream.
        """
        kept, days = DayStore(self.store, tenant, brand), self._days()
        before = (await kept.list_versions(days)).versions
        if brand is not None and not before:
            return  # somebody has asked and got nothing: a brand that does not exist fails whenever it is asked for
        for version in before.values():
            await self._promote(kept, version)
        for stretch in batched(reversed(days), LONGEST_RANGE, strict=False):
            if not run.may_begin():
                break
            with run.attempt(f"credit log of {tenant}, brand {brand or ALL_BRANDS}, {stretch[-1]} to {stretch[0]}"):
                period = Period(midnight(stretch[-1]), day_end(stretch[0]))
                await self.credit_log.snapshot(tenant, brand, period, run.deadline, stale_if_error=False)
        after = (await kept.list_versions(days)).versions
        settled = len(_settled(after.values()) - _settled(before.values()))
        run.settled += settled
        telemetry.count("keeper.settled", settled)
        run.lag_days = max(run.lag_days or 0.0, self._lag(days, after))

    async def sweep(self, tenant: str, brand: str | None, before: datetime, run: KeeperRun) -> None:
        """Delete versions that newer ones have replaced, and dead leases, as far as they are older than a moment.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        plan = await DayStore(self.store, tenant, brand).list_versions(self._days())
        old = [key for day, found in plan.objects.items() for key in superseded(day, found, before)]
        await self.store.delete(old)
        run.deleted += len(old)

    async def _promote(self, kept: DayStore, version: DayVersion) -> None:
        """Put a day into the lake that was fetched late enough by today's `SETTLE_HOURS`, but not by that day's."""
        if version.settled or not self.ageing.settled(version.fetched, day_end(version.day)):
            return
        rows = await kept.rows(version)
        if rows is not None:
            await kept.write(version.day, version.fetched, rows, settled=True)

    def _days(self) -> Sequence[date]:
        today = self.clock().date()
        return [today - DAY * age for age in reversed(range(self.days))]

    def _lag(self, days: Iterable[date], held: Mapping[date, DayVersion]) -> float:
        now = self.clock()
        unsettled = [day for day in days if day not in held or not held[day].settled]
        overdue = [now - day_end(day) - self.ageing.settle for day in unsettled]
        return max((wait / DAY for wait in overdue), default=0.0)


def _settled(versions: Iterable[DayVersion]) -> set[date]:
    return {version.day for version in versions if version.settled}
