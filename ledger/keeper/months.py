"""Writes the month objects of every log whose days are all settled, the newest months first.

LISTs of a log show what there is to do: months without an object, and objects that are older than one of their days.
What no LIST can show, an unreadable or contradicting object, is found by reading a few of them in each run. Nothing is
asked of the vendor. A run that is out of time is continued by the next.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from ledger.credits.settlement import SettlementRule
from ledger.days.blocks import inventory
from ledger.days.day_store import DayStore
from ledger.days.months import MONTHS, CalendarMonth, CorruptMonth, decode, encode, month_key
from ledger.days.rollups import EMPTY_ROLLUP, CorruptRollup, Detail, Rollup
from ledger.days.rows import CorruptRows
from ledger.days.versions import ALL_BRANDS, DayListing, DayVersion, is_settled, superseded
from ledger.keeper.old_answers import GRACE
from ledger.keeper.run import KeeperRun
from ledger.storage.store import LedgerUnavailable, ListedObject, Store
from runtime.clock import Clock

LOG = logging.getLogger("tally.keeper")

FIRST_DAY = date(2000, 1, 1)
"""No credit is older."""
READ_AT_ONCE = 8
CHECKED_MONTHS = 4
"""The newest month objects that every run reads; of the older ones it reads one."""


@dataclass(frozen=True, slots=True)
class _Log:
    """What LISTs have shown of one tenant and brand: its days, and the objects of its months by key."""

    name: str
    store: DayStore
    days: DayListing
    months: Mapping[str, ListedObject]

    def versions(self, month: CalendarMonth) -> list[DayVersion]:
        """The settled versions of a month's days, in order; fewer than it has days while it is not complete.

        Days that lie in the folder of a brand's older spelling are left to LISTs.
        """
        versions = (self.days.versions.get(day) for day in month.days())
        return [version for version in versions if version and version.settled and version.folder is None]

    def written_since(self, month: CalendarMonth, moment: datetime) -> bool:
        """Whether an object of a settled day is younger than a moment, by S3's clock."""
        settled = (item for day in month.days() for item in self.days.objects[day] if is_settled(item))
        return any(item.modified > moment for item in settled)


@dataclass(frozen=True)
class MonthObjects:
    """Every tenant's month objects; one object for the life of a process, which remembers what it has checked."""

    store: Store
    settlement: SettlementRule
    clock: Clock
    checked: dict[str, str] = field(default_factory=dict)

    async def write(self, tenant: str, brand: str | None, run: KeeperRun) -> None:
        """Write the months of a log that are complete and have no object, or one that contradicts their days.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        log = await self._listed(tenant, brand)
        months = sorted({self.settlement.month_of(day) for day in log.days.versions}, key=_last, reverse=True)
        complete = [month for month in months if len(log.versions(month)) == len(month.days())]
        to_check = self._to_check([month for month in complete if month_key(log.store, month) in log.months])
        for month in complete:
            if not run.has_time():
                return
            with run.attempt(f"month {month.name} of {log.name}"):
                if await self._is_due(log, month, check=month in to_check):
                    await self._write(log, month, run)

    async def _listed(self, tenant: str, brand: str | None) -> _Log:
        store = DayStore(self.store, tenant, brand)
        days = await store.list_versions([FIRST_DAY, self.clock().date()])
        months = {item.key: item for item in await self.store.listing(f"{store.folder}/{MONTHS}")}
        return _Log(f"{tenant}, brand {brand or ALL_BRANDS}", store, days, months)

    def _to_check(self, written: Sequence[CalendarMonth]) -> list[CalendarMonth]:
        """The newest months, and one of the older ones, another one in each run."""
        newest, older = list(written[:CHECKED_MONTHS]), written[CHECKED_MONTHS:]
        turn = int(self.clock().timestamp() // GRACE.total_seconds())
        return [*newest, older[turn % len(older)]] if older else newest

    async def _is_due(self, log: _Log, month: CalendarMonth, *, check: bool) -> bool:
        """Whether a complete month has to be written."""
        there = log.months.get(month_key(log.store, month))
        if there is None or log.written_since(month, there.modified):
            return True
        if not check or self.checked.get(there.key) == there.e_tag:
            return False
        if not await self._agrees(log, month, there.key):
            return True
        self.checked[there.key] = there.e_tag
        return False

    async def _agrees(self, log: _Log, month: CalendarMonth, key: str) -> bool:
        stored = await self.store.get(key)
        try:
            found = decode(stored.body, month) if stored else None
            if found is not None:
                await asyncio.to_thread(found.check)
        except (CorruptMonth, CorruptRollup) as error:
            LOG.warning("writing %s again: %s", key, error)
            return False
        return found is not None and all(found.has(version) for version in log.versions(month))

    async def _write(self, log: _Log, month: CalendarMonth, run: KeeperRun) -> None:
        """Write a month, unless one of its days cannot be read; delete what its settled days have superseded."""
        slots = asyncio.Semaphore(READ_AT_ONCE)

        async def read(version: DayVersion) -> tuple[DayVersion, Rollup] | None:
            async with slots:
                return await _read(log.store, version)

        read_days = await asyncio.gather(*map(read, log.versions(month)))
        days = [day for day in read_days if day is not None]
        if len(days) < len(read_days):
            raise LedgerUnavailable("the rows of a settled day cannot be read")
        key = month_key(log.store, month)
        body, there = encode(*zip(*days, strict=True)), log.months.get(key)
        written = await (self.store.replace(key, body, there.e_tag) if there else self.store.create(key, body))
        run.months += written is not None
        before = self.clock() - GRACE
        old = [name for day in month.days() for name in superseded(day, log.days.objects[day], before)]
        await self.store.delete(old)
        run.deleted += len(old)


async def _read(store: DayStore, version: DayVersion) -> tuple[DayVersion, Rollup] | None:
    """A settled day's version and its rollup with values, made of the rows where that is lost; None without rows."""
    if version.count == 0:
        return version, EMPTY_ROLLUP
    rollup = await store.rollup(version)
    if rollup is not None and _has_values(rollup, version):
        return version, rollup
    if version.count is None:
        rebuilt = await store.rebuild_rollup(version)
        return None if rebuilt is None else await _read(store, rebuilt)
    body = await store.stored_rows(version)
    try:
        count, made = inventory(body or b"", version.day)
    except CorruptRows as error:
        LOG.warning("the rows of %s: %s", version.day, error)
        return None
    return (version, made) if count == version.count else None


def _has_values(rollup: Rollup, version: DayVersion) -> bool:
    """Whether a stored rollup has counts by hour and value, which add up to its day."""
    try:
        return rollup.parsed(Detail.VALUE) is not None
    except CorruptRollup as error:
        LOG.warning("the rollup of %s: %s", version.day, error)
        return False


def _last(month: CalendarMonth) -> date:
    return month.last
