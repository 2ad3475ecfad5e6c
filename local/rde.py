"""RDE as its document and the vendor's other pages describe it: token, listing, scheduling, files behind the links.

The listing holds the seven reports of the document's sample as they are printed there, and generated ones of the last
90 days, in no order, as the sample has none. A link is signed anew for each listing. What the documents leave open (the
spreadsheet format's spelling, the verb to schedule with, the token's field) is a setting of the simulator.
"""

import base64
import json
import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from local.blobs import CONTAINER, BlobStore
from local.reports import SEED_REPORTS, SimulatedReport, routine_reports
from local.simulator import Simulator, SimulatorRequest, SimulatorResponse, json_answer

BASE_PATH = "/marketplace/eu"
_REQUIRED = ("name", "format", "startDate", "endDate")
_ECHOED = ("name", "customizationName", "status", "type", "format", "creationDate", "startDate", "endDate")


class RdeSimulator(Simulator):
    """The simulated vendor.

    Settings: `account` (what the credentials must be), `xlsx_name`, `schedule_method`, `token_path`, `token_field`,
    `token_seconds`, `link_life`, `generated` (whether there are reports besides the document's and those added).
    """

    def __init__(self, *, generated: bool = True, **options: Any) -> None:  # noqa: ANN401 - Simulator's options
        super().__init__(**options)
        self.account = {
            "username": "reseller@example.test",
            "password": "s3cret-Rde",
            "subscriptionKey": "066a6b0000000000000000000033b16",
            "marketplace": "eu",
        }
        self.generated = generated
        self.xlsx_name = "xslx"
        self.schedule_method = "POST"
        self.token_path = "auth/token"  # noqa: S105 - a path
        self.token_field = "token"  # noqa: S105 - a name
        self.token_seconds = 1500
        self.link_life = timedelta(hours=48)
        self.blobs = BlobStore(lambda: self.clock())  # noqa: PLW0108 - a test may set another clock later
        self.scheduled: list[dict[str, Any]] = []
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
    ) -> None:
        """List one more report, its `creation_date` printed as given; `file` makes its content, `link` replaces it."""
        report = SimulatedReport(name, report_format, creation_date, link)
        self.blobs.keep(report.blob, file or report.content)
        self._added.append(report)

    def forget(self, name: str, creation_date: str) -> None:
        """List a report no more, as the vendor does after 90 days."""
        self._forgotten.add((name, creation_date))

    def revoke_tokens(self) -> None:
        """Make every token given so far unusable."""
        self._tokens.clear()

    def listing(self) -> list[SimulatedReport]:
        """Every report there is now, in the order of the answer."""
        made = routine_reports(self.clock()) if self.generated else []
        for report in made:
            self.blobs.keep(report.blob, report.content)
        reports = [*SEED_REPORTS, *made, *self._added]
        return [report for report in reports if (report.name, report.creation_date) not in self._forgotten]

    def answer(self, request: SimulatorRequest) -> SimulatorResponse:
        """Answer one request."""
        if request.path.startswith(CONTAINER):
            self.listing()  # a restarted simulator has the files of links given before
            return self.blobs.answer(request)
        if request.headers.get("x-subscription-key") != self.account["subscriptionKey"]:
            return _error(401, "Access denied due to missing or invalid subscription key")
        if request.path == f"{BASE_PATH}/{self.token_path}":
            return self._token(request)
        if request.path == f"{BASE_PATH}/reports":
            return self._reports(request) if self._authorized(request) else _error(401, "Unauthorized")
        return _error(404, "Resource not found")

    def _reports(self, request: SimulatorRequest) -> SimulatorResponse:
        if request.method == self.schedule_method and request.body:
            return self._schedule(request)
        if request.method == "GET":
            return self._list(request)
        return _error(405, "Method not allowed")

    def _token(self, request: SimulatorRequest) -> SimulatorResponse:
        pair = f"{self.account['username']}:{self.account['password']}".encode()
        if request.method != "POST":
            return _error(405, "Method not allowed")
        if request.headers.get("authorization") != f"Basic {base64.b64encode(pair).decode()}":
            return _error(401, "Wrong user name or password")
        body = _json_object(request.body)
        if body is None or body.get("marketplace") != self.account["marketplace"]:
            return _error(400, "Unknown marketplace")
        token = secrets.token_urlsafe(32)
        self._tokens[token] = self.clock() + timedelta(seconds=self.token_seconds)
        return json_answer({self.token_field: token, "expires_in": self.token_seconds})

    def _authorized(self, request: SimulatorRequest) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        expiry = self._tokens.get(token)
        return scheme == "Bearer" and expiry is not None and self.clock() < expiry

    def _list(self, request: SimulatorRequest) -> SimulatorResponse:
        wanted = request.query.get("format")
        if wanted is not None and wanted not in self._formats():
            return _error(400, "Unknown format")
        try:
            first, last = (date.fromisoformat(request.query.get(name, "")) for name in ("from", "to"))
        except ValueError:
            return _error(400, "from and to are required, as days in ISO 8601 format")
        data = [
            self._shown(report)
            for report in self.listing()
            if first <= report.day <= last and (wanted is None or report.format == self._formats()[wanted])
        ]
        return json_answer({"data": data, "pagination": {"offset": 0, "limit": len(data), "total": len(data)}})

    def _formats(self) -> dict[str, str]:
        return {"json": "JSON", "xml": "XML", "csv": "CSV", self.xlsx_name: "XLSX"}

    def _shown(self, report: SimulatedReport) -> dict[str, str]:
        link = self.blobs.link(self.origin, report.blob, self.link_life) if report.link is None else report.link
        return {
            "name": report.name,
            "format": report.format,
            "creationDate": report.creation_date,
            "downloadUrl": link,
        }

    def _schedule(self, request: SimulatorRequest) -> SimulatorResponse:
        asked = _json_object(request.body)
        if asked is None or not all(isinstance(asked.get(key), str) for key in _REQUIRED):
            return _error(400, f"A report needs {', '.join(_REQUIRED)}")
        if asked["format"] not in self._formats():
            return _error(400, "Unknown format")
        now = self.clock().astimezone(UTC)
        created = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}Z"
        self.add_report(asked["name"], self._formats()[asked["format"]], created, link=asked.get("downloadUrl"))
        known = {**asked, "status": "completed", "type": "onetime", "creationDate": created}
        scheduled = {"id": str(uuid.uuid4()), **{key: known[key] for key in _ECHOED if key in known}}
        self.scheduled.append({**scheduled, "downloadUrl": self._shown(self._added[-1])["downloadUrl"]})
        return json_answer(self.scheduled[-1])


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _error(status: int, message: str) -> SimulatorResponse:
    return json_answer({"statusCode": status, "message": message}, status)
