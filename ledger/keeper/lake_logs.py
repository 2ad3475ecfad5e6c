"""Keeps the lake in step with the settled days of every log: that of all brands, and that of each brand by name.

Two or more LISTs tell whether there is something to do, so a log without changes is looked at once an hour only.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ledger.days.versions import ALL_BRANDS
from ledger.keeper.credit_days import CreditDays
from ledger.keeper.run import KeeperRun
from ledger.lake.credit_lake import CreditLake
from ledger.storage.store import LedgerUnavailable
from runtime.clock import Clock

LOOK_EVERY = timedelta(hours=1)


@dataclass(frozen=True)
class LakeLogs:
    """The logs of a tenant in the lake; `_looked` is when each was found to be, or made, complete."""

    lake: CreditLake
    credit_days: CreditDays
    clock: Clock
    _looked: dict[tuple[str, str | None], datetime] = field(default_factory=dict)

    async def update(self, tenant: str, run: KeeperRun) -> None:
        """Write what is out of date, the log of all brands first.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        for brand in [None, *await self.credit_days.brands(tenant)]:
            looked = self._looked.get((tenant, brand))
            if not run.settled and looked is not None and self.clock() - looked < LOOK_EVERY:
                continue
            if not run.has_time():
                return
            with run.attempt(f"the lake of {tenant}, brand {brand or ALL_BRANDS}"):
                await self._update(tenant, brand, run)

    async def _update(self, tenant: str, brand: str | None, run: KeeperRun) -> None:
        began = self.clock()
        changes = await self.lake.update(tenant, brand, run.has_time)
        run.lake_files += changes.files
        run.lake_days += changes.days
        if changes.unreadable:
            raise LedgerUnavailable(f"{changes.unreadable} settled days cannot be read and are missing in the lake")
        if changes.complete:
            self._looked[tenant, brand] = began
