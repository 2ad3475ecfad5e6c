"""Copies one report file into the archive, byte for byte, through constant memory.

The file goes first and its record last, and only then is it archived. Both keys follow from the report's identity: a
copy that was cut short is written over by the next one, and two copies at once end in one file and one record.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from ledger.reports.archive import ReportKey, file_key, record_key
from ledger.reports.file_names import attributes
from ledger.storage.store import Store
from runtime import telemetry
from runtime.clock import Clock
from runtime.deadline import Deadline
from upstreams.errors import RDE, UpstreamBadResponse, UpstreamTimeout
from upstreams.rde.files import ReportFile, ReportFiles

if TYPE_CHECKING:
    from hashlib import _Hash

GRACE_SECONDS = 30.0
"""A silent vendor ends a read within this; cancelling it from outside would leave parts of an upload behind."""


@dataclass(slots=True)
class _Passing:
    """The bytes of a file on their way through: counted, hashed and out of time on time."""

    chunks: AsyncIterator[bytes]
    deadline: Deadline
    size: int = 0
    digest: "_Hash" = field(default_factory=sha256)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self.chunks:
            if not self.deadline.remaining():
                raise UpstreamTimeout(RDE, "the deadline passed before the report file was whole")
            self.size += len(chunk)
            self.digest.update(chunk)
            yield chunk


class Archiver:
    """Puts files into every tenant's archive."""

    def __init__(self, store: Store, files: ReportFiles, clock: Clock) -> None:
        self._store = store
        self._files = files
        self._clock = clock

    async def copy(self, tenant: str, identity: ReportKey, link: str, deadline: Deadline) -> None:
        """Archive the file behind a report's link; `deadline` may be overrun by `GRACE_SECONDS`.

        Raises:
            UpstreamError: the link is not allowed, or the file did not come whole.
            LedgerUnavailable: S3 could not take it.
        """
        async with self._files.open(link, Deadline(deadline.at + GRACE_SECONDS)) as file:
            _refuse_a_page(file)
            passing = _Passing(file.chunks, deadline)
            headers = attributes(identity, link)
            await self._store.upload(file_key(tenant, identity), aiter(passing), headers)
        record = {
            "name": identity.name,
            "rawFormat": identity.raw_format,
            "creationDate": identity.creation_date.isoformat(),
            "bytes": passing.size,
            "sha256": passing.digest.hexdigest(),
            "file": file_key(tenant, identity),
            "archived": self._clock().isoformat(),
        }
        body = json.dumps(record).encode()
        # The bucket's policy refuses to overwrite a record. If another copy wrote it first, that is the record.
        await self._store.create(record_key(tenant, identity), body, {"Content-Type": "application/json"})
        telemetry.count("archive.files")
        telemetry.count("archive.bytes", passing.size)


def _refuse_a_page(file: ReportFile) -> None:
    """A sign-in page in a file's place must not take the place for good."""
    if (file.content_type or "").lower().startswith("text/html"):
        raise UpstreamBadResponse(RDE, "a page came in the report file's place")
