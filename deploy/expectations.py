"""The expected answer to each sample event: one table for the deployed functions and for Lambda's own runtime.

An expectation checks more than the status: the figures of the vendors' documents, caching headers, and what an answer
must not reveal.
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
    """A deployed part does not behave as expected; the message shows what it did."""


def require(condition: object, message: object) -> None:
    """Fail with the message, unless the condition holds."""
    if not condition:
        raise CheckError(str(message)[:2000])


def event(name: str) -> dict[str, Any]:
    """One file of `events/`."""
    loaded: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return loaded


@dataclass(frozen=True, slots=True)
class ExpectedAnswer:
    """An HTTP answer as a client sees it: header names in lower case, the body decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of_payload(cls, payload: Mapping[str, Any]) -> "ExpectedAnswer":
        """A handler's payload 2.0 answer, as API Gateway and a browser decode it."""
        body = payload.get("body") or ""
        raw = base64.b64decode(body) if payload.get("isBase64Encoded") else body.encode()
        headers = {name.lower(): value for name, value in (payload.get("headers") or {}).items()}
        zipped = headers.get("content-encoding") == "gzip" and raw
        return cls(payload["statusCode"], headers, gzip.decompress(raw) if zipped else raw)

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


def _short(answer: ExpectedAnswer) -> None:
    require(len(answer.body) < 100, answer.body)  # "up", without details


def _no_body(answer: ExpectedAnswer) -> None:
    require(answer.body == b"", answer.body)


def _any(_: ExpectedAnswer) -> None:
    """Only the status matters."""


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
    "overview": (200, _page),
    "asset": (200, _script),
    "custom-domain": (200, _json_reports),
    "health": (200, _short),
    "health-head": (200, _no_body),
    "preflight": (204, _any),
    "no-token": (401, _refused),
}
"""By file name, in an order that registers a persisted query before a request uses its hash."""


def check(name: str, answer: ExpectedAnswer) -> None:
    """Compare an answer with the expectation for its event.

    Raises:
        CheckError: they differ.
    """
    status, expected = EXPECTED[name]
    require(answer.status == status, f"{name}: {answer.status} instead of {status}: {answer.body[:500]!r}")
    expected(answer)
