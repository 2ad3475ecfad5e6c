"""Copies one report file into the archive through constant memory.

The file goes first and its record last, and only then does it count as archived. Both keys follow from the report: a
copy that was cut short is replaced by the next one, and two copies at once end in one file and one record.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from ledger.reports.archive import file_key, record_key
from ledger.reports.file_names import attributes
from ledger.reports.identity import ReportKey
from ledger.reports.stored import report_to_json
from ledger.storage.store import Store
from runtime import telemetry
from runtime.clock import Clock
from runtime.deadline import Deadline
from upstreams.errors import RDE, UpstreamBadResponse, UpstreamTimeout
from upstreams.rde.client import Report
from upstreams.rde.file_checks import GZIP
from upstreams.rde.files import ReportFile, ReportFiles

if TYPE_CHECKING:
    from hashlib import _Hash

GRACE_SECONDS = 30.0
"""A silent vendor ends a read within this; cancelling it from outside would leave parts of an upload behind."""
EMPTY_SETTLES = timedelta(hours=1)
"""An empty file is refused while its report is younger than this: it may be one that is still being written."""


@dataclass(slots=True)
class _MeasuredChunks:
    """The bytes of a file on their way: counted, hashed, and ended at the deadline."""

    chunks: AsyncIterator[bytes]
    deadline: Deadline
    size: int = 0
    digest: "_Hash" = field(default_factory=sha256)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self.chunks:
            if not self.deadline.remaining():
                raise UpstreamTimeout(RDE, "the deadline passed before the report file was complete")
            self.size += len(chunk)
            self.digest.update(chunk)
            yield chunk


class Archiver:
    """Puts files into every tenant's archive."""

    def __init__(self, store: Store, files: ReportFiles, clock: Clock) -> None:
        self._store = store
        self._files = files
        self._clock = clock

    async def copy(self, tenant: str, report: Report, link: str, deadline: Deadline) -> None:
        """Archive the file behind one of a report's links; `deadline` may be exceeded by `GRACE_SECONDS`.

        Raises:
            UpstreamError: the link is not allowed or refused, or what came is not the whole file.
            LedgerUnavailable: S3 could not store it.
        """
        key = file_key(tenant, ReportKey.of(report))
        async with self._files.open(link, Deadline(deadline.at + GRACE_SECONDS)) as file:
            self._refuse_empty(report, file)
            measured = _MeasuredChunks(file.chunks, deadline)
            compressed = file.head.startswith(GZIP)
            headers = attributes(ReportKey.of(report), compressed=compressed, coding=file.coding)
            await self._store.upload(key, aiter(measured), headers)
        record = {
            **{name: value for name, value in report_to_json(report).items() if not name.startswith("download")},
            "bytes": measured.size,
            "sha256": measured.digest.hexdigest(),
            "file": key,
            "archived": self._clock().isoformat(),
        }
        body = json.dumps(record).encode()
        # The bucket's policy refuses to overwrite a record. If another copy wrote it first, that is the record.
        await self._store.create(record_key(tenant, report), body, {"Content-Type": "application/json"})
        telemetry.count("archive.files")
        telemetry.count("archive.bytes", measured.size)

    def _refuse_empty(self, report: Report, file: ReportFile) -> None:
        if not file.head and self._clock() - report.date < EMPTY_SETTLES:
            raise UpstreamBadResponse(RDE, "the report file is empty, and young enough to be written still")
