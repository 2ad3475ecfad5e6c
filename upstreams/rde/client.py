"""RDE, the reseller reports: the two things we ask of it, listing reports and scheduling one (docs/vendors.md)."""

import datetime as dt
import json
from dataclasses import KW_ONLY, dataclass, field

from runtime.deadline import Deadline
from upstreams.errors import UpstreamBadResponse
from upstreams.http import Call, VendorClient
from upstreams.rde.reports import (
    UPSTREAM,
    Report,
    ReportFormat,
    ScheduledReport,
    ScheduleRequest,
    format_of,
    link_expiry,
    place_of,
    read_listing,
    read_scheduled,
)
from upstreams.rde.token import RdeTokens
from upstreams.secrets import SecretStore

__all__ = [
    "Rde",
    "Report",
    "ReportFormat",
    "ScheduleRequest",
    "ScheduledReport",
    "format_of",
    "link_expiry",
    "place_of",
]


@dataclass(eq=False)
class Rde:
    """The API at `base_url`; the rest of the settings are what its documents leave open (README, "Settings")."""

    _: KW_ONLY
    base_url: str
    token_path: str
    schedule_method: str
    xlsx_name: str
    upstream_seconds: float
    secrets: SecretStore
    _client: VendorClient = field(init=False, repr=False)
    _tokens: RdeTokens = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._client = VendorClient(UPSTREAM, self.upstream_seconds)
        self._tokens = RdeTokens(f"{self.base_url}/{self.token_path.strip('/')}", self.secrets)

    async def reports(
        self,
        tenant: str,
        first: dt.date,
        last: dt.date,
        format: ReportFormat | None,  # noqa: A002 the field's own name
        deadline: Deadline,
    ) -> list[Report]:
        """The reports made from the first to the last day, both included, in the vendor's order.

        Raises:
            UpstreamError: no usable answer.
        """
        query = f"from={first.isoformat()}&to={last.isoformat()}"
        if format is not None:
            query += f"&format={self._spelled(format)}"
        call = Call("reports", f"{self.base_url}/reports?{query}", self._tokens.flow(tenant))
        answer = await self._client.get(call, deadline)
        with self._client.parsing(call, answer):
            return read_listing(answer.body)

    async def schedule(self, tenant: str, request: ScheduleRequest, deadline: Deadline) -> ScheduledReport:
        """Have a report made, once.

        Raises:
            UpstreamError: no usable answer; `sent` is true when the report may be made all the same.
        """
        body = json.dumps(self._body(request)).encode()
        flow = self._tokens.flow(tenant)
        call = Call("schedule", f"{self.base_url}/reports", flow, self.schedule_method, body)
        answer = await self._client.send_once(call, deadline)
        try:
            with self._client.parsing(call, answer):
                return read_scheduled(answer.body)
        except UpstreamBadResponse as error:
            error.sent = True
            raise

    def _body(self, request: ScheduleRequest) -> dict[str, str]:
        given = {
            "name": request.name,
            "customizationName": request.customization_name,
            "format": self._spelled(request.format),
            "startDate": _with_milliseconds(request.start_date),
            "endDate": _with_milliseconds(request.end_date),
            "downloadUrl": request.download_url,
        }
        return {key: value for key, value in given.items() if value is not None}

    def _spelled(self, format: ReportFormat) -> str:  # noqa: A002 the field's own name
        return self.xlsx_name if format is ReportFormat.XLSX else format.value.lower()


def _with_milliseconds(moment: dt.datetime) -> str:
    utc = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='milliseconds')}Z"
