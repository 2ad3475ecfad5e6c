"""RDE as its description (version 1.15) and its older page define it: token, listing, scheduling, files behind links.

By default it is an installation of the described kind: it reads `limit` and `offset`, and gives 10 reports to a caller
that names no limit. `described=False` makes it the kind of the older page: no ids, no pages, no reports that are still
being made, formats in upper case. What the documents leave open is a setting of the simulator.
"""

import base64
import json
import secrets
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from local.vendors.blobs import CONTAINER, BlobStore
from local.vendors.reports import DAYS_KEPT, SEED_REPORTS, Schedule, SimulatedReport, printed, routine_reports
from local.vendors.simulator import Simulator, SimulatorRequest, SimulatorResponse, json_answer

BASE_PATH = "/marketplace/eu"
USUAL_LIMIT = 10
_REQUIRED = ("name", "startDate")


class RdeSimulator(Simulator):
    """The simulated vendor.

    Settings: `account` (the valid credentials), `described` (the kind of installation), `largest_page` (the most
    reports that one answer holds), `says_total` (whether answers have `pagination`), `making` (how long a scheduled
    report takes), `xlsx_name`, `schedule_method`, `token_path`, `token_field`, `life_field`, `token_seconds`,
    `link_life`, `generated` (whether there are reports besides the document's and those added).
    """

    def __init__(
        self,
        *,
        generated: bool = True,
        described: bool = True,
        making: timedelta = timedelta(0),
        **options: Any,  # noqa: ANN401 - Simulator's options
    ) -> None:
        super().__init__(**options)
        self.account = {
            "username": "reseller@example.test",
            "password": "s3cret-Rde",
            "subscriptionKey": "066a6b0000000000000000000033b16",
            "marketplace": "eu",
        }
        self.generated = generated
        self.described = described
        self.making = making
        self.days_kept = DAYS_KEPT
        self.largest_page: int | None = None
        self.says_total = True
        self.xlsx_name = "xlsx"
        self.schedule_method = "POST"
        self.token_path = "token"  # noqa: S105 - a path
        self.token_field = "token"  # noqa: S105 - a name
        self.life_field = "expiresInSeconds"
        self.token_seconds = 1500
        self.link_life = timedelta(hours=48)
        self.blobs = BlobStore(lambda: self.clock())  # noqa: PLW0108 - a test may set another clock later
        self.schedules: list[Schedule] = []
        self._added: list[SimulatedReport] = []
        self._forgotten: set[tuple[str, str]] = set()
        self._tokens: dict[str, datetime] = {}

    @property
    def base_url(self) -> str:
        """What `RDE_BASE_URL` takes."""
        return self.origin + BASE_PATH

    @property
    def secret(self) -> dict[str, str]:
        """The account, as the product's secret holds it."""
        return dict(self.account)

    def add_report(
        self,
        name: str,
        report_format: str,
        creation_date: str,
        *,
        link: str | None = None,
        file: Callable[[], bytes] | None = None,
        **more: Any,  # noqa: ANN401 - further fields of SimulatedReport
    ) -> None:
        """List one more report, its `creation_date` printed as given; `file` makes its content, `link` replaces it."""
        report = SimulatedReport(name, report_format, creation_date, link, **more)
        if creation_date:
            self.blobs.keep(report.blob, file or report.content)
        self._added.append(report)

    def add_schedule(
        self, name: str, report_format: str = "JSON", *, fails: bool = False, age: timedelta = timedelta(0)
    ) -> str:
        """Have a report that another user of the account scheduled some time ago; its id."""
        schedule = self._scheduled({"name": name}, report_format, fails=fails)
        self.schedules[-1] = replace(schedule, submitted=schedule.submitted - age)
        return schedule.report.report_id

    def show_every_status(self) -> None:
        """Have a report in every status beside the completed ones, for as long as a demonstration lasts."""
        usual, self.making = self.making, timedelta(days=2)
        self.add_schedule("waiting for its turn", "CSV")
        self.add_schedule("being made", "XLSX", age=timedelta(days=1))
        self.add_schedule("could not be made", "XML", age=timedelta(days=3), fails=True)
        self.making = usual
        self.add_report("of an unknown status", "CSV", printed(self.clock()), status="verifying")

    def forget(self, name: str, creation_date: str) -> None:
        """List a report no more, as the vendor does after 90 days."""
        self._forgotten.add((name, creation_date))

    def revoke_tokens(self) -> None:
        """Make every token given so far unusable."""
        self._tokens.clear()

    def listing(self) -> list[SimulatedReport]:
        """Every report there is now, in the order of the answer."""
        made = routine_reports(self.clock(), self.days_kept) if self.generated else []
        for report in made:
            self.blobs.keep(report.blob, report.content)
        reports = [*SEED_REPORTS, *made, *self._added, *self._scheduled_now()]
        return [report for report in reports if (report.name, report.creation_date) not in self._forgotten]

    def answer(self, request: SimulatorRequest) -> SimulatorResponse:
        """Answer one request; every answer of the API has a correlation id."""
        if request.path.startswith(CONTAINER):
            self.listing()  # a restarted simulator has the files of links given before
            return self.blobs.answer(request)
        correlation_id = str(uuid.uuid4())
        response = self._api(request)
        if response.status >= 400:  # noqa: PLR2004 - the errors of HTTP
            response = self._error_body(response, request, correlation_id)
        return replace(response, headers=(*response.headers, ("x-correlation-id", correlation_id)))

    def _api(self, request: SimulatorRequest) -> SimulatorResponse:
        if request.headers.get("x-subscription-key") != self.account["subscriptionKey"]:
            return _refusal(401, "Access denied due to missing or invalid subscription key")
        if request.path == f"{BASE_PATH}/{self.token_path}":
            return self._token(request)
        if not request.path.startswith(f"{BASE_PATH}/reports"):
            return _refusal(404, "Resource not found")
        if not self._authorized(request):
            return _refusal(401, "Unauthorized")
        rest = request.path.removeprefix(f"{BASE_PATH}/reports")
        return self._one(rest.removeprefix("/"), request) if rest else self._reports(request)

    def _reports(self, request: SimulatorRequest) -> SimulatorResponse:
        if request.method == self.schedule_method and request.body:
            return self._schedule(request)
        if request.method == "GET":
            return self._list(request)
        return _refusal(405, "Method not allowed")

    def _token(self, request: SimulatorRequest) -> SimulatorResponse:
        pair = f"{self.account['username']}:{self.account['password']}".encode()
        if request.method != "POST":
            return _refusal(405, "Method not allowed")
        if request.headers.get("authorization") != f"Basic {base64.b64encode(pair).decode()}":
            return _refusal(401, "Wrong user name or password")
        body = _json_object(request.body)
        if body is None or body.get("marketplace") != self.account["marketplace"]:
            return _refusal(400, "Unknown marketplace")
        token = secrets.token_urlsafe(32)
        self._tokens[token] = self.clock() + timedelta(seconds=self.token_seconds)
        return json_answer({self.token_field: token, self.life_field: self.token_seconds})

    def _authorized(self, request: SimulatorRequest) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        expiry = self._tokens.get(token)
        return scheme == "Bearer" and expiry is not None and self.clock() < expiry

    def _list(self, request: SimulatorRequest) -> SimulatorResponse:
        wanted = request.query.get("format")
        if wanted is not None and wanted not in self._formats():
            return _refusal(400, "Unknown format")
        try:
            first, last = (date.fromisoformat(request.query.get(name, "")) for name in ("from", "to"))
            offset, limit = int(request.query.get("offset", 0)), int(request.query.get("limit", USUAL_LIMIT))
        except ValueError:
            return _refusal(400, "from and to are required, as days in ISO 8601 format; offset and limit are numbers")
        if offset < 0 or limit < 1:
            return _refusal(400, "offset is at least 0, limit at least 1")
        rows = [
            self._shown(report)
            for report in self.listing()
            if first <= report.day <= last
            and (wanted is None or report.format == self._formats()[wanted])
            and _matches(report, request)
        ]
        return self._page(rows, offset, limit)

    def _page(self, rows: Sequence[object], offset: int, limit: int) -> SimulatorResponse:
        if self.described:
            limit = min(limit, self.largest_page or limit)
            data = rows[offset : offset + limit]
        else:
            offset, limit, data = 0, len(rows), rows
        pagination = {"pagination": {"offset": offset, "limit": limit, "total": len(rows)}}
        return json_answer({"data": data} | (pagination if self.says_total else {}))

    def _one(self, report_id: str, request: SimulatorRequest) -> SimulatorResponse:
        if request.method != "GET":
            return _refusal(405, "Method not allowed")
        found = next((report for report in self.listing() if report.report_id == report_id), None)
        return (
            _refusal(404, "No such report") if found is None or not self.described else json_answer(self._shown(found))
        )

    def _formats(self) -> dict[str, str]:
        return {"json": "JSON", "xml": "XML", "csv": "CSV", self.xlsx_name: "XLSX"}

    def _shown(self, report: SimulatedReport) -> dict[str, str]:
        """A report's row: what the description has, or the four fields of the older page."""
        start, end = report.period
        row: dict[str, str | None] = {
            "id": report.report_id,
            "name": report.name,
            "customizationName": report.customization_name,
            "status": report.status,
            "type": report.type,
            "format": report.format.lower() if self.described else report.format,
            "creationDate": report.creation_date,
            "startDate": start,
            "endDate": end if report.creation_date else None,
            "downloadUrl": self._link(report),
        }
        older = ("name", "format", "creationDate", "downloadUrl")
        return {key: value for key, value in row.items() if value and (self.described or key in older)}

    def _link(self, report: SimulatedReport) -> str | None:
        if report.link is not None or not report.creation_date:
            return report.link
        return self.blobs.link(self.origin, report.blob, self.link_life)

    def _schedule(self, request: SimulatorRequest) -> SimulatorResponse:
        asked = _json_object(request.body)
        if asked is None or not all(isinstance(asked.get(key), str) for key in _REQUIRED):
            return _refusal(400, f"A report needs {' and '.join(_REQUIRED)}")
        if asked.get("format", "json") not in self._formats():
            return _refusal(400, "Unknown format")
        schedule = self._scheduled(asked, self._formats()[asked.get("format", "json")])
        return json_answer(self._shown_schedule(schedule.at(self.clock()), asked))

    def _scheduled(self, asked: dict[str, Any], report_format: str, *, fails: bool = False) -> Schedule:
        report = SimulatedReport(
            asked["name"],
            report_format,
            "",
            id=str(uuid.uuid4()),
            type="onetime",
            start_date=asked.get("startDate") or printed(self.clock()),
            end_date=asked.get("endDate", ""),
            customization_name=asked.get("customizationName"),
            listed_on=self.clock().astimezone(UTC).date(),
        )
        self.schedules.append(
            Schedule(report, self.clock().astimezone(UTC), self.making, fails, asked.get("downloadUrl"))
        )
        return self.schedules[-1]

    def _scheduled_now(self) -> list[SimulatedReport]:
        """The scheduled reports as they are now; the older kind of installation lists finished ones only."""
        reports = [schedule.at(self.clock()) for schedule in self.schedules]
        finished = [report for report in reports if report.creation_date]
        for report in finished:
            self.blobs.keep(report.blob, report.content)
        return reports if self.described else finished

    def _shown_schedule(self, report: SimulatedReport, asked: dict[str, Any]) -> dict[str, str]:
        """The answer to scheduling: the described row, with format and dates as they were sent."""
        row = self._shown(report)
        echoed = {key: asked[key] for key in ("customizationName", "format", "startDate", "endDate") if asked.get(key)}
        return row | (echoed if report.creation_date else {key: echoed[key] for key in echoed if key != "endDate"})

    def _error_body(
        self, response: SimulatorResponse, request: SimulatorRequest, correlation_id: str
    ) -> SimulatorResponse:
        body = {
            "timeStamp": printed(self.clock()),
            "status": response.status,
            "message": response.body.decode(),
            "path": request.path,
            "correlationId": correlation_id,
        }
        return replace(json_answer(body, response.status), headers=response.headers)


def _matches(report: SimulatedReport, request: SimulatorRequest) -> bool:
    """Whether a report fits the description's further filters."""
    values = {"name": report.name, "status": report.status, "type": report.type}
    return all(request.query.get(key, value) == value for key, value in values.items())


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _refusal(status: int, message: str) -> SimulatorResponse:
    return SimulatorResponse(status, message.encode())
