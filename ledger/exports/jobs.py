"""What an export is to hold, and how far it has come: as values, and as the JSON of a step."""

import hashlib
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum
from typing import Any, Self

import orjson

from ledger.answers.freshness import Freshness, Source
from ledger.exports.filter_records import filter_of, record_of
from ledger.figures.filters import CreditFilter
from runtime.clock import Period, rfc3339


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
