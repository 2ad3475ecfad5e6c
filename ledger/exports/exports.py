"""Exports as the API starts and shows them; `ledger.exports.writer` does the work.

Equal requests within an hour are one export: its id is a digest of the request and the hour, and one from the hour
before still counts until it is an hour old. An export that has stalled, because its exporter died, is started again
when it is next looked at, at most once a minute.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ledger.exports.export_log import RESTART, STATE, ExportLog, ExportSnapshot, UnreadableExport
from ledger.exports.jobs import ExportJob, ExportState, ExportStatus
from ledger.storage.store import LedgerUnavailable, Store
from runtime.clock import Clock

SAME_FOR = timedelta(hours=1)
QUIET = timedelta(seconds=20)
"""A working exporter renews its lease every few seconds, so after this long without a write it has stopped."""
PATIENCE = timedelta(minutes=1)
LINK_SECONDS = 900
NOT_STARTED = "INTERNAL_SERVER_ERROR: the exporter could not be started; request the export again"
NOT_READABLE = "INTERNAL_SERVER_ERROR: the stored state of the export cannot be read; request the export again"

EXPORT_ID = re.compile(r"[0-9a-f]{32}")

type Start = Callable[[str, str], Awaitable[None]]
"""Starts an exporter for a tenant's export and returns at once."""


class ExporterUnavailable(Exception):
    """No exporter could be started."""


@dataclass(frozen=True, slots=True)
class Link:
    """A read-only link to the file."""

    url: str = field(repr=False)
    expires_at: datetime


class Exports:
    """Every tenant's exports; one that has made no progress for `patience` is started again."""

    def __init__(self, store: Store, start: Start, clock: Clock, patience: timedelta = PATIENCE) -> None:
        self._store = store
        self._start = start
        self._clock = clock
        self._patience = patience

    async def request(self, job: ExportJob) -> ExportSnapshot:
        """Start an export, or find the one that an equal request within the hour has started.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        now = self._clock()
        hour = int(now.timestamp() // SAME_FOR.total_seconds())
        found = await asyncio.gather(*(self.find(job.tenant, job.id(known)) for known in (hour, hour - 1)))
        for export in found:
            if isinstance(export, ExportSnapshot) and now - export.state.asked < SAME_FOR:
                return await self._reuse(export)
        log = ExportLog(self._store, job.tenant, job.id(hour))
        number = found[0].number + 1 if isinstance(found[0], UnreadableExport) else 0
        return await self._begin(log, job.id(hour), ExportState(number, ExportStatus.QUEUED, job, now))

    async def find(self, tenant: str, export_id: str) -> ExportSnapshot | UnreadableExport | None:
        """The tenant's export with that id; None when there is none.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        if not EXPORT_ID.fullmatch(export_id):
            return None
        return await ExportLog(self._store, tenant, export_id).newest()

    async def restart_if_stalled(self, export: ExportSnapshot) -> ExportSnapshot:
        """The export, started again if no exporter seems to work on it."""
        # Write times come from S3's clock, "now" from ours; the skew is far below the twenty seconds of QUIET.
        if export.state.status.final or not is_stalled(export, datetime.now(UTC), self._patience):
            return export
        log = ExportLog(self._store, export.state.job.tenant, export.id)
        if not await log.claim_restart(export):
            return export
        await self._start_exporter(log, export.id, export.state)
        return await _present(log)

    async def link(self, export: ExportSnapshot) -> Link | None:
        """A link to the file for a quarter of an hour, or as long as its keys work; None until the export is done."""
        if export.state.status is not ExportStatus.DONE:
            return None
        job = export.state.job
        key = ExportLog(self._store, job.tenant, export.id).key(job.file_name)
        expires_at = self._clock() + timedelta(seconds=LINK_SECONDS)
        signed = await self._store.link(key, LINK_SECONDS)
        return Link(signed.url, min(expires_at, signed.keys_expire_at or expires_at).replace(microsecond=0))

    async def _reuse(self, export: ExportSnapshot) -> ExportSnapshot:
        """The same export for an equal request; one that failed starts from the beginning."""
        if export.state.status is not ExportStatus.FAILED:
            return await self.restart_if_stalled(export)
        log = ExportLog(self._store, export.state.job.tenant, export.id)
        first = ExportState(export.state.number + 1, ExportStatus.QUEUED, export.state.job, export.state.asked)
        return await self._begin(log, export.id, first)

    async def _begin(self, log: ExportLog, export_id: str, first: ExportState) -> ExportSnapshot:
        """Write an export's first step and start an exporter, unless another process has just done both."""
        if not await log.append(first):
            return await _present(log)
        return ExportSnapshot(export_id, await self._start_exporter(log, export_id, first), ())

    async def _start_exporter(self, log: ExportLog, export_id: str, state: ExportState) -> ExportState:
        """Start an exporter; the export's state after that."""
        try:
            await self._start(state.job.tenant, export_id)
        except ExporterUnavailable:
            failed = state.next(status=ExportStatus.FAILED, error=NOT_STARTED)
            await log.append(failed)
            return failed
        return state


async def _present(log: ExportLog) -> ExportSnapshot:
    export = await log.newest()
    if not isinstance(export, ExportSnapshot):
        raise LedgerUnavailable("an export that was written a moment ago cannot be read")
    return export


def is_stalled(export: ExportSnapshot, now: datetime, patience: timedelta = PATIENCE) -> bool:
    """Whether the export's lease has expired, and its last step or start is so long ago that another start is due."""
    if not export.objects:  # started just now
        return False
    started = max(export.last_written(prefix) for prefix in (STATE, RESTART) if export.count(prefix))
    return now - export.last_written() >= min(QUIET, patience) and now - started >= patience
