"""Compares each settled day of the log with the outcome report, once: a figure of the past that is wrong shows itself.

The name of a mark says which version of a day was compared, so a day is compared again only when it has other rows. A
few days are compared in one run, the newest first; a vendor that fails is left to the next run. A day that cannot be
compared, because its report is broken, fails by itself and does not keep the older ones waiting.

    reconciled/tenant=acme/2026-11-19/20261122T000412.000000Z-2000      a day, the fetch of its rows and their number
"""

import logging
from dataclasses import dataclass
from datetime import date

import orjson

from ledger.days.day_store import DayStore
from ledger.days.versions import DayVersion
from ledger.figures.reconciliation import Reconciler, Reconciliation, ReconciliationRequest, ReconciliationRow
from ledger.figures.summaries import TooManyBuckets
from ledger.keeper.credit_days import DAYS
from ledger.keeper.run import KeeperRun
from ledger.storage.store import Store
from runtime import telemetry
from runtime.clock import DAY, Clock, Period, day_end, midnight
from upstreams.errors import UpstreamBadResponse

LOG = logging.getLogger("tally.keeper")

RECONCILED_PREFIX = "reconciled"
DAYS_A_RUN = 8
"""A new stack has 117 settled days, each a request to the vendor: they are compared within four hours."""


@dataclass(frozen=True)
class ReconciledDays:
    """The settled days of every tenant, all brands together."""

    store: Store
    reconciler: Reconciler
    clock: Clock
    days: int = DAYS

    async def check(self, tenant: str, run: KeeperRun) -> None:
        """Compare a tenant's next days.

        Raises:
            UpstreamError: the vendor failed.
            LedgerUnavailable: S3 could not serve.
        """
        looked_at, failed = 0, 0
        for version in await self._due(tenant):
            if max(looked_at, failed) == DAYS_A_RUN or not run.has_time():
                return
            try:
                await self._compare(tenant, version, run)
                looked_at += 1
            except (UpstreamBadResponse, TooManyBuckets):
                failed += 1
                with run.attempt(f"the reconciliation of {tenant} for {version.day}"):
                    raise

    async def _compare(self, tenant: str, version: DayVersion, run: KeeperRun) -> None:
        period = Period(midnight(version.day), day_end(version.day))
        found = await self.reconciler.reconcile(ReconciliationRequest(tenant, None, period), run.deadline)
        if not found.freshness.stale:
            self._report(tenant, version.day, found, run)
            await self.store.put(_mark(tenant, version), _body(found))

    async def _due(self, tenant: str) -> list[DayVersion]:
        """The settled days that have no mark, the newest first."""
        today = self.clock().date()
        days = [today - DAY * age for age in reversed(range(self.days))]
        stored = (await DayStore(self.store, tenant, None).list_versions(days)).versions
        folder = _folder(tenant)
        marks = {item.key for item in await self.store.listing(folder, after=f"{folder}/{days[0]}")}
        settled = [version for _, version in sorted(stored.items(), reverse=True) if version.settled]
        return [version for version in settled if version.count is not None and _mark(tenant, version) not in marks]

    def _report(self, tenant: str, day: date, found: Reconciliation, run: KeeperRun) -> None:
        run.compared += 1
        telemetry.count("keeper.compared")
        if not found.balanced:
            run.unbalanced += 1
            rows = "; ".join(map(_in_words, found.differing))
            LOG.warning("the log of %s for %s differs from the outcome report: %s", day, tenant, rows)


def _in_words(row: ReconciliationRow) -> str:
    return (
        f"{row.value} {row.currency}: log {row.log_success} successful, {row.log_failed} failed, {row.log_applied};"
        f" report {row.outcome_success}, {row.outcome_failed}, {row.outcome_applied}"
    )


def _body(found: Reconciliation) -> bytes:
    return orjson.dumps({"balanced": found.balanced, "differing": [*map(_in_words, found.differing)]})


def _folder(tenant: str) -> str:
    return f"{RECONCILED_PREFIX}/tenant={tenant}"


def _mark(tenant: str, version: DayVersion) -> str:
    return f"{_folder(tenant)}/{version.day}/{version.id}"
