"""Parses RDE's answers: one page of a listing, and one report.

Only a name and a date are needed to show a report. An element of a listing that lacks them, or has a date that cannot
be read, is left out and counted, so that one bad element does not take the others away.
"""

import datetime as dt
import hashlib
import json
import logging
import re
from dataclasses import dataclass

from runtime import telemetry
from upstreams.errors import RDE, UpstreamBadResponse
from upstreams.rde.links import link_expiry, link_start, utc, web_link
from upstreams.rde.model import DOT_SEGMENTS, Report

LOG = logging.getLogger("tally.upstreams")

UNREADABLE = "UNREADABLE_REPORT"
"""The code under which the metric `Errors` counts elements that were left out."""
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Pagination:
    """Where a page begins in the whole listing (None: not given), and how many elements that has."""

    offset: int | None
    total: int


@dataclass(frozen=True, slots=True)
class ListingPage:
    """One answer to `GET /reports`: its readable reports, a fingerprint of every element, and its pagination if any.

    A fingerprint is the same when the vendor lists the same report again, though with a newly signed link. `identified`
    has those of the elements that can be told apart: two unreadable ones without an id may be equal by chance.
    """

    reports: tuple[Report, ...]
    fingerprints: tuple[str, ...]
    identified: frozenset[str]
    pagination: Pagination | None
    correlation_id: str | None = None

    @property
    def unreadable(self) -> int:
        """How many elements were left out."""
        return len(self.fingerprints) - len(self.reports)


def parse_listing(body: bytes) -> ListingPage:
    """One page of a listing, in the vendor's order.

    Raises:
        UpstreamBadResponse: not JSON, or no list under `data`.
    """
    fields = _Fields.of_answer(body)
    rows = fields.values.get("data", ...)
    if rows is None:
        rows = []
    if not isinstance(rows, list):
        raise UpstreamBadResponse(RDE, "the answer has no list under data")
    elements = [_element(row, number) for number, row in enumerate(rows, 1)]
    reports = tuple(report for report in elements if report)
    fingerprints = tuple(map(_fingerprint, rows))
    identified = frozenset(
        fingerprint
        for row, report, fingerprint in zip(rows, elements, fingerprints, strict=True)
        if report or (isinstance(row, dict) and row.get("id"))
    )
    return ListingPage(reports, fingerprints, identified, _pagination(fields.values.get("pagination")))


def parse_report(body: bytes) -> Report:
    """The answer to scheduling, and to `GET /reports/{id}`.

    Raises:
        UpstreamBadResponse: not JSON, or no name, or no date that can be read.
    """
    return _report(_Fields.of_answer(body))


def _element(row: object, number: int) -> Report | None:
    try:
        return _report(_Fields.of(row, f"report {number} of the answer"))
    except UpstreamBadResponse as error:
        telemetry.hidden(UNREADABLE)
        LOG.warning("left out of a listing: %s", error.reason)
        return None


def _report(fields: "_Fields") -> Report:
    link = web_link(fields.text("downloadUrl"))
    if link is None and fields.text("downloadUrl"):
        LOG.warning("%s has a downloadUrl that is neither http nor https; it is not shown", fields.what)
    report = Report(
        name=fields.required_text("name"),
        raw_format=fields.text("format") or "",
        creation_date=fields.moment("creationDate"),
        start_date=fields.moment("startDate"),
        end_date=fields.optional_moment("endDate"),
        report_id=fields.identifier("id"),
        customization_name=fields.text("customizationName"),
        raw_status=fields.text("status") or "",
        raw_type=fields.text("type") or "",
        download_url=link,
        download_url_starts_at=link_start(link),
        download_url_expires_at=link_expiry(link),
    )
    if report.creation_date is None and report.start_date is None:
        raise UpstreamBadResponse(RDE, f"{fields.what} has neither a creationDate nor a startDate")
    return report


def _fingerprint(row: object) -> str:
    """What tells an element from others: the vendor's id, or else everything about it but its link."""
    if not isinstance(row, dict):
        return _digest(row)
    if row.get("id"):
        return _digest(row["id"])
    return _digest({key: value for key, value in row.items() if key != "downloadUrl"})


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _pagination(value: object) -> Pagination | None:
    """The pagination, or None if it is missing or lacks a number.

    Raises:
        UpstreamBadResponse: it has a number that cannot be right.
    """
    if not isinstance(value, dict):
        return None
    offset, total = (_whole(value.get(key)) for key in ("offset", "total"))
    if total is None:
        return None
    if total < 0 or (offset or 0) < 0:
        raise UpstreamBadResponse(RDE, "the answer's pagination has a negative number")
    return Pagination(offset, total)


def _whole(value: object) -> int | None:
    if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value.strip()):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


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
            raise UpstreamBadResponse(RDE, "the answer is not JSON") from error

    @classmethod
    def of(cls, value: object, what: str) -> "_Fields":
        if not isinstance(value, dict):
            raise UpstreamBadResponse(RDE, f"{what} is not an object")
        return cls(value, what)

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        if not isinstance(value, str) or not value:
            return None
        # JSON can spell half a surrogate pair, which neither an answer nor a key could hold.
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def required_text(self, key: str) -> str:
        if (value := self.text(key)) is None:
            raise UpstreamBadResponse(RDE, f"{self.what} has no {key}")
        return value

    def identifier(self, key: str) -> str | None:
        """A text, or a whole number as its digits; None for one that cannot be a part of a path."""
        value = self.values.get(key)
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else self.text(key)
        return None if text in DOT_SEGMENTS else text

    def moment(self, key: str) -> dt.datetime | None:
        """A date and time; None if it is missing, null or empty."""
        value = self.values.get(key)
        if value is None or value == "":
            return None
        try:
            return utc(self.required_text(key))
        except (ValueError, OverflowError) as error:
            raise UpstreamBadResponse(RDE, f"{self.what} has a {key} that is not a date and time") from error

    def optional_moment(self, key: str) -> dt.datetime | None:
        """A date and time that a report can be shown without."""
        try:
            return self.moment(key)
        except UpstreamBadResponse as error:
            LOG.warning("%s; it is left out", error.reason)
            return None
