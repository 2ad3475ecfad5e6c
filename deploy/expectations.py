"""What each sample event must get: one table for the deployed functions and for the artifact under Lambda's runtime.

An expectation says more than a status: the figures of the vendors' documents, what may be cached, what is not told.
"""

import base64
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.artifact import ROOT

EVENTS = ROOT / "events"
SEED_REPORTS = 7
SEED_JSON_REPORTS = 3


class CheckError(Exception):
    """Something deployed does not do what it must; the message says what was seen."""


def require(condition: object, seen: object) -> None:
    """Fail with what was seen, unless the condition holds."""
    if not condition:
        raise CheckError(str(seen)[:2000])


def event(name: str) -> dict[str, Any]:
    """One file of `events/`."""
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded


@dataclass(frozen=True, slots=True)
class ExpectedAnswer:
    """An HTTP answer as a client sees it: header names in lower case, the body decoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of_payload(cls, payload: Mapping[str, Any]) -> "ExpectedAnswer":
        """What API Gateway and a browser make of a handler's payload 2.0 answer."""
        body = payload.get("body") or ""
        raw = base64.b64decode(body) if payload.get("isBase64Encoded") else body.encode()
        return cls.of_http(payload["statusCode"], payload.get("headers") or {}, raw)

    @classmethod
    def of_http(cls, status: int, headers: Mapping[str, str], raw: bytes) -> "ExpectedAnswer":
        """An answer off the wire."""
        lower = {name.lower(): value for name, value in headers.items()}
        body = gzip.decompress(raw) if lower.get("content-encoding") == "gzip" and raw else raw
        return cls(status, lower, body)

    def data(self) -> dict[str, Any]:
        """The data of a GraphQL answer without errors."""
        document = json.loads(self.body)
        require("errors" not in document, document)
        data: dict[str, Any] = document["data"]
        return data

    def code(self) -> str:
        """The code of the first error."""
        code: str = json.loads(self.body)["errors"][0]["extensions"]["code"]
        return code


def _reports(answer: ExpectedAnswer) -> None:
    reports = answer.data()["reports"]
    created = [node["creationDate"] for node in reports["nodes"]]
    require(reports["totalCount"] == len(created) == SEED_REPORTS, reports)
    require(created == sorted(created, reverse=True), created)


def _credit_log(answer: ExpectedAnswer) -> None:
    log = answer.data()["creditLog"]
    require(log["totalCount"] > len(log["nodes"]) == 100, log)  # `first` of the event
    require(sum(bucket["count"] for bucket in log["summary"]) == log["totalCount"], log["summary"])
    require(all(node["msisdn"].startswith("4477009000") for node in log["nodes"]), log["nodes"][0])


def _credit_outcome(answer: ExpectedAnswer) -> None:
    rows = answer.data()["creditOutcome"]["rows"]
    require(rows and all("." in row["creditApplied"] for row in rows), rows)


def _no_such_export(answer: ExpectedAnswer) -> None:
    require(answer.data() == {"creditLogExport": None}, answer.body)


def _scheduled(answer: ExpectedAnswer) -> None:
    report = answer.data()["scheduleReport"]["report"]
    require((report["name"], report["type"], report["format"]) == ("Daily report", "onetime", "JSON"), report)


def _export_started(answer: ExpectedAnswer) -> None:
    export = answer.data()["exportCreditLog"]
    require(export["id"] and export["status"] in {"QUEUED", "RUNNING", "DONE"}, export)


def _json_reports(answer: ExpectedAnswer) -> None:
    require(answer.data()["reports"]["totalCount"] == SEED_JSON_REPORTS, answer.body)


def _seven(answer: ExpectedAnswer) -> None:
    require(answer.data()["reports"]["totalCount"] == SEED_REPORTS, answer.body)


def _page(answer: ExpectedAnswer) -> None:
    require(answer.headers["content-type"].startswith("text/html") and b"<base href" in answer.body, answer.body[:300])
    require("script-src 'self'" in answer.headers["content-security-policy"], answer.headers)


def _script(answer: ExpectedAnswer) -> None:
    require(answer.headers["cache-control"].endswith("immutable"), answer.headers)
    require(b"React" in answer.body, answer.body[:200])


def _refused(answer: ExpectedAnswer) -> None:
    require(answer.code() == "UNAUTHENTICATED", answer.body)


def _nothing_told(answer: ExpectedAnswer) -> None:
    require(len(answer.body) < 100, answer.body)  # "up", and nothing more


def _any(_: ExpectedAnswer) -> None:
    """The status says it all."""


EXPECTED: dict[str, tuple[int, Callable[[ExpectedAnswer], None]]] = {
    "reports": (200, _reports),
    "credit-log": (200, _credit_log),
    "credit-outcome": (200, _credit_outcome),
    "credit-log-export": (200, _no_such_export),
    "schedule-report": (200, _scheduled),
    "export-credit-log": (200, _export_started),
    "get-query": (200, _json_reports),
    "persisted-query": (200, _seven),
    "persisted-query-by-hash": (200, _seven),
    "explorer": (200, _page),
    "asset": (200, _script),
    "health": (200, _nothing_told),
    "preflight": (204, _any),
    "no-token": (401, _refused),
}
"""By the name of the file; in an order in which a persisted query is registered before it is asked for by its hash."""


def check(name: str, answer: ExpectedAnswer) -> None:
    """Hold an answer against what its event must get.

    Raises:
        CheckError: it differs.
    """
    status, expected = EXPECTED[name]
    require(answer.status == status, f"{name}: {answer.status} instead of {status}: {answer.body[:500]!r}")
    expected(answer)
