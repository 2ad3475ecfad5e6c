"""An export's steps in S3: each is an object of its own, created by a conditional PUT, and the newest one counts.

    exports/tenant=acme/3f0c…/state-000000.json              requested
    exports/tenant=acme/3f0c…/state-000004.json              … and four steps later
    exports/tenant=acme/3f0c…/part-000004-9a….deflate        the rows of some days, until the file is written
    exports/tenant=acme/3f0c…/woken-000001                   it had stalled and was started again
    exports/tenant=acme/3f0c…/_lease                         an exporter is working on it
    exports/tenant=acme/3f0c…/credits-20191101….csv.gz       the file

When two exporters work on one export, only one of them can create the next step; the other notices and stops. An
export whose newest step is unreadable has failed, because the step says what to export.
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
from ledger.credits.filters import CreditFilter
from ledger.exports.filter_records import filter_of, record_of
from ledger.storage.store import ListedObject, Store
from runtime.clock import Period, rfc3339

LOG = logging.getLogger("tally.exporter")

EXPORTS_PREFIX = "exports"
STATE = "state-"
RESTART = "woken-"


class ExportFormat(Enum):
    """How rows are written; the value is the file's extension."""

    CSV = "csv"
    JSONL = "jsonl"
    XLSX = "xlsx"

    @property
    def ending(self) -> str:
        """How a file's name ends: text is gzip, and a workbook is a zip already."""
        return self.value if self is ExportFormat.XLSX else f"{self.value}.gz"


class ExportStatus(Enum):
    """How far an export has come."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"

    @property
    def final(self) -> bool:
        """Whether the work on it has ended."""
        return self in {ExportStatus.DONE, ExportStatus.FAILED}


@dataclass(frozen=True, slots=True)
class ExportJob:
    """What to export; `unmasked` means with whole phone numbers, `where` is None for every credit."""

    tenant: str
    period: Period
    brand: str | None
    format: ExportFormat
    unmasked: bool
    where: CreditFilter | None = None
    newest_first: bool = False

    def id(self, slot: int) -> str:
        """The export's id for this job in an hour: equal jobs have equal ids, in every process."""
        return hashlib.sha256(orjson.dumps((*self.record(), slot))).hexdigest()[:32]

    def record(self) -> list[Any]:
        """The job as its step stores it. What an older version would overlook comes as a seventh part: it reads six."""
        parts = [self.tenant, *self.period_as_text(), self.brand, self.format.value, self.unmasked]
        more: dict[str, Any] = {} if self.where is None else {"where": record_of(self.where)}
        if self.newest_first:
            more["newestFirst"] = True
        return [*parts, more] if more else parts

    def period_as_text(self) -> tuple[str, str]:
        """Both ends in RFC 3339."""
        return rfc3339(self.period.start), rfc3339(self.period.end)

    @property
    def file_name(self) -> str:
        """The file's name in the export's folder."""
        return f"credits-{self._ends}.{self.format.ending}"

    @property
    def download_name(self) -> str:
        """The name under which the file is downloaded; file systems may not take it as it is."""
        return f"credits-{self._ends}-{self.brand or 'all-brands'}.{self.format.ending}"

    @property
    def _ends(self) -> str:
        return "-".join(end.replace("-", "").replace(":", "") for end in self.period_as_text())


@dataclass(frozen=True, slots=True)
class ExportPart:
    """The compressed rows of some days: the object's name, how many rows it has, and its size in bytes."""

    name: str
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class ExportState:
    """One step of an export.

    `asked` is when the export was requested. The days before `upto` are in the parts; with the newest first, those from
    `upto` on. `crc` and `length` are those of the uncompressed text so far; gzip's trailer needs them in the end.
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
        freshness = self.freshness
        return orjson.dumps(
            {
                "status": self.status.value,
                "job": self.job.record(),
                "asked": self.asked,
                "parts": [[part.name, part.rows, part.size] for part in self.parts],
                "upto": self.upto,
                "crc": self.crc,
                "length": self.length,
                "freshness": freshness
                and [freshness.source.value, freshness.as_of, freshness.good_until, freshness.stale],
                "final": freshness and [freshness.final, freshness.final_until],
                "size": self.size,
                "error": self.error,
            }
        )

    @classmethod
    def from_bytes(cls, number: int, body: bytes) -> Self:
        """Read the object's body.

        Raises:
            ValueError, LookupError, TypeError: it is not a step, or any of its values has another type.
        """
        record = orjson.loads(body)
        upto, size, error = record["upto"], record["size"], record["error"]
        return cls(
            number,
            ExportStatus(record["status"]),
            _job(record["job"]),
            _moment(record["asked"]),
            tuple(_part(part) for part in _typed(record["parts"], list)),
            None if upto is None else date.fromisoformat(upto),
            _typed(record["crc"], int),
            _typed(record["length"], int),
            None if record["freshness"] is None else _freshness(record["freshness"], record.get("final")),
            None if size is None else _typed(size, int),
            None if error is None else _typed(error, str),
        )


def _job(fields: list[Any]) -> ExportJob:
    tenant, start, end, brand, format_, unmasked, *more = fields
    brand = None if brand is None else _typed(brand, str)
    period = Period(_moment(start), _moment(end))
    job = ExportJob(_typed(tenant, str), period, brand, ExportFormat(format_), _typed(unmasked, bool))
    if not more:
        return job
    (selected,) = (_typed(part, dict) for part in more)
    where, newest_first = selected.get("where"), selected.get("newestFirst", False)
    return replace(job, where=None if where is None else filter_of(where), newest_first=_typed(newest_first, bool))


def _part(fields: list[Any]) -> ExportPart:
    name, rows, size = fields
    return ExportPart(_typed(name, str), _typed(rows, int), _typed(size, int))


def _freshness(fields: list[Any], ending: list[Any] | None) -> Freshness:
    """The freshness of the rows so far; versions before 0.2 did not store what of them is final."""
    source, as_of, good_until, stale = fields
    final, until = ending or (False, None)
    final_until = None if until is None else _moment(until)
    return Freshness(
        Source(source), _moment(as_of), _moment(good_until), _typed(stale, bool), final_until, _typed(final, bool)
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment has no time zone")
    return moment


def _typed[T](value: object, expected: type[T]) -> T:
    if type(value) is not expected:
        raise TypeError(f"a value is not {expected.__name__}")
    return value


@dataclass(frozen=True, slots=True)
class ExportSnapshot:
    """An export as one LIST and one GET show it; without objects, one that has been started just now."""

    id: str
    state: ExportState
    objects: Sequence[ListedObject]

    def last_written(self, prefix: str = "") -> datetime:
        """The latest time at which S3 stored an object whose name begins with `prefix`."""
        return max(found.modified for found in self.objects if _name(found).startswith(prefix))

    def count(self, prefix: str) -> int:
        """The number of objects whose name begins with `prefix`."""
        return sum(_name(found).startswith(prefix) for found in self.objects)

    def has_file(self) -> bool:
        """Whether the finished file is there, in its full size."""
        return any(_name(found) == self.state.job.file_name and found.size == self.state.size for found in self.objects)


@dataclass(frozen=True, slots=True)
class UnreadableExport:
    """An export whose newest step, or whose file, is lost; a step with a higher number can start it again."""

    id: str
    number: int


class ExportLog:
    """The steps of one export."""

    def __init__(self, store: Store, tenant: str, export_id: str) -> None:
        self._store = store
        self._tenant = tenant
        self._id = export_id
        self.folder = f"{EXPORTS_PREFIX}/tenant={tenant}/{export_id}"

    def key(self, name: str) -> str:
        """The key of one of the export's objects."""
        return f"{self.folder}/{name}"

    async def newest(self) -> ExportSnapshot | UnreadableExport | None:
        """The export as its newest step describes it; None when there is no such export.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        objects = await self._store.listing(self.folder)
        number = max((number for item in objects if (number := _step_number(_name(item))) is not None), default=None)
        stored = None if number is None else await self._store.get(self._step_key(number))
        if number is None or stored is None:
            return None
        try:
            snapshot = ExportSnapshot(self._id, ExportState.from_bytes(number, stored.body), objects)
        except (ValueError, LookupError, TypeError) as error:
            LOG.warning("%s is unreadable, the export counts as failed: %s", self._step_key(number), error)
            return UnreadableExport(self._id, number)
        return snapshot if self._is_whole(snapshot) else UnreadableExport(self._id, number)

    def _is_whole(self, export: ExportSnapshot) -> bool:
        """Whether the newest step belongs to this tenant, and the file that it promises is there."""
        if export.state.job.tenant != self._tenant:
            LOG.warning("the newest step in %s belongs to another tenant, the export counts as failed", self.folder)
            return False
        if export.state.status is ExportStatus.DONE and not export.has_file():
            LOG.warning("the file of %s is gone or incomplete, the export counts as failed", self.folder)
            return False
        return True

    async def append(self, state: ExportState) -> bool:
        """Write a step; False when another process has written the one with its number."""
        return await self._store.create(self._step_key(state.number), state.to_bytes()) is not None

    async def claim_restart(self, export: ExportSnapshot) -> bool:
        """Record that the export is being started again; False when another process has just recorded that."""
        return await self._store.create(self.key(f"{RESTART}{export.count(RESTART):06}"), b"") is not None

    def _step_key(self, number: int) -> str:
        return self.key(f"{STATE}{number:06}.json")


def _name(item: ListedObject) -> str:
    return item.key.rpartition("/")[2]


def _step_number(name: str) -> int | None:
    number = name.removeprefix(STATE).removesuffix(".json")
    return int(number) if name.startswith(STATE) and number.isascii() and number.isdecimal() else None
