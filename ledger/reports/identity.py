"""Which report is which: by the vendor's id where it gives one, else by name, date and format.

The date is the file's creation date, or the start of the report's period while there is no file. A report that is still
being made therefore changes its identity when its file appears, unless the vendor gives it an id.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import orjson

from upstreams.rde.client import Report, ReportFormat, format_of

_KIND = b"Report"

type FileKey = tuple[str, datetime, ReportFormat | str]


@dataclass(frozen=True, slots=True)
class ReportKey:
    """What tells a report from others: its name, its format in the vendor's spelling, its date, and the vendor's id."""

    name: str
    raw_format: str
    date: datetime
    report_id: str | None = None

    @classmethod
    def of(cls, report: Report) -> Self:
        """The key of a report as the vendor gives it."""
        return cls(report.name, report.raw_format, report.date, report.report_id)

    @property
    def format(self) -> ReportFormat | None:
        """The format, if it is one that we know."""
        return format_of(self.raw_format)

    @property
    def file(self) -> FileKey:
        """What tells one report's file from another's where there is no id, however the format is spelled."""
        return (self.name, self.date, self.format or self.raw_format)

    @property
    def identity(self) -> str | FileKey:
        """The vendor's id, or else `file`."""
        return self.report_id or self.file

    @property
    def digest(self) -> str:
        """A name of fixed length and safe characters, the same for equal keys only."""
        return hashlib.sha256(self._json()).hexdigest()

    def _json(self) -> bytes:
        parts = [self.name, self.raw_format, self.date.isoformat()]
        # Keys without an id keep the digest under which earlier versions stored their files.
        return _plain_json([*parts, self.report_id] if self.report_id else parts)


@dataclass(frozen=True, slots=True)
class GlobalId:
    """What a global id names: a report by the vendor's id, or by a digest of what identifies it and its date."""

    report_id: str | None
    digest: str | None = None


def global_id(report: Report) -> str:
    """A report's id in the API: opaque, and the same in every answer that shows the report."""
    if report.report_id:
        return _encoded(["id", report.report_id])
    name, date, report_format = ReportKey.of(report).file
    digest = hashlib.sha256(_plain_json([name, date.isoformat(), str(report_format).lower()])).hexdigest()
    return _encoded(["key", digest[:32]])


def parse_global_id(text: str) -> GlobalId | None:
    """What a global id names; None if the text is not one."""
    try:
        kind, _, body = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).partition(b":")
        parts = orjson.loads(body) if kind == _KIND else None
    except (ValueError, binascii.Error):
        return None
    match parts:
        case ["id", str(report_id)]:
            return GlobalId(report_id)
        case ["key", str(digest)]:
            return GlobalId(None, digest)
    return None


def _encoded(parts: Sequence[str]) -> str:
    return base64.urlsafe_b64encode(_KIND + b":" + orjson.dumps(parts)).decode().rstrip("=")


def _plain_json(parts: Sequence[str]) -> bytes:
    """JSON in ASCII, because a name may hold what UTF-8 cannot."""
    return json.dumps(parts).encode()
