"""Writes exports: day after day into parts, and the parts into one file; a part is never written twice.

The vendor is asked for fewer days at a time the more rows they have, so memory does not grow with the period. Only the
exporter that holds the lease works.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import batched

from ledger.credits.credit_log import CreditLog
from ledger.credits.day_ranges import LONGEST_RANGE
from ledger.credits.period_snapshot import PeriodSnapshot
from ledger.days.rows import MSISDN, TIME, CorruptRows
from ledger.days.versions import DayVersion
from ledger.exports.export_log import ExportLog, ExportSnapshot
from ledger.exports.files import (
    CorruptSegments,
    Segment,
    SegmentWriter,
    StoredRow,
    matching_rows,
    newest_first,
    rows_in_memory,
    segment,
    stored_rows,
)
from ledger.exports.jobs import ExportJob
from ledger.exports.progress import PART_BYTES, ExportProgress, SupersededError, TooManyRows
from ledger.exports.workbook import MOST_ROWS, UnwritableCell
from ledger.figures.masking import masked
from ledger.figures.selection import Selection
from ledger.storage.leases import LEASE, Leases
from ledger.storage.store import LedgerUnavailable, Store
from runtime import telemetry
from runtime.clock import Period, day_end, midnight
from runtime.deadline import Deadline
from upstreams.errors import UpstreamError, UpstreamTimeout, UpstreamUnavailable

LOG = logging.getLogger("tally.exporter")

FIRST_RANGE = 2
"""Days to begin with, while the number of rows in a day is unknown."""
ROWS_AT_ONCE = 60_000
"""The rows to have in memory at a time, roughly, when days come from the vendor."""
BODIES_AT_ONCE = 4
HANDOVER_SECONDS = 10.0
"""What is left of an invocation when its days have to be there, to write the part that waits."""
PAUSES = (1.0, 3.0)
"""Seconds before the vendor is asked again. Each time, its client has tried three times."""
FAILED = "INTERNAL_SERVER_ERROR: the export failed; the exporter's log has the reason"
PART_LOST = "INTERNAL_SERVER_ERROR: a part of the export was lost; request the export again"


class Exporter:
    """Writes every tenant's exports; one object for the life of a process."""

    def __init__(
        self,
        store: Store,
        leases: Leases,
        credit_log: CreditLog,
        *,
        part_bytes: int = PART_BYTES,
        rows_at_once: int = ROWS_AT_ONCE,
        most_sheet_rows: int = MOST_ROWS,
    ) -> None:
        self._store = store
        self._leases = leases
        self._credit_log = credit_log
        self._part_bytes = part_bytes
        self._rows_at_once = rows_at_once
        self._most_sheet_rows = most_sheet_rows

    async def write(self, tenant: str, export_id: str, deadline: Deadline) -> bool:
        """Work on an export until it ends or the time is up; true when another invocation has to continue.

        Raises:
            LedgerUnavailable: S3 could not serve; the parts and steps so far remain.
        """
        log = ExportLog(self._store, tenant, export_id)
        async with self._leases.hold(log.key(LEASE)) as leased:
            export = await log.newest() if leased else None
            if not isinstance(export, ExportSnapshot) or export.state.status.final:
                return False
            progress = ExportProgress(self._store, log, export.state, deadline, self._part_bytes, self._most_sheet_rows)
            try:
                return await self._write(progress)
            except SupersededError:
                LOG.info("another exporter is writing export %s", export_id)
            except UpstreamError as error:
                telemetry.hidden(error.code)
                LOG.warning("export %s of %s failed: %s", export_id, tenant, error)
                await progress.fail(f"{error.code}: {error.reason}")
            except (TooManyRows, UnwritableCell) as error:
                LOG.info("export %s of %s is refused: %s", export_id, tenant, error)
                await progress.fail(f"RESULT_TOO_LARGE: {error}")
            except CorruptSegments as error:
                telemetry.hidden("INTERNAL_SERVER_ERROR")
                LOG.error("export %s of %s failed: %s", export_id, tenant, error)  # noqa: TRY400 - the text says it all
                await progress.fail(PART_LOST)
            except LedgerUnavailable:
                raise
            except Exception:
                telemetry.hidden("INTERNAL_SERVER_ERROR")
                await progress.fail(FAILED)
                raise
        return False

    async def _write(self, progress: ExportProgress) -> bool:
        days, size = await progress.begin(), FIRST_RANGE
        only_the_file, waiting = not days, len(days)
        while days:
            try:
                written, rows = await self._write_range(progress, days[:size])
            except UpstreamTimeout as error:
                # A large day takes a while to fill. One that takes a whole invocation would take every further one.
                if not error.hurried or len(days) == waiting:
                    raise
                LOG.info("the next invocation continues at %s: %s", days[0], error)
                break
            days = days[written:]
            size = max(1, min(LONGEST_RANGE, self._rows_at_once * written // max(rows, 1)))
            if progress.is_late():
                break
        await progress.write_part()
        if days or (progress.may_be_too_late_for_the_file() and not only_the_file):
            return True
        await progress.write_file()
        return False

    async def _write_range(self, progress: ExportProgress, days: Sequence[date]) -> tuple[int, int]:
        """Write contiguous days until the time is up: how many were written, and the number of rows that they had."""
        snapshot = await self._snapshot(progress, days)
        written, rows = 0, 0
        in_order = reversed(snapshot.versions) if progress.state.job.newest_first else snapshot.versions
        for versions in batched(in_order, BODIES_AT_ONCE, strict=False):
            bodies = await asyncio.gather(*(_body(snapshot, version) for version in versions))
            for version, body in zip(versions, bodies, strict=True):
                compressed = await _segment(progress, snapshot, version, body)
                await progress.add(version.day, compressed, snapshot.freshness)
                written, rows = written + 1, rows + (version.count or compressed.rows)
                if progress.is_late():
                    return written, rows
        return len(days), rows

    async def _snapshot(self, progress: ExportProgress, days: Sequence[date]) -> PeriodSnapshot:
        """The days to write. An outage of some seconds does not fail an export."""
        job, deadline = progress.state.job, progress.deadline.later(-HANDOVER_SECONDS)
        period = Period(max(job.period.start, midnight(min(days))), min(job.period.end, day_end(max(days))))
        for pause in PAUSES:
            try:
                return await self._credit_log.snapshot(job.tenant, job.brand, period, deadline)
            except (UpstreamUnavailable, UpstreamTimeout) as error:
                if error.hurried or pause > deadline.remaining():
                    raise
                LOG.info("asking the vendor again in %s seconds: %s", pause, error)
            await asyncio.sleep(pause)
        return await self._credit_log.snapshot(job.tenant, job.brand, period, deadline)


async def _body(snapshot: PeriodSnapshot, version: DayVersion) -> bytes | None:
    """A version's rows as they are stored, unless they are in memory already or will be read block by block."""
    if version.rows is not None or await snapshot.index(version) is not None:
        return None
    return await snapshot.query.store.stored_rows(version)


async def _segment(
    progress: ExportProgress, snapshot: PeriodSnapshot, version: DayVersion, body: bytes | None
) -> Segment:
    """A day's rows, compressed; rows that S3 has lost or cannot read are fetched again."""
    job, crc, length = progress.state.job, progress.crc, progress.length
    if await snapshot.index(version) is not None:
        return await _segment_of_blocks(progress, snapshot, version)
    if version.rows is None:
        try:
            # A body that is gone is read as an empty one, which is corrupt.
            rows = await _ordered(stored_rows(body or b"", version.day, version.count), job, version.day)
            return await segment(rows, job.format, crc, length)
        except CorruptRows as error:
            LOG.warning("fetching %s again: %s", version.day, error)
    rows = await _ordered(rows_in_memory(await snapshot.rows(version)), job, version.day)
    return await segment(rows, job.format, crc, length)


async def _segment_of_blocks(progress: ExportProgress, snapshot: PeriodSnapshot, version: DayVersion) -> Segment:
    """A large day's rows, compressed; its blocks are read one after the other, in either order."""
    job = progress.state.job
    writer = SegmentWriter(job.format, progress.crc, progress.length)
    days = Selection(snapshot, job.period, job.where)
    async for rows in days.rows_of(version, newest_first=job.newest_first):
        await writer.add(_masked(rows_in_memory(rows), job))
    return writer.finish()


async def _ordered(rows: Iterator[StoredRow], job: ExportJob, day: date) -> Iterator[StoredRow]:
    """A day's visible rows in the job's order."""
    visible = _visible(rows, job, day)
    return await newest_first(visible) if job.newest_first else visible


def _visible(rows: Iterator[StoredRow], job: ExportJob, day: date) -> Iterator[StoredRow]:
    """The wanted rows that lie in the period, as the job may show them."""
    if not job.period.covers(day):
        rows = (row for row in rows if job.period.start <= datetime.fromisoformat(row[TIME]) < job.period.end)
    if job.where is not None:
        rows = matching_rows(rows, job.where)
    return _masked(rows, job)


def _masked(rows: Iterator[StoredRow], job: ExportJob) -> Iterator[StoredRow]:
    """The rows with masked phone numbers, unless the job may show them."""
    if job.unmasked:
        return rows
    return ((*row[:MSISDN], masked(row[MSISDN]), *row[MSISDN + 1 :]) for row in rows)
