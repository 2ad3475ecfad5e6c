"""Reports as JSON in the bucket, and readers that accept a stored object only if it is complete.

Objects are never rewritten, so what earlier versions wrote is read too: a listing that is a bare list, rows with fewer
keys, and the answer to scheduling with Python's names. A reader raises `ValueError` for anything else; the caller then
treats the object as lost, so that it never counts as an empty or a shorter one.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from runtime.clock import rfc3339
from upstreams.rde.client import Report, ReportFormat, link_start, web_link

LOG = logging.getLogger("tally.ledger")

EARLIER_PAGE = 10
"""Rows at which a bare list may be a first page: earlier versions named no limit, and some vendors then give ten."""

_TEXTS = {
    "name": "name",
    "rawFormat": "raw_format",
    "reportId": "report_id",
    "customizationName": "customization_name",
    "rawStatus": "raw_status",
    "rawType": "raw_type",
    "downloadUrl": "download_url",
}
_MOMENTS = {
    "creationDate": "creation_date",
    "startDate": "start_date",
    "endDate": "end_date",
    "downloadUrlStartsAt": "download_url_starts_at",
    "downloadUrlExpiresAt": "download_url_expires_at",
}
_FIELDS = _TEXTS | _MOMENTS
_EARLIER_KEYS = frozenset({"name", "rawFormat", "format", "creationDate", "downloadUrl", "downloadUrlExpiresAt"})
_EARLIER_FORMATS = frozenset({None, *ReportFormat})
# Keys of a schedule's answer as earlier versions stored it, where they differ from a report's own field names.
_EARLIER_NAMES = {"id": "report_id", "status": "raw_status", "type": "raw_type"}


@dataclass(frozen=True, slots=True)
class StoredListing:
    """A listing as it was stored; `maybe_short`: an earlier version may have stored a first page as the whole."""

    reports: Sequence[Report]
    unreadable: int
    maybe_short: bool = False


def listing_to_json(reports: Sequence[Report], unreadable: int) -> dict[str, Any]:
    """A listing's JSON value; the count proves that it is complete."""
    rows = [report_to_json(report) for report in reports]
    return {"count": len(rows), "unreadable": unreadable, "reports": rows}


def listing_from_json(value: object) -> StoredListing:
    """Read a stored listing.

    Raises:
        ValueError: the value is not a complete listing.
    """
    if isinstance(value, list):
        reports = [_earlier_report(row) for row in value]
        return StoredListing(reports, 0, maybe_short=len(reports) == EARLIER_PAGE)
    if not isinstance(value, dict) or not isinstance(rows := value.get("reports"), list):
        raise ValueError("it is not a listing")  # noqa: TRY004 - what was stored is wrong, not the argument's type
    unreadable = value.get("unreadable")
    if value.get("count") != len(rows) or not isinstance(unreadable, int):
        raise ValueError("its counts are missing or do not match its rows")
    return StoredListing([report_from_json(row) for row in rows], unreadable)


def is_listing(value: object) -> bool:
    """Whether a stored value is a complete listing."""
    return _is_readable(listing_from_json, value)


def is_report(value: object) -> bool:
    """Whether a stored value is a complete report."""
    return _is_readable(report_from_json, value)


def report_to_json(report: Report) -> dict[str, str | None]:
    """A report's JSON value."""
    texts = {key: getattr(report, name) for key, name in _TEXTS.items()}
    moments = {key: getattr(report, name) for key, name in _MOMENTS.items()}
    return texts | {key: rfc3339(moment) if moment else None for key, moment in moments.items()}


def report_from_json(value: object, required: AbstractSet[str] = _FIELDS.keys()) -> Report:
    """Read a stored report; `required` are the keys that it must have.

    Raises:
        ValueError: the value is not a complete report with a name and a date.
    """
    if not isinstance(value, dict) or not required <= value.keys():
        raise ValueError("it is not a report with all of its keys")
    return _report({name: value[key] for key, name in _FIELDS.items() if value.get(key) is not None})


def scheduled_from_json(value: object) -> Report:
    """Read a stored answer to scheduling, from this version or an earlier one.

    Raises:
        ValueError: the value is not a report with a name and a date.
    """
    if not isinstance(value, dict) or "raw_format" not in value:
        return report_from_json(value)
    renamed = {_EARLIER_NAMES.get(key, key): each for key, each in value.items() if each is not None}
    return _report({name: renamed[name] for name in _FIELDS.values() if name in renamed})


def _earlier_report(row: object) -> Report:
    report = report_from_json(row, _EARLIER_KEYS)
    if not isinstance(row, dict) or row["format"] not in _EARLIER_FORMATS:
        raise ValueError("a report has an unknown format")
    link = web_link(report.download_url)
    return replace(report, download_url=link, download_url_starts_at=link_start(link))


def _is_readable(read: Callable[[object], object], value: object) -> bool:
    try:
        read(value)
    except ValueError as error:
        LOG.warning("a stored object is not complete, it counts as lost: %s", error)
        return False
    return True


def _report(fields: Mapping[str, object]) -> Report:
    if not isinstance(fields.get("name"), str) or not all(isinstance(each, str) for each in fields.values()):
        raise ValueError("a report has no name, or a value that is not a text")
    given: dict[str, Any] = dict(fields)
    moments = {name: datetime.fromisoformat(given[name]) for name in _MOMENTS.values() if name in given}
    if any(moment.tzinfo is None for moment in moments.values()):
        raise ValueError("a report has a time without a zone")
    report = Report(**{**given, **moments})
    if report.creation_date is None and report.start_date is None:
        raise ValueError("a report has no date")
    return report
