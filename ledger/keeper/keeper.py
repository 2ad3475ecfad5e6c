"""The keeper: the work that no request triggers. It settles days, archives files, writes months, deletes old objects.

One run does each kind of work for every tenant before the next kind: today's figures and the files that the vendor
will drop come before the brands, whose number we do not control. A run that is out of time stops between two pieces of
work, and the next run continues.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ledger.answers.ageing import Ageing
from ledger.keeper.credit_days import CreditDays
from ledger.keeper.lake_logs import LakeLogs
from ledger.keeper.months import MonthObjects
from ledger.keeper.old_answers import GRACE, delete_old_answers
from ledger.keeper.reconciled_days import ReconciledDays
from ledger.keeper.report_contents import ReportOpener
from ledger.keeper.report_files import ReportFileCollector
from ledger.keeper.run import KeeperRun
from ledger.storage.store import Store
from runtime import telemetry
from runtime.clock import Clock
from upstreams.errors import OPENMARKET, RDE

TENANTS_AT_ONCE = 4

Work = Callable[[str, KeeperRun], Awaitable[None]]


@dataclass(frozen=True)
class Keeper:
    """Works on every tenant's ledger; `tenants` finds them, and the vendors for which each has credentials."""

    store: Store
    tenants: Callable[[], Awaitable[Mapping[str, AbstractSet[str]]]]
    credit_days: CreditDays
    reconciled_days: ReconciledDays
    months: MonthObjects
    report_files: ReportFileCollector
    lake: LakeLogs
    report_contents: ReportOpener
    ageing: Ageing
    clock: Clock

    async def work(self, run: KeeperRun) -> None:
        """Do as much as there is time for."""
        upstreams = await self.tenants()
        run.tenants = len(upstreams)
        tenants = sorted(upstreams)
        with_credits = [tenant for tenant in tenants if OPENMARKET in upstreams[tenant]]
        with_reports = [tenant for tenant in tenants if RDE in upstreams[tenant]]
        if not with_credits:
            run.lag_days = 0.0
        await _for_each("the credit log", with_credits, self.credit_days.refresh, run)
        await _for_each("the archive", with_reports, self.report_files.collect, run)
        await _for_each("the report files", with_reports, self.report_contents.open, run)
        await _for_each("the reconciliation", with_credits, self.reconciled_days.check, run)
        await _for_each("the brands", with_credits, self.credit_days.refresh_brands, run)
        await _for_each("the lake", with_credits, self.lake.update, run)
        await _for_each("the months", tenants, self._write_months, run)
        await _for_each("the sweep", tenants, self._sweep, run)
        telemetry.count("keeper.deleted", run.deleted)

    async def _write_months(self, tenant: str, run: KeeperRun) -> None:
        for brand in [None, *await self.credit_days.brands(tenant)]:
            if run.has_time():
                await self.months.write(tenant, brand, run)

    async def _sweep(self, tenant: str, run: KeeperRun) -> None:
        now = self.clock()
        for brand in [None, *await self.credit_days.brands(tenant)]:
            if run.has_time():
                await self.credit_days.sweep(tenant, brand, now - GRACE, run)
        if run.has_time():
            await delete_old_answers(self.store, tenant, self.ageing, now, run)


async def _for_each(what: str, tenants: list[str], work: Work, run: KeeperRun) -> None:
    """Do one kind of work for every tenant, for a few of them at the same time."""
    slots = asyncio.Semaphore(TENANTS_AT_ONCE)

    async def do(tenant: str) -> None:
        async with slots:
            if run.has_time():
                with run.attempt(f"{what} of {tenant}"):
                    await work(tenant, run)

    await asyncio.gather(*map(do, tenants))
