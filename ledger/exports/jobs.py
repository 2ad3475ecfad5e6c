"""An export's story in S3: an object per step, each created by a conditional PUT, and the newest one is the truth.

    exports/tenant=acme/3f0c…/state-000000.json              asked for
    exports/tenant=acme/3f0c…/state-000004.json              … and four steps later
    exports/tenant=acme/3f0c…/part-000004-9a….deflate        the rows of some days, until the file is put together
    exports/tenant=acme/3f0c…/woken-000001                   somebody found it at a standstill and started it again
    exports/tenant=acme/3f0c…/_lease                         an exporter is at work
    exports/tenant=acme/3f0c…/credits-20191101….csv.gz       the file

Of two exporters that both believe they are the one, only one can create the next step; the other notices and stops.
When the newest step cannot be read nobody knows what was to be exported: such an export has failed.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum
from typing import Any, Self

import orjson

from ledger.answers.freshness import Freshness, Source
from ledger.storage.store import ListedObject, Store
from runtime.clock import Period, rfc3339

LOG = logging.getLogger("tally.exporter")

ROOT = "exports"
STATE = "state-"
WOKEN = "woken-"


class ExportFormat(Enum):
    """How rows are written; the value is the file's extension."""

    CSV = "csv"
    JSONL = "jsonl"


class ExportStatus(Enum):
    """How far an export has come."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"

    @property
    def final(self) -> bool:
        """Whether nobody works on it any more."""
        return self in {ExportStatus.DONE, ExportStatus.FAILED}


@dataclass(frozen=True, slots=True)
class ExportJob:
    """What is to be exported; `unmasked`: with whole phone numbers."""

    tenant: str
    period: Period
    brand: str | None
    format: ExportFormat
    unmasked: bool

    def id(self, slot: int) -> str:
        """The name of this job in a slot of time: the same for equal jobs, in every process."""
        asked = (*self.period_as_text(), self.brand, self.format.value, self.unmasked, slot)
        return hashlib.sha256(orjson.dumps((self.tenant, *asked))).hexdigest()[:32]

    def period_as_text(self) -> tuple[str, str]:
        """Both ends in RFC 3339."""
        return rfc3339(self.period.start), rfc3339(self.period.end)

    @property
    def file_name(self) -> str:
        """The name under which the file is downloaded."""
        ends = "-".join(end.replace("-", "").replace(":", "") for end in self.period_as_text())
        return f"credits-{ends}.{self.format.value}.gz"


@dataclass(frozen=True, slots=True)
class ExportPart:
    """Some days' rows, compressed: their object's name, how many rows, and their bytes as stored."""

    name: str
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class ExportState:
    """One step of an export.

    `asked` is when it was asked for, `upto` the first day that no part holds yet; `crc` and `length` are the
    uncompressed text's so far, as gzip's trailer wants them in the end.
    """

    number: int
    status: ExportStatus
    job: ExportJob
    asked: datetime
    parts: tuple[ExportPart, ...] = ()
    upto: date | None = None
    crc: int = 0
    length: int = 0
    freshness: Freshness | None = None
    size: int | None = None
    error: str | None = None

    @property
    def rows(self) -> int:
        """How many rows the parts have."""
        return sum(part.rows for part in self.parts)

    def next(self, **changes: Any) -> Self:  # noqa: ANN401 - this class's own fields
        """The step after this one."""
        return replace(self, number=self.number + 1, **changes)

    def to_bytes(self) -> bytes:
        """The object's body."""
        job, known = self.job, self.freshness
        start, end = job.period_as_text()
        return orjson.dumps(
            {
                "status": self.status.value,
                "job": [job.tenant, start, end, job.brand, job.format.value, job.unmasked],
                "asked": self.asked,
                "parts": [[part.name, part.rows, part.size] for part in self.parts],
                "upto": self.upto,
                "crc": self.crc,
                "length": self.length,
                "freshness": known and [known.source.value, known.as_of, known.good_until, known.stale],
                "size": self.size,
                "error": self.error,
            }
        )

    @classmethod
    def from_bytes(cls, number: int, body: bytes) -> Self:
        """Read the object's body.

        Raises:
            ValueError, LookupError, TypeError: it is none.
        """
        said = orjson.loads(body)
        tenant, start, end, brand, format_, unmasked = said["job"]
        period = Period(_moment(start), _moment(end))
        known = said["freshness"]
        return cls(
            number,
            ExportStatus(said["status"]),
            ExportJob(tenant, period, brand, ExportFormat(format_), unmasked),
            _moment(said["asked"]),
            tuple(ExportPart(*part) for part in said["parts"]),
            said["upto"] and date.fromisoformat(said["upto"]),
            said["crc"],
            said["length"],
            known and Freshness(Source(known[0]), _moment(known[1]), _moment(known[2]), known[3]),
            said["size"],
            said["error"],
        )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@dataclass(frozen=True, slots=True)
class ExportSnapshot:
    """An export as one LIST and one GET show it."""

    id: str
    state: ExportState
    objects: Sequence[ListedObject]

    def last_written(self, prefix: str = "") -> datetime:
        """When S3 last took in an object whose name begins so."""
        return max(found.modified for found in self.objects if found.key.rpartition("/")[2].startswith(prefix))

    def count(self, prefix: str) -> int:
        """How many objects have a name that begins so."""
        return sum(found.key.rpartition("/")[2].startswith(prefix) for found in self.objects)


@dataclass(frozen=True, slots=True)
class UnreadableExport:
    """An export whose newest step says nothing; the next one may be written all the same."""

    id: str
    number: int


class ExportLog:
    """The story of one export."""

    def __init__(self, store: Store, tenant: str, export_id: str) -> None:
        self._store = store
        self._id = export_id
        self.folder = f"{ROOT}/tenant={tenant}/{export_id}"

    def key(self, name: str) -> str:
        """The key of one of the export's objects."""
        return f"{self.folder}/{name}"

    async def look(self) -> ExportSnapshot | UnreadableExport | None:
        """The newest step; None when there is no such export.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        objects = await self._store.listing(self.folder)
        states = [found.key for found in objects if found.key.startswith(self.key(STATE))]
        stored = await self._store.get(states[-1]) if states else None
        if stored is None:
            return None
        number = int(states[-1].removeprefix(self.key(STATE)).removesuffix(".json"))
        try:
            return ExportSnapshot(self._id, ExportState.from_bytes(number, stored.body), objects)
        except (ValueError, LookupError, TypeError) as error:
            LOG.warning("%s cannot be read, the export counts as failed: %s", states[-1], type(error).__name__)
            return UnreadableExport(self._id, number)

    async def append(self, state: ExportState) -> bool:
        """Write a step; False when somebody else has written one of its number."""
        return await self._store.create(self.key(f"{STATE}{state.number:06}.json"), state.to_bytes()) is not None

    async def wake(self, seen: ExportSnapshot) -> bool:
        """Leave word that the export is being started again; False when somebody else has just done so."""
        return await self._store.create(self.key(f"{WOKEN}{seen.count(WOKEN):06}"), b"") is not None
