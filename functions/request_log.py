"""One log line for each GraphQL request: its metrics are in it, and nothing secret is.

Its content is gathered where things happen (`runtime.telemetry`). The two metrics with a dimension, errors by code and
seconds by upstream, need a line each; most requests have neither. An error counts whether the answer shows it or an
older answer was given instead.
"""

import os
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from runtime.logs import rendered, write
from runtime.metrics import MOST_VALUES, embedded, emit
from runtime.redaction import redacted
from runtime.telemetry import Telemetry, UpstreamCall
from schema.http.requests import Request

TRACE_VARIABLE = "_X_AMZN_TRACE_ID"
TRACE_HEADER = "x-amzn-trace-id"
LONGEST_NAME = 80
_SOURCES = (("ledger.hit", "CACHE"), ("ledger.miss", "UPSTREAM"), ("ledger.archive", "ARCHIVE"))
CLIENT_CLAIMS = ("client_id", "azp", "cid", "appid")
"""The claims in which identity providers name the application that a token was issued to."""


class LoggedResponse(NamedTuple):
    """How a request ended."""

    request: Request
    status: int
    size: int


class RequestLog:
    """Writes the lines of one process; its first request is its cold start."""

    def __init__(self) -> None:
        self._cold = True

    def write(self, record: Telemetry, response: LoggedResponse, began: float) -> None:
        """Write the line of one request; `began` is on the performance clock."""
        cold, self._cold = self._cold, False
        request, counts = response.request, record.counts
        metrics = {"Requests": 1, "LedgerHits": counts["ledger.hit"], "StaleAnswers": counts["ledger.stale"]}
        line: dict[str, Any] = {
            "time": datetime.now(UTC),
            "level": "INFO",
            "message": "request",
            "requestId": request.request_id,
            "traceId": os.environ.get(TRACE_VARIABLE) or request.headers.get(TRACE_HEADER),
            **_caller(request),
            "method": request.method,
            "status": response.status,
            "seconds": round(time.perf_counter() - began, 6),
            "bytes": response.size,
            "coldStart": cold,
            **_facts(record),
            "source": [source for count, source in _SOURCES if counts[count]],
            "stale": counts["ledger.stale"] > 0,
            "errorCodes": record.error_codes,
            "upstreamCalls": [_shown_call(call) for call in record.upstream_calls],
            "counts": counts,
            **embedded(metrics),
        }
        write(rendered(line))
        write_by_dimension(record)


def _caller(request: Request) -> dict[str, str | None]:
    """The application, its user (or the application again) and the address, as the identity provider names them."""
    claims = request.claims or {}
    client, subject = next(filter(None, map(claims.get, CLIENT_CLAIMS)), None), claims.get("sub")
    return {
        "client": client and _shown(str(client)),
        "subject": subject and _shown(str(subject)),
        "address": request.address,
    }


def _facts(record: Telemetry) -> dict[str, object]:
    """The facts of a request, its operation's name redacted: that is the client's own text."""
    name = record.facts.get("operation")
    return {**record.facts, "operation": _shown(name)} if isinstance(name, str) else record.facts


def _shown_call(call: UpstreamCall) -> dict[str, object]:
    return {
        "upstream": call.upstream,
        "operation": call.operation,
        "status": call.status,
        "seconds": round(call.seconds, 6),
    }


@lru_cache(maxsize=512)
def _shown(name: str) -> str:
    return redacted(name[:LONGEST_NAME])


def write_by_dimension(record: Telemetry) -> None:
    """Write errors by code and seconds by upstream."""
    for code, times in record.failures().items():
        emit({"Errors": times}, {"Code": code})
    if not record.upstream_calls:
        return
    seconds: dict[str, list[float]] = {}
    for call in record.upstream_calls:
        seconds.setdefault(call.upstream, []).append(round(call.seconds, 6))
    for upstream, taken in seconds.items():
        for at in range(0, len(taken), MOST_VALUES):
            emit({"UpstreamSeconds": taken[at : at + MOST_VALUES]}, {"Upstream": upstream})
