"""One exporter's work on one export: the days that wait to be written, the parts in S3, and the finished file.

Each step is created under the next number, so a second exporter, or one whose lease has expired, changes nothing.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ledger.answers.freshness import Freshness, Source
from ledger.exports.export_log import ExportLog
from ledger.exports.facts import facts_of
from ledger.exports.files import CorruptSegments, Segment, SegmentCheck, chunks_of, gzip_file, opening
from ledger.exports.jobs import ExportFormat, ExportPart, ExportState, ExportStatus
from ledger.exports.workbook import MOST_ROWS, CreditWorkbook
from ledger.reports.file_names import GZIP, SPREADSHEET, disposition, safe
from ledger.storage.store import LedgerUnavailable, Store
from runtime.clock import DAY
from runtime.deadline import Deadline

LOG = logging.getLogger("tally.exporter")

PART_BYTES = 4 * 1024 * 1024
PART_SECONDS = 20.0
"""A part is written after so many bytes or seconds: this much work is lost when the exporter dies."""
SPARE_SECONDS = 60.0
"""With less time left than this, the next invocation continues."""
WORKBOOK_SECONDS_A_ROW = 0.0004
"""What a row of a workbook takes at most, several times what it takes on a whole processor."""


class SupersededError(Exception):
    """Another exporter has written the next step."""


class TooManyRows(Exception):
    """The export has more rows than its file can have; the message is for the caller."""


@dataclass(slots=True)
class ExportProgress:
    """The export's newest step, and the compressed days that are in no part yet."""

    store: Store
    log: ExportLog
    state: ExportState
    deadline: Deadline
    part_bytes: int
    most_sheet_rows: int = MOST_ROWS
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    crc: int = 0
    length: int = 0
    _waiting: list[Segment] = field(default_factory=list)
    _upto: date | None = None
    _freshness: Freshness | None = None
    _since: float = field(default_factory=time.monotonic)

    async def begin(self) -> list[date]:
        """Take the export over. The result is the days that are in no part yet, in the job's order.

        Days after the one of the request are left out.
        """
        await self._step(status=ExportStatus.RUNNING, error=None)
        self.crc, self.length = self.state.crc, self.state.length
        if not self.state.parts:
            first = await opening(self.state.job.format)
            self.crc, self.length, self._waiting = first.crc, first.length, [first]
        days, upto = [*self.state.job.period.until(self.state.asked).days()], self.state.upto
        if self.state.job.newest_first:
            return [day for day in reversed(days) if upto is None or day < upto]
        return [day for day in days if upto is None or day >= upto]

    def is_late(self) -> bool:
        """Whether the next invocation has to continue."""
        return self.deadline.remaining() < SPARE_SECONDS

    def may_be_too_late_for_the_file(self) -> bool:
        """Whether the file had better be written by an invocation that has all of its time left."""
        needed = self.state.rows * WORKBOOK_SECONDS_A_ROW if self.state.job.format is ExportFormat.XLSX else 0.0
        return self.deadline.remaining() < SPARE_SECONDS + needed

    async def add(self, day: date, segment: Segment, freshness: Freshness) -> None:
        """Add a day to the next part, and write the part when it is large or old enough.

        Raises:
            TooManyRows: the export has more rows than its file can have.
        """
        self._waiting.append(segment)
        self._refuse_too_many_rows()
        self.crc, self.length = segment.crc, segment.length
        self._upto = day if self.state.job.newest_first else day + DAY
        known = self._freshness or self.state.freshness or freshness
        newest_first = self.state.job.newest_first
        self._freshness = combined(freshness, known) if newest_first else combined(known, freshness)
        size = sum(len(waiting.body) for waiting in self._waiting)
        if size >= self.part_bytes or time.monotonic() - self._since >= PART_SECONDS:
            await self.write_part()

    def _refuse_too_many_rows(self) -> None:
        rows = self.state.rows + sum(segment.rows for segment in self._waiting)
        if self.state.job.format is ExportFormat.XLSX and rows > self.most_sheet_rows:
            raise TooManyRows(
                f"a sheet has at most {self.most_sheet_rows:,} rows, and the export has more:"
                " take another format, a shorter period or a filter"
            )

    async def write_part(self) -> None:
        """Write the waiting days, then the step that names the part."""
        self._since = time.monotonic()
        if not self._waiting:
            return
        body = b"".join(segment.body for segment in self._waiting)
        rows = sum(segment.rows for segment in self._waiting)
        part = ExportPart(f"part-{self.state.number + 1:06}-{self.name}.deflate", rows, len(body))
        await self.store.put(self.log.key(part.name), body)
        self._waiting.clear()
        await self._step(
            parts=(*self.state.parts, part),
            upto=self._upto,
            crc=self.crc,
            length=self.length,
            freshness=self._freshness,
        )

    async def write_file(self) -> None:
        """Write the file, then the step that says so, and delete the parts.

        Raises:
            CorruptSegments: a part is lost; no file has been written.
            UnwritableCell: a workbook cannot hold a cell.
        """
        job = self.state.job
        named = {"Content-Disposition": disposition(safe(job.download_name))}
        if job.format is ExportFormat.XLSX:
            with TemporaryDirectory(prefix="tally-export-") as folder:
                workbook = await self._workbook(Path(folder) / job.file_name)
                size = await self._upload(chunks_of(workbook), named | {"Content-Type": SPREADSHEET})
        else:
            gzip = gzip_file(self._part_bodies(), self.crc, self.length)
            size = await self._upload(gzip, named | {"Content-Type": GZIP})
        await self._step(status=ExportStatus.DONE, size=size)
        try:
            found = await self.store.listing(self.log.folder)
            await self.store.delete([item.key for item in found if item.key.startswith(self.log.key("part-"))])
        except LedgerUnavailable as error:
            LOG.warning("an export's parts are left to the bucket's lifecycle rule: %s", error)

    async def _upload(self, chunks: AsyncIterator[bytes], attributes: Mapping[str, str]) -> int:
        """Write the file; its size."""
        size = 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in chunks:
                size += len(chunk)
                yield chunk

        await self.store.upload(self.log.key(self.state.job.file_name), counted(), attributes)
        return size

    async def _workbook(self, path: Path) -> Path:
        """The workbook of all parts, in a file on this machine."""
        workbook = CreditWorkbook(path)
        try:
            await workbook.add(self._part_texts())
            await asyncio.to_thread(workbook.finish, facts_of(self.state))  # the lease is renewed meanwhile
        finally:
            workbook.discard()
        return path

    async def _part_bodies(self) -> AsyncIterator[bytes]:
        """The parts in order. Their text is checked by the time that the last one has been passed on."""
        check = SegmentCheck()
        for part in self.state.parts:
            body = await self._part(part)
            async for _ in check.texts(body):
                pass
            yield body
        check.finish(self.crc, self.length)

    async def _part_texts(self) -> AsyncIterator[bytes]:
        """The text of the parts in order, checked in the same way."""
        check = SegmentCheck()
        for part in self.state.parts:
            async for text in check.texts(await self._part(part)):
                yield text
        check.finish(self.crc, self.length)

    async def _part(self, part: ExportPart) -> bytes:
        stored = await self.store.get(self.log.key(part.name))
        if stored is None or len(stored.body) != part.size:
            raise CorruptSegments(f"{part.name} is gone or incomplete")
        return stored.body

    async def fail(self, reason: str) -> None:
        """Write that the export has failed, unless another exporter has taken over."""
        try:
            await self._step(status=ExportStatus.FAILED, error=reason)
        except SupersededError:
            LOG.info("another exporter continues what failed here: %s", reason)

    async def _step(self, **changes: Any) -> None:  # noqa: ANN401 - `ExportState`'s own fields
        """Write the next step.

        Raises:
            SupersededError: another exporter has written it.
        """
        following = self.state.next(**changes)
        if not await self.log.append(following):
            raise SupersededError
        self.state = following


def combined(earlier: Freshness, later: Freshness) -> Freshness:
    """The freshness of two stretches of one period together; the same one twice is itself."""
    open_sides = [side.as_of for side in (earlier, later) if not side.final]
    return Freshness(
        Source.UPSTREAM if Source.UPSTREAM in {earlier.source, later.source} else Source.CACHE,
        min(open_sides) if open_sides else max(earlier.as_of, later.as_of),
        min(earlier.good_until, later.good_until),
        earlier.stale or later.stale,
        (later.final_until or earlier.final_until) if earlier.final else earlier.final_until,
        earlier.final and later.final,
    )
