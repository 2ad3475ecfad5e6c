"""RDE's reports as dataclasses: what a listing, a scheduling answer and `GET /reports/{id}` have in common."""

import datetime as dt
import enum
import hashlib
from dataclasses import dataclass, field
from functools import lru_cache


class ReportFormat(enum.StrEnum):
    """The formats that RDE makes."""

    JSON = "JSON"
    XML = "XML"
    CSV = "CSV"
    XLSX = "XLSX"


class ReportStatus(enum.StrEnum):
    """How far a report is; UNKNOWN for a word that is missing or that the vendor's description does not have."""

    SUBMITTED = "SUBMITTED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    ERROR = "ERROR"
    UNKNOWN = "UNKNOWN"


class ReportType(enum.StrEnum):
    """What causes a report to be made; UNKNOWN for a word that is missing or not in the vendor's description."""

    PERIODIC = "PERIODIC"
    DAILY = "DAILY"
    MONTHLY = "MONTHLY"
    ONETIME = "ONETIME"
    ON_INVOICE = "ON_INVOICE"
    UNKNOWN = "UNKNOWN"


# The vendor's older pages spell the spreadsheet format `xslx`; its description and its answers spell it `xlsx`.
_FORMATS = {each.value: each for each in ReportFormat} | {"XSLX": ReportFormat.XLSX}

DOT_SEGMENTS = frozenset({".", ".."})
"""They lead to another path than the one they are put into, even percent-encoded, so they are not ids of reports."""

LONGEST_IN_KEY = 255
"""Characters of a text that stand in a sort key as they are."""

type SortKey = tuple[dt.datetime, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report; `creation_date` is its file's, so a report that is still being made may have none.

    At least one of `creation_date` and `start_date` is given. The link may read, write and delete, so it is not
    printed; it works from `download_url_starts_at` to `download_url_expires_at`, None where the link does not say.
    The `raw_` fields are the vendor's spelling, empty where it gives none.
    """

    name: str
    raw_format: str = ""
    creation_date: dt.datetime | None = None
    start_date: dt.datetime | None = None
    end_date: dt.datetime | None = None
    report_id: str | None = None
    customization_name: str | None = None
    raw_status: str = ""
    raw_type: str = ""
    download_url: str | None = field(default=None, repr=False)
    download_url_starts_at: dt.datetime | None = None
    download_url_expires_at: dt.datetime | None = None

    @property
    def format(self) -> ReportFormat | None:
        """The format, if it is one that we know."""
        return format_of(self.raw_format)

    @property
    def status(self) -> ReportStatus:
        """By the vendor's word; a report without one is COMPLETED if its file has been made."""
        if self.raw_status:
            return status_of(self.raw_status)
        return ReportStatus.COMPLETED if self.creation_date or self.download_url else ReportStatus.UNKNOWN

    @property
    def type(self) -> ReportType:
        """By the vendor's word."""
        return type_of(self.raw_type)

    @property
    def date(self) -> dt.datetime:
        """When its file was made, or else the start of the period that it is about."""
        date = self.creation_date or self.start_date
        if date is None:
            raise ValueError("a report has neither a creationDate nor a startDate")
        return date

    @property
    def sort_key(self) -> SortKey:
        """The position in a list; different for any two reports that are told apart."""
        return sort_key(self.date, self.name, self.raw_format, self.report_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRequest:
    """A one-time report to make; the dates are aware."""

    name: str
    start_date: dt.datetime
    end_date: dt.datetime | None = None
    format: ReportFormat | None = None
    customization_name: str | None = None
    download_url: str | None = field(default=None, repr=False)


@lru_cache(maxsize=64)  # a listing repeats a few words
def format_of(raw: str) -> ReportFormat | None:
    """The format behind the vendor's word for it, in any case; None for an unknown word."""
    return _FORMATS.get(raw.strip().upper())


@lru_cache(maxsize=64)  # a listing repeats a few words
def status_of(raw: str) -> ReportStatus:
    """The status behind the vendor's word for it, in any case."""
    return _member(ReportStatus, raw, ReportStatus.UNKNOWN)


@lru_cache(maxsize=64)  # a listing repeats a few words
def type_of(raw: str) -> ReportType:
    """The type behind the vendor's word for it, in any case."""
    return _member(ReportType, raw, ReportType.UNKNOWN)


def sort_key(date: dt.datetime, name: str, raw_format: str, report_id: str | None) -> SortKey:
    """A report's position in a list: by date, then by what tells reports of one date apart.

    The key stays short whatever the vendor calls a report, because a cursor has to hold it.
    """
    return date, _shortened(name), _shortened(raw_format), _shortened(report_id or "")


def _member[E: enum.StrEnum](words: type[E], raw: str, unknown: E) -> E:
    word = raw.strip().upper().replace("-", "_").replace(" ", "_")
    return words(word) if word in words else unknown


def _shortened(text: str) -> str:
    """The text itself, or its beginning and a digest of all of it."""
    if len(text) <= LONGEST_IN_KEY:
        return text
    return text[:LONGEST_IN_KEY] + hashlib.sha256(text.encode()).hexdigest()
