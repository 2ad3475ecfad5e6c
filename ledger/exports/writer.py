"""Writing an export: days in order, a part at a time, one file in the end; what is written is never written again.

Runs of days are as long as their rows are few, so memory stays flat whatever a period holds. Only whoever has the
lease works, and each step is created, so that a second exporter, or the ghost of a first one, changes nothing.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import batched
from typing import Any

from ledger.answers.freshness import Freshness, Source
from ledger.credits.credit_log import CreditLog, PeriodSnapshot
from ledger.credits.day_ranges import LONGEST_RANGE
from ledger.credits.days import DayVersion
from ledger.credits.masking import masked
from ledger.credits.rows import MSISDN, TIME, CorruptRows
from ledger.exports.files import Row, Segment, gzip_file, held_rows, opening, segment, stored_rows
from ledger.exports.jobs import ExportJob, ExportLog, ExportPart, ExportSnapshot, ExportState, ExportStatus
from ledger.storage.leases import LEASE, Leases
from ledger.storage.store import LedgerUnavailable, Store
from runtime import telemetry
from runtime.clock import DAY, Period, day_end, midnight
from runtime.deadline import Deadline
from upstreams.errors import UpstreamError, UpstreamTimeout, UpstreamUnavailable

LOG = logging.getLogger("tally.exporter")

FIRST_RUN = 2
"""Days asked for at first, while nobody knows how many rows a day has."""
ROWS_AT_ONCE = 60_000
"""About so many rows are in memory when days come from the upstream; it asks for no more than it takes."""
BODIES_AT_ONCE = 4
PART_BYTES = 4 * 1024 * 1024
PART_SECONDS = 20.0
"""A part is written after so many bytes, or so long: that much work is lost to a crash."""
SPARE_SECONDS = 60.0
"""What is left of an invocation when the next one has to go on."""
PAUSES = (1.0, 3.0)
"""Before the upstream is asked again; it has been asked three times already when it fails."""
WITHOUT_REASON = "INTERNAL_SERVER_ERROR: the export failed; the exporter's log says why"


class SupersededError(Exception):
    """Another exporter has written the next step."""


class LostPartError(Exception):
    """A part that a step names is gone."""


class Exporter:
    """Works on exports; one object for the life of a process."""

    def __init__(
        self,
        store: Store,
        leases: Leases,
        credit_log: CreditLog,
        *,
        part_bytes: int = PART_BYTES,
        rows_at_once: int = ROWS_AT_ONCE,
    ) -> None:
        self._store = store
        self._leases = leases
        self._credit_log = credit_log
        self._part_bytes = part_bytes
        self._rows_at_once = rows_at_once

    async def run(self, tenant: str, export_id: str, deadline: Deadline) -> bool:
        """Work on an export until it is over or the time is up; true when somebody has to go on.

        Raises:
            LedgerUnavailable: S3 could not serve; what was written stays.
        """
        log = ExportLog(self._store, tenant, export_id)
        async with self._leases.hold(log.key(LEASE)) as mine:
            seen = await log.look() if mine else None
            if not isinstance(seen, ExportSnapshot) or seen.state.status.final:
                return False
            work = ExportWork(self._store, log, seen.state, deadline, self._part_bytes)
            try:
                return await self._work(work)
            except SupersededError:
                LOG.info("another exporter is writing export %s", export_id)
            except UpstreamError as error:
                telemetry.hidden(error.code)
                LOG.warning("export %s of %s failed: %s", export_id, tenant, error)
                await work.fail(f"{error.code}: {error.reason}")
            except LedgerUnavailable:
                raise
            except Exception:
                telemetry.hidden("INTERNAL_SERVER_ERROR")
                await work.fail(WITHOUT_REASON)
                raise
        return False

    async def _work(self, work: "ExportWork") -> bool:
        days, size = await work.begin(), FIRST_RUN
        only_the_file = not days
        while days:
            run, days = days[:size], days[size:]
            rows = await self._run(work, run)
            size = max(1, min(LONGEST_RANGE, self._rows_at_once * len(run) // max(rows, 1)))
            if work.late():
                break
        await work.write_part()
        if days or (work.late() and not only_the_file):
            return True
        await work.put_together()
        return False

    async def _run(self, work: "ExportWork", days: Sequence[date]) -> int:
        """Write some days; how many rows they had."""
        held, rows = await self._held(work, days), 0
        for versions in batched(held.versions, BODIES_AT_ONCE, strict=False):
            bodies = await asyncio.gather(*(_body(held, version) for version in versions))
            for version, body in zip(versions, bodies, strict=True):
                written = await self._segment(work, held, version, body)
                work.add(version.day, written, held.freshness)
                rows += version.count or written.rows
                if work.part_is_due():
                    await work.write_part()
        return rows

    async def _held(self, work: "ExportWork", days: Sequence[date]) -> PeriodSnapshot:
        job = work.state.job
        period = Period(max(job.period.start, midnight(days[0])), min(job.period.end, day_end(days[-1])))
        pauses = iter(PAUSES)
        while True:
            try:
                return await self._credit_log.snapshot(job.tenant, job.brand, period, work.deadline)
            except (UpstreamUnavailable, UpstreamTimeout):
                pause = next(pauses, None)
                if pause is None or pause > work.deadline.remaining():
                    raise
                await asyncio.sleep(pause)

    async def _segment(
        self, work: "ExportWork", held: PeriodSnapshot, version: DayVersion, body: bytes | None
    ) -> Segment:
        """A day's rows compressed; what S3 has lost or cannot read is asked for again."""
        job, crc, length = work.state.job, work.crc, work.length
        try:
            # A body that is gone is read as an empty one, which is corrupt.
            rows = stored_rows(body or b"") if version.rows is None else held_rows(version.rows)
            return await segment(_shown(rows, job, version.day), job.format, crc, length)
        except CorruptRows as error:
            LOG.warning("asking for %s again: %s", version.day, error)
        again = held_rows(await held.rows(version))
        return await segment(_shown(again, job, version.day), job.format, crc, length)


@dataclass(slots=True)
class ExportWork:
    """One exporter's work on one export: its newest step, and the days that are in no part yet."""

    store: Store
    log: ExportLog
    state: ExportState
    deadline: Deadline
    part_bytes: int
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    crc: int = 0
    length: int = 0
    _waiting: list[Segment] = field(default_factory=list)
    _upto: date | None = None
    _freshness: Freshness | None = None
    _since: float = field(default_factory=time.monotonic)

    async def begin(self) -> list[date]:
        """Take the export over; the days that no part holds yet, without those to come when it was asked for."""
        await self.step(status=ExportStatus.RUNNING, error=None)
        self.crc, self.length = self.state.crc, self.state.length
        if not self.state.parts:
            first = await opening(self.state.job.format)
            self.crc, self.length, self._waiting = first.crc, first.length, [first]
        days = self.state.job.period.until(self.state.asked).days()
        return [day for day in days if self.state.upto is None or day >= self.state.upto]

    def late(self) -> bool:
        """Whether somebody else has to go on."""
        return self.deadline.remaining() < SPARE_SECONDS

    def add(self, day: date, written: Segment, freshness: Freshness) -> None:
        """Have a day ready for the next part."""
        self._waiting.append(written)
        self.crc, self.length, self._upto = written.crc, written.length, day + DAY
        self._freshness = joined(self._freshness or self.state.freshness, freshness)

    def part_is_due(self) -> bool:
        """Whether enough would be lost to a crash."""
        size = sum(len(segment.body) for segment in self._waiting)
        return size >= self.part_bytes or time.monotonic() - self._since >= PART_SECONDS

    async def write_part(self) -> None:
        """Write the waiting days, then the step that says so."""
        self._since = time.monotonic()
        if not self._waiting:
            return
        body = b"".join(segment.body for segment in self._waiting)
        part = ExportPart(
            f"part-{self.state.number + 1:06}-{self.name}.deflate", sum(s.rows for s in self._waiting), len(body)
        )
        await self.store.put(self.log.key(part.name), body)
        self._waiting.clear()
        await self.step(
            parts=(*self.state.parts, part),
            upto=self._upto,
            crc=self.crc,
            length=self.length,
            freshness=self._freshness,
        )

    async def put_together(self) -> None:
        """Write the file, then the step that says so; then the parts may go."""
        job = self.state.job
        size = 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in gzip_file(self._bodies(), self.crc, self.length):
                size += len(chunk)
                yield chunk

        named = {"Content-Type": "application/gzip", "Content-Disposition": f'attachment; filename="{job.file_name}"'}
        await self.store.upload(self.log.key(job.file_name), counted(), named)
        await self.step(status=ExportStatus.DONE, size=size)
        try:
            found = await self.store.listing(self.log.folder)
            await self.store.delete([item.key for item in found if item.key.startswith(self.log.key("part-"))])
        except LedgerUnavailable as error:
            LOG.warning("an export's parts are left to the bucket's lifecycle: %s", error)

    async def _bodies(self) -> AsyncIterator[bytes]:
        for part in self.state.parts:
            stored = await self.store.get(self.log.key(part.name))
            if stored is None:
                raise LostPartError(part.name)
            yield stored.body

    async def fail(self, reason: str) -> None:
        """Write that the export has failed, unless somebody else has it by now."""
        try:
            await self.step(status=ExportStatus.FAILED, error=reason)
        except SupersededError:
            LOG.info("another exporter goes on with what failed here: %s", reason)

    async def step(self, **changes: Any) -> None:  # noqa: ANN401 - `ExportState`'s own fields
        """Write the next step.

        Raises:
            SupersededError: somebody else has written one.
        """
        following = self.state.next(**changes)
        if not await self.log.append(following):
            raise SupersededError
        self.state = following


def joined(one: Freshness | None, other: Freshness) -> Freshness:
    """How fresh two answers are together."""
    if one is None:
        return other
    source = Source.UPSTREAM if Source.UPSTREAM in {one.source, other.source} else Source.CACHE
    good_until = min(one.good_until, other.good_until)
    return Freshness(source, min(one.as_of, other.as_of), good_until, one.stale or other.stale)


async def _body(held: PeriodSnapshot, version: DayVersion) -> bytes | None:
    return None if version.rows is not None else await held.query.days.stored_rows(version)


def _shown(rows: Iterator[Row], job: ExportJob, day: date) -> Iterator[Row]:
    """The rows that lie in the period, as their reader may see them."""
    if not job.period.covers(day):
        rows = (row for row in rows if job.period.start <= datetime.fromisoformat(row[TIME]) < job.period.end)
    if not job.unmasked:
        rows = ((*row[:MSISDN], masked(row[MSISDN]), *row[MSISDN + 1 :]) for row in rows)
    return rows
