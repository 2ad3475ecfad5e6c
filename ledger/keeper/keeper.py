"""The keeper: what has to happen though nobody asks. It settles days, archives report files, and tidies up.

One run works through every tenant, each kind of work for all of them before the next kind: today's figures and the
files that the vendor will drop come before the brands, whose number is their users' affair. A run that is out of time
stops between two things, and the next one finds what is left.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ledger.answers.ageing import Ageing
from ledger.keeper.collecting import ReportCollector
from ledger.keeper.run import KeeperRun
from ledger.keeper.settling import DaySettler
from ledger.keeper.sweeping import GRACE, sweep_answers
from ledger.storage.store import Store
from runtime import telemetry
from runtime.clock import Clock

TENANTS_AT_ONCE = 4

Work = Callable[[str, KeeperRun], Awaitable[None]]


@dataclass(frozen=True)
class Keeper:
    """Keeps every tenant's ledger; `tenants` says who they are, and which upstreams each has credentials for."""

    store: Store
    tenants: Callable[[], Awaitable[Mapping[str, AbstractSet[str]]]]
    settling: DaySettler
    collecting: ReportCollector
    ageing: Ageing
    clock: Clock

    async def keep(self, run: KeeperRun) -> None:
        """Do what there is time for."""
        upstreams = await self.tenants()
        run.tenants = len(upstreams)
        everybody = sorted(upstreams)
        with_credits = [tenant for tenant in everybody if "openmarket" in upstreams[tenant]]
        with_reports = [tenant for tenant in everybody if "rde" in upstreams[tenant]]
        if not with_credits:
            run.lag_days = 0.0
        await _each("the credit log", with_credits, lambda tenant, run: self.settling.settle(tenant, None, run), run)
        await _each("the archive", with_reports, self.collecting.collect, run)
        await _each("the brands", with_credits, self._settle_brands, run)
        await _each("the sweep", everybody, self._sweep, run)
        telemetry.count("keeper.deleted", run.deleted)

    async def _settle_brands(self, tenant: str, run: KeeperRun) -> None:
        for brand in await self.settling.brands(tenant):
            if run.may_begin():
                with run.attempt(f"credit log of {tenant}, brand {brand}"):
                    await self.settling.settle(tenant, brand, run)

    async def _sweep(self, tenant: str, run: KeeperRun) -> None:
        now = self.clock()
        for brand in [None, *await self.settling.brands(tenant)]:
            if run.may_begin():
                await self.settling.sweep(tenant, brand, now - GRACE, run)
        if run.may_begin():
            await sweep_answers(self.store, tenant, self.ageing, now, run)


async def _each(what: str, tenants: list[str], work: Work, run: KeeperRun) -> None:
    """Do one kind of work for every tenant, for a few at once."""
    places = asyncio.Semaphore(TENANTS_AT_ONCE)

    async def do(tenant: str) -> None:
        async with places:
            if run.may_begin():
                with run.attempt(f"{what} of {tenant}"):
                    await work(tenant, run)

    await asyncio.gather(*map(do, tenants))
