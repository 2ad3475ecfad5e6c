"""RDE's reports as dataclasses, and the reading of its answers (docs/vendors.md, "RDE").

Tolerant where the vendor's documents are silent: an unknown format, a link without an expiry. Strict where a row could
not be shown or found again: a report without a name or a creation date makes the whole answer unusable.
"""

import datetime as dt
import enum
import hashlib
import json
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from upstreams.errors import UpstreamBadResponse

UPSTREAM = "rde"


class ReportFormat(enum.StrEnum):
    """The formats that RDE makes."""

    JSON = "JSON"
    XML = "XML"
    CSV = "CSV"
    XLSX = "XLSX"


FIRST_YEAR = 1970
"""Of an expiry: an earlier one is an empty value written out, as year 1 is in some languages."""

LONGEST_IN_PLACE = 255
"""Characters of a name or format that its place has in full."""

# The vendor's documents write the spreadsheet format `xslx`; its answers write `XLSX`.
_FORMATS = {each.value: each for each in ReportFormat} | {"XSLX": ReportFormat.XLSX}


@dataclass(frozen=True, slots=True)
class Report:
    """One report of a listing. The link may read, write and delete, so it is not printed."""

    name: str
    raw_format: str
    format: ReportFormat | None
    creation_date: dt.datetime
    download_url: str | None = field(repr=False)
    download_url_expires_at: dt.datetime | None

    @property
    def place(self) -> tuple[dt.datetime, str, str]:
        """Where it stands in a list."""
        return place_of(self.creation_date, self.name, self.raw_format)


@dataclass(frozen=True, slots=True)
class ScheduleRequest:
    """A one-time report to make; the dates are aware."""

    name: str
    customization_name: str | None
    format: ReportFormat
    start_date: dt.datetime
    end_date: dt.datetime
    download_url: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ScheduledReport:
    """What RDE says of a report that was scheduled."""

    id: str
    name: str
    customization_name: str | None
    status: str
    type: str
    raw_format: str
    format: ReportFormat | None
    creation_date: dt.datetime
    start_date: dt.datetime
    end_date: dt.datetime
    download_url: str | None = field(repr=False)
    download_url_expires_at: dt.datetime | None


def format_of(raw: str) -> ReportFormat | None:
    """The format behind the vendor's word for it, in any case; None for a word we do not know."""
    return _FORMATS.get(raw.strip().upper())


def link_expiry(url: str | None) -> dt.datetime | None:
    """When a signed link dies, by its `se`; None where that is missing, empty or garbled."""
    if url is None:
        return None
    try:
        query = urlsplit(url).query
        expiry = _utc(unquote(next(part[3:] for part in query.split("&") if part.startswith("se="))))
    except (ValueError, OverflowError, StopIteration):
        return None
    return expiry if expiry.year >= FIRST_YEAR else None


def read_listing(body: bytes) -> list[Report]:
    """The reports of a `GET /reports` answer, in the vendor's order.

    Raises:
        UpstreamBadResponse: no JSON, no list under `data`, or an element that is no report.
    """
    rows = _Fields.of_answer(body).values.get("data")
    if not isinstance(rows, list):
        raise UpstreamBadResponse(UPSTREAM, "the answer has no list under data")
    return [_report(_Fields.of(row, f"report {number} of the answer")) for number, row in enumerate(rows, 1)]


def read_scheduled(body: bytes) -> ScheduledReport:
    """The answer to scheduling.

    Raises:
        UpstreamBadResponse: no JSON, or something is missing that the vendor promises.
    """
    fields = _Fields.of_answer(body)
    link = fields.optional("downloadUrl")
    raw_format = fields.optional("format") or ""
    return ScheduledReport(
        id=fields.text("id"),
        name=fields.text("name"),
        customization_name=fields.optional("customizationName"),
        status=fields.text("status"),
        type=fields.text("type"),
        raw_format=raw_format,
        format=format_of(raw_format),
        creation_date=fields.moment("creationDate"),
        start_date=fields.moment("startDate"),
        end_date=fields.moment("endDate"),
        download_url=link,
        download_url_expires_at=link_expiry(link),
    )


def place_of(creation_date: dt.datetime, name: str, raw_format: str) -> tuple[dt.datetime, str, str]:
    """What a report is sorted by; the format tells apart what was made in two of them at once.

    A place is never long, whatever the vendor calls a report: a page ends at one, and a cursor has to hold it.
    """
    return creation_date, _placed(name), _placed(raw_format)


def _placed(text: str) -> str:
    """A text that stands for another one in an order: itself, or how it begins and a digest of all of it."""
    if len(text) <= LONGEST_IN_PLACE:
        return text
    return text[:LONGEST_IN_PLACE] + hashlib.sha256(text.encode()).hexdigest()


def _report(fields: "_Fields") -> Report:
    link = fields.optional("downloadUrl")
    raw_format = fields.optional("format") or ""
    return Report(
        name=fields.text("name"),
        raw_format=raw_format,
        format=format_of(raw_format),
        creation_date=fields.moment("creationDate"),
        download_url=link,
        download_url_expires_at=link_expiry(link),
    )


@dataclass(frozen=True, slots=True)
class _Fields:
    """One JSON object of an answer; `what` names it in an error."""

    values: dict[str, object]
    what: str

    @classmethod
    def of_answer(cls, body: bytes) -> "_Fields":
        try:
            return cls.of(json.loads(body), "the answer")
        except (ValueError, RecursionError) as error:
            raise UpstreamBadResponse(UPSTREAM, "the answer is not JSON") from error

    @classmethod
    def of(cls, value: object, what: str) -> "_Fields":
        if not isinstance(value, dict):
            raise UpstreamBadResponse(UPSTREAM, f"{what} is no object")
        return cls(value, what)

    def optional(self, key: str) -> str | None:
        value = self.values.get(key)
        if not isinstance(value, str) or not value:
            return None
        # JSON can spell half a character, which neither an answer nor a key could hold.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def text(self, key: str) -> str:
        if (value := self.optional(key)) is None:
            raise UpstreamBadResponse(UPSTREAM, f"{self.what} has no {key}")
        return value

    def moment(self, key: str) -> dt.datetime:
        try:
            return _utc(self.text(key))
        except (ValueError, OverflowError) as error:
            raise UpstreamBadResponse(UPSTREAM, f"{self.what} has a {key} that is no date and time") from error


def _utc(text: str) -> dt.datetime:
    """An ISO 8601 date and time as aware UTC; the vendor's zoneless ones are UTC already."""
    moment = dt.datetime.fromisoformat(text)
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
