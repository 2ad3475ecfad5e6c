"""Which report is which: by the vendor's id where it gives one, else by name, date and format.

The date is the file's creation date, or the start of the report's period while there is no file. A report that is still
being made therefore changes its identity when its file appears, unless the vendor gives it an id.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Self

from upstreams.rde.client import DOT_SEGMENTS, Report, ReportFormat, format_of

DIGEST_LENGTH = 32
DIGEST = re.compile(r"[0-9a-f]{32}")

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


class ReportId(NamedTuple):
    """What finds a report again: the vendor's id, or else the day and a digest of its name, date and format."""

    report_id: str | None
    day: str = ""
    digest: str = ""

    @classmethod
    def of(cls, report: Report) -> "ReportId":
        """A report's id: the same in every answer that shows the report."""
        if report.report_id:
            return cls(report.report_id)
        name, moment, report_format = ReportKey.of(report).file
        digest = hashlib.sha256(_plain_json([name, moment.isoformat(), str(report_format).lower()])).hexdigest()
        return cls(None, moment.date().isoformat(), digest[:DIGEST_LENGTH])

    @classmethod
    def from_parts(cls, parts: Sequence[str | None]) -> "ReportId":
        """The id that has these fields.

        Raises:
            ValueError: no id has them.
        """
        match parts:
            case [str(report_id), "", ""] if report_id and report_id not in DOT_SEGMENTS:
                return cls(report_id)
            case [None, str(day), str(digest)] if DIGEST.fullmatch(digest) and _is_day(day):
                return cls(None, day, digest)
        raise ValueError("not a report's id")


def _is_day(text: str) -> bool:
    """Whether a text is a day as `isoformat` writes it, and has a next one.

    Raises:
        ValueError: it is not a day at all.
    """
    day = date.fromisoformat(text)
    return day.isoformat() == text and day < date.max


def _plain_json(parts: Sequence[str]) -> bytes:
    """JSON in ASCII, because a name may hold what UTF-8 cannot."""
    return json.dumps(parts).encode()
