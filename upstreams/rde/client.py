"""RDE, the reseller reports: listing reports, asking for one, and scheduling one (docs/vendors.md, "RDE")."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from runtime.deadline import Deadline
from upstreams.errors import RDE, UpstreamBadResponse, UpstreamError
from upstreams.rde.links import link_expiry, link_start, web_link
from upstreams.rde.model import (
    DOT_SEGMENTS,
    Report,
    ReportFormat,
    ReportStatus,
    ReportType,
    ScheduleRequest,
    SortKey,
    format_of,
    sort_key,
)

if TYPE_CHECKING:
    from upstreams.http import VendorAnswer, VendorClient
    from upstreams.rde.answers import ListingPage
    from upstreams.rde.listing import VendorListing
    from upstreams.rde.token import RdeTokens
    from upstreams.secrets import SecretStore

__all__ = [
    "DOT_SEGMENTS",
    "Rde",
    "Report",
    "ReportFormat",
    "ReportStatus",
    "ReportType",
    "ScheduleRequest",
    "SortKey",
    "format_of",
    "link_expiry",
    "link_start",
    "sort_key",
    "web_link",
]

XLSX_NAMES = ("xlsx", "xslx")
"""How installations spell the spreadsheet format when a report is scheduled."""


class Rde:
    """The API at `base_url`; the other settings are what the vendor's documents leave open (README, "Settings").

    What a call needs is imported by the first one: most queries are answered without any.
    """

    def __init__(
        self,
        *,
        base_url: str,
        token_path: str,
        schedule_method: str,
        xlsx_name: str,
        upstream_seconds: float,
        secrets: "SecretStore",
    ) -> None:
        self.base_url = base_url
        self.token_path = token_path
        self.schedule_method = schedule_method
        self.xlsx_name = xlsx_name
        self.upstream_seconds = upstream_seconds
        self.secrets = secrets

    @cached_property
    def _client(self) -> "VendorClient":
        from upstreams.http import VendorClient

        return VendorClient(RDE, self.upstream_seconds)

    @cached_property
    def _tokens(self) -> "RdeTokens":
        from upstreams.rde.token import RdeTokens

        return RdeTokens(f"{self.base_url}/{self.token_path.strip('/')}", self.secrets)

    async def reports(self, tenant: str, first: dt.date, last: dt.date, deadline: Deadline) -> "VendorListing":
        """All reports from the first to the last day, both included, in every format and in the vendor's order.

        Raises:
            UpstreamError: no usable answer, or the pages do not make one listing.
        """
        from upstreams.rde.answers import parse_listing
        from upstreams.rde.listing import LIMIT, fetch_all

        async def fetch(offset: int) -> "ListingPage":
            query = f"from={first.isoformat()}&to={last.isoformat()}&limit={LIMIT}&offset={offset}"
            page, answer = await self._get("reports", f"reports?{query}", tenant, parse_listing, deadline)
            return replace(page, correlation_id=answer.correlation_id)

        return await fetch_all(fetch)

    async def report(self, tenant: str, report_id: str, deadline: Deadline) -> Report:
        """One report by the vendor's id.

        Raises:
            UpstreamError: no usable answer; its `status` is 404 if there is no such report.
        """
        from upstreams.rde.answers import parse_report

        path = f"reports/{quote(report_id, safe='')}"
        report, _ = await self._get("report", path, tenant, parse_report, deadline)
        return report if report.report_id else replace(report, report_id=report_id)

    async def schedule(self, tenant: str, request: ScheduleRequest, deadline: Deadline) -> Report:
        """Have a report made, once.

        Raises:
            UpstreamError: no usable answer; `sent` is true when the report may be made all the same.
        """
        from http import HTTPStatus

        first, *others = self._spellings(request.format)
        try:
            return await self._post(tenant, _body(request, first), deadline)
        except UpstreamError as error:
            # A refusal has made nothing, so the request may be sent again with the other spelling.
            if error.status != HTTPStatus.BAD_REQUEST or not others:
                raise
        return await self._post(tenant, _body(request, others[0]), deadline)

    async def _post(self, tenant: str, body: dict[str, str], deadline: Deadline) -> Report:
        from upstreams.http import Call
        from upstreams.rde.answers import parse_report

        flow, written = self._tokens.flow(tenant), json.dumps(body).encode()
        call = Call("schedule", f"{self.base_url}/reports", flow, self.schedule_method, written)
        answer = await self._client.send_once(call, deadline)
        try:
            with self._client.parsing(call, answer):
                report = parse_report(answer.body)
        except UpstreamBadResponse as error:
            error.sent = True
            raise
        return report

    async def _get[T](
        self, operation: str, path: str, tenant: str, parse: Callable[[bytes], T], deadline: Deadline
    ) -> "tuple[T, VendorAnswer]":
        from upstreams.http import Call

        call = Call(operation, f"{self.base_url}/{path}", self._tokens.flow(tenant))
        answer = await self._client.get(call, deadline)
        with self._client.parsing(call, answer):
            return parse(answer.body), answer

    def _spellings(self, report_format: ReportFormat | None) -> list[str | None]:
        """The format as a request may spell it, the setting's spelling first."""
        if report_format is None:
            return [None]
        if report_format is not ReportFormat.XLSX:
            return [report_format.value.lower()]
        return [self.xlsx_name, *(name for name in XLSX_NAMES if name != self.xlsx_name)]


def _body(request: ScheduleRequest, spelled_format: str | None) -> dict[str, str]:
    """The request's JSON: only what was given."""
    fields = {
        "name": request.name,
        "customizationName": request.customization_name,
        "format": spelled_format,
        "startDate": _with_milliseconds(request.start_date),
        "endDate": _with_milliseconds(request.end_date) if request.end_date else None,
        "downloadUrl": request.download_url,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _with_milliseconds(moment: dt.datetime) -> str:
    utc = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='milliseconds')}Z"
