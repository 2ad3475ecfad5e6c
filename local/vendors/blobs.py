"""The file storage behind RDE's download links, as Azure Blob does it: the link lets its holder read, write and delete.

A link is signed over its path and times, is refused before `st` and from `se` on, and its `sp=rwd` is honoured: DELETE
deletes and PUT replaces, so a test sees at once when the product ever does either.
"""

import hmac
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from local.vendors.report_content import CONTENT_TYPES
from local.vendors.simulator import Clock, SimulatorRequest, SimulatorResponse

CONTAINER = "/rdecontainer/"
_KEY = b"the simulator's own"
_VERSION = "2016-05-31"


class BlobStore:
    """Files by name; `lead` is how long ago links began to work.

    `keep` takes a file as a function, so that a listing of 90 days makes none of them.
    """

    def __init__(self, clock: Clock) -> None:
        self.lead = timedelta(minutes=10)
        self._clock = clock
        self._files: dict[str, Callable[[], bytes]] = {}
        self._deleted: set[str] = set()

    def keep(self, name: str, make: Callable[[], bytes]) -> None:
        """Have a file, unless it is there or was deleted."""
        if name not in self._deleted:
            self._files.setdefault(name, make)

    def names(self) -> frozenset[str]:
        """The files there are."""
        return frozenset(self._files)

    def link(self, origin: str, name: str, life: timedelta) -> str:
        """A link to a file that has worked for `lead` (below zero: does not work yet) and expires after `life`."""
        start, end = _moment(self._clock() - self.lead), _moment(self._clock() + life)
        query = {
            "sig": _signature(name, start, end),
            "api-version": _VERSION,
            "st": start,
            "se": end,
            "sv": _VERSION,
            "sp": "rwd",
            "sr": "b",
        }
        return f"{origin}{CONTAINER}{quote(name, safe='+')}?{urlencode(query, quote_via=quote, safe='')}"

    def answer(self, request: SimulatorRequest) -> SimulatorResponse:
        """Answer one request to the storage; HEAD as GET (the server leaves the body out)."""
        name = request.path.removeprefix(CONTAINER)
        if not self._allowed(name, request):
            return _refusal(403, "AuthenticationFailed")
        if request.method == "PUT":
            self._files[name] = lambda: request.body
            return SimulatorResponse(201)
        if name not in self._files:
            return _refusal(404, "BlobNotFound")
        if request.method == "DELETE":
            del self._files[name]
            self._deleted.add(name)
            return SimulatorResponse(202)
        if request.method in {"GET", "HEAD"}:
            extension = next((kind for kind in CONTENT_TYPES if name.endswith(kind)), "")
            return SimulatorResponse(
                body=self._files[name](), content_type=CONTENT_TYPES.get(extension, "application/octet-stream")
            )
        return _refusal(405, "UnsupportedHttpVerb")

    def _allowed(self, name: str, request: SimulatorRequest) -> bool:
        start, end = request.query.get("st", ""), request.query.get("se", "")
        right = hmac.compare_digest(_signature(name, start, end), request.query.get("sig", ""))
        return right and start <= _moment(self._clock()) < end


def _signature(name: str, start: str, end: str) -> str:
    return hmac.digest(_KEY, f"{name}\n{start}\n{end}".encode(), "sha256").hex()


def _moment(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _refusal(status: int, code: str) -> SimulatorResponse:
    body = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code></Error>'
    return SimulatorResponse(status, body.encode(), "application/xml")
