"""Exports as they are asked for and looked at; `ledger.exports.writer` does the work.

Equal requests within the hour are one export: its id is a digest of the request and the hour, and one that was made in
the hour before still counts until it is an hour old. An export at a standstill, because its exporter died, is started
again by whoever asks for it, at most once a minute.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ledger.exports.jobs import (
    STATE,
    WOKEN,
    ExportJob,
    ExportLog,
    ExportSnapshot,
    ExportState,
    ExportStatus,
    UnreadableExport,
)
from ledger.storage.store import LedgerUnavailable, Store
from runtime.clock import Clock

SAME_FOR = timedelta(hours=1)
QUIET = timedelta(seconds=20)
"""An exporter at work renews its lease every few seconds."""
PATIENCE = timedelta(minutes=1)
LINK_SECONDS = 900
NOT_STARTED = "INTERNAL_SERVER_ERROR: the exporter could not be started; ask for the export again"
NOT_READABLE = "INTERNAL_SERVER_ERROR: what is kept of the export cannot be read; ask for the export again"

_ID = re.compile(r"[0-9a-f]{32}")

type Start = Callable[[str, str], Awaitable[None]]
"""Has an exporter begin with a tenant's export, and does not wait for it."""


class ExporterUnavailable(Exception):
    """No exporter could be started."""


@dataclass(frozen=True, slots=True)
class Link:
    """A read-only link to the file."""

    url: str = field(repr=False)
    expires_at: datetime


class Exports:
    """Every tenant's exports; `patience` is how long one may stand still before it is started again."""

    def __init__(self, store: Store, start: Start, clock: Clock, patience: timedelta = PATIENCE) -> None:
        self._store = store
        self._start = start
        self._clock = clock
        self._patience = patience

    async def ask(self, job: ExportJob) -> ExportSnapshot:
        """Have a period exported, or find the export that an equal request within the hour has begun.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        now = self._clock()
        slot = int(now.timestamp() // SAME_FOR.total_seconds())
        found = await asyncio.gather(*(self.find(job.tenant, job.id(known)) for known in (slot, slot - 1)))
        for seen in found:
            if isinstance(seen, ExportSnapshot) and now - seen.state.asked < SAME_FOR:
                return await self._again(seen)
        log = ExportLog(self._store, job.tenant, job.id(slot))
        number = found[0].number + 1 if isinstance(found[0], UnreadableExport) else 0
        first = ExportState(number, ExportStatus.QUEUED, job, now)
        if await log.append(first):
            await self._begin(log, job.id(slot), first)
        return await self._present(log)

    async def find(self, tenant: str, export_id: str) -> ExportSnapshot | UnreadableExport | None:
        """An export of the tenant's; None when there is none of that id.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        if not _ID.fullmatch(export_id):
            return None
        return await ExportLog(self._store, tenant, export_id).look()

    async def attended(self, seen: ExportSnapshot) -> ExportSnapshot:
        """The export, started again if nobody seems to be at work on it."""
        # What was written is told by S3's clock, the present by ours: they differ by less than it takes to matter.
        if seen.state.status.final or not stands_still(seen, datetime.now(UTC), self._patience):
            return seen
        log = ExportLog(self._store, seen.state.job.tenant, seen.id)
        if not await log.wake(seen):
            return seen
        await self._begin(log, seen.id, seen.state)
        return await self._present(log)

    async def link(self, seen: ExportSnapshot) -> Link | None:
        """A link to the file, for a quarter of an hour; None until there is one."""
        if seen.state.status is not ExportStatus.DONE:
            return None
        job = seen.state.job
        key = ExportLog(self._store, job.tenant, seen.id).key(job.file_name)
        expires_at = self._clock() + timedelta(seconds=LINK_SECONDS)
        return Link(await self._store.link(key, LINK_SECONDS), expires_at.replace(microsecond=0))

    async def _again(self, seen: ExportSnapshot) -> ExportSnapshot:
        """The same export for an equal request; one that failed is begun anew."""
        if seen.state.status is not ExportStatus.FAILED:
            return await self.attended(seen)
        log = ExportLog(self._store, seen.state.job.tenant, seen.id)
        fresh = ExportState(seen.state.number + 1, ExportStatus.QUEUED, seen.state.job, seen.state.asked)
        if await log.append(fresh):
            await self._begin(log, seen.id, fresh)
        return await self._present(log)

    async def _begin(self, log: ExportLog, export_id: str, state: ExportState) -> None:
        try:
            await self._start(state.job.tenant, export_id)
        except ExporterUnavailable:
            await log.append(state.next(status=ExportStatus.FAILED, error=NOT_STARTED))

    async def _present(self, log: ExportLog) -> ExportSnapshot:
        seen = await log.look()
        if not isinstance(seen, ExportSnapshot):
            raise LedgerUnavailable("an export that was written a moment ago cannot be read")
        return seen


def stands_still(seen: ExportSnapshot, now: datetime, patience: timedelta = PATIENCE) -> bool:
    """Whether nobody has a lease any more, and the last step or start is so long ago that another start is due."""
    started = max(seen.last_written(prefix) for prefix in (STATE, WOKEN) if seen.count(prefix))
    return now - seen.last_written() >= min(QUIET, patience) and now - started >= patience
