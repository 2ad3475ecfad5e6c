"""One log line for each GraphQL request, which is its metrics as well; and nothing of it that nobody should read.

What it says was gathered where it happened (`runtime.telemetry`). The two metrics with a dimension, errors by code
and seconds by upstream, need a line each, and most requests have neither. An error counts whether the answer shows it
or an older answer went out in its place.
"""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from runtime.logs import rendered, write
from runtime.metrics import MOST_VALUES, embedded, emit
from runtime.redaction import redacted
from runtime.telemetry import Telemetry
from schema.http.requests import Request

TRACE_VARIABLE = "_X_AMZN_TRACE_ID"
TRACE_HEADER = "x-amzn-trace-id"
LONGEST_NAME = 80
_SOURCES = (("ledger.hit", "CACHE"), ("ledger.miss", "UPSTREAM"), ("ledger.archive", "ARCHIVE"))


CLIENT_CLAIMS = ("client_id", "azp", "cid", "appid")
"""The claims in which identity providers name the application that a token was issued to."""


@dataclass(frozen=True, slots=True)
class LoggedResponse:
    """How a request ended."""

    request: Request
    status: int
    size: int

    @property
    def caller(self) -> dict[str, str | None]:
        """The application, its user (or the application again) and the address; identity providers' own words."""
        claims = self.request.claims or {}
        client = next((claims[name] for name in CLIENT_CLAIMS if claims.get(name)), None)
        names = {"client": client, "subject": claims.get("sub")}
        return {name: value and _shown(str(value)) for name, value in names.items()} | {"address": self.request.address}


class RequestLog:
    """Writes the lines of one process; its first request is the one that found it cold."""

    def __init__(self) -> None:
        self._cold = True

    def write(self, seen: Telemetry, answered: LoggedResponse, began: float) -> None:
        """Write what one request came to; `began` is on the performance clock."""
        cold, self._cold = self._cold, False
        counts = seen.counts
        metrics = {
            "Requests": 1,
            "LedgerHits": counts["ledger.hit"],
            "StaleAnswers": counts["ledger.stale"],
        }
        line: dict[str, Any] = {
            "time": datetime.now(UTC),
            "level": "INFO",
            "message": "request",
            "requestId": answered.request.request_id,
            "traceId": os.environ.get(TRACE_VARIABLE) or answered.request.headers.get(TRACE_HEADER),
            **answered.caller,
            "method": answered.request.method,
            "status": answered.status,
            "seconds": round(time.perf_counter() - began, 6),
            "bytes": answered.size,
            "coldStart": cold,
            **_facts(seen),
            "source": [source for count, source in _SOURCES if counts[count]],
            "stale": counts["ledger.stale"] > 0,
            "errorCodes": seen.error_codes,
            "upstreamCalls": [
                {
                    "upstream": call.upstream,
                    "operation": call.operation,
                    "status": call.status,
                    "seconds": round(call.seconds, 6),
                }
                for call in seen.upstream_calls
            ],
            "counts": counts,
            **embedded(metrics),
        }
        write(rendered(line))
        write_by_dimension(seen)


def _facts(seen: Telemetry) -> dict[str, object]:
    """The facts of a request; an operation's name is the client's own text."""
    name = seen.facts.get("operation")
    return {**seen.facts, "operation": _shown(name)} if isinstance(name, str) else seen.facts


@lru_cache(maxsize=512)
def _shown(name: str) -> str:
    return redacted(name[:LONGEST_NAME])


def write_by_dimension(seen: Telemetry) -> None:
    """Write errors by code and seconds by upstream."""
    for code, times in seen.failures().items():
        emit({"Errors": times}, {"Code": code})
    seconds: dict[str, list[float]] = {}
    for call in seen.upstream_calls:
        seconds.setdefault(call.upstream, []).append(round(call.seconds, 6))
    for upstream, taken in seconds.items():
        for at in range(0, len(taken), MOST_VALUES):
            emit({"UpstreamSeconds": taken[at : at + MOST_VALUES]}, {"Upstream": upstream})
