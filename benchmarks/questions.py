"""What everybody is asked: a few operations, as API Gateway's events and as HTTP bodies."""

import json
from base64 import b64decode
from datetime import date, timedelta
from gzip import decompress
from typing import Any

from deploy.artifact import ROOT

REPORTS = """query Reports($from: Date!, $to: Date!, $first: Int) {
  reports(from: $from, to: $to, first: $first) { nodes { name format creationDate downloadUrl } }
}"""
LOG = """query Log($from: DateTime!, $to: DateTime!, $first: Int) {
  creditLog(from: $from, to: $to, first: $first) {
    nodes { creditId time msisdn network outcome amount currency }
  }
}"""
SUMMARY = """query Summary($from: DateTime!, $to: DateTime!, $brand: String) {
  creditLog(from: $from, to: $to, brand: $brand) {
    totalCount summary(by: [DAY, OUTCOME]) { day outcome currency count amount }
  }
}"""
EXPORT = """mutation Export($from: DateTime!, $to: DateTime!, $brand: String) {
  exportCreditLog(input: {from: $from, to: $to, brand: $brand, format: CSV}) { id status rows error }
}"""
EXPORTED = "query Exported($id: ID!) { creditLogExport(id: $id) { id status rows bytes error } }"

SMALL, LARGE = 28, 1000
PERIODS = {SMALL: ("2018-01-01", "2018-01-28"), LARGE: ("2017-01-01", "2017-12-31")}
"""The days in which a listing of so many reports lies."""
LARGEST_PAGE = 10_000

Body = dict[str, Any]


def reports(size: int, first: int = LARGE) -> Body:
    """The listing of that many reports."""
    start, end = PERIODS[size]
    return {"query": REPORTS, "variables": {"from": start, "to": end, "first": first}, "operationName": "Reports"}


def unheard_of(size: int, number: int) -> Body:
    """The same question in words that nobody has used before."""
    return reports(size) | {
        "query": REPORTS.replace("Reports", f"Reports{number}"),
        "operationName": f"Reports{number}",
    }


def log(first_day: date, days: int, first: int = LARGEST_PAGE) -> Body:
    """A page of the credit log of some days."""
    return {"query": LOG, "variables": _instants(first_day, days) | {"first": first}, "operationName": "Log"}


def summary(first_day: date, days: int, brand: str) -> Body:
    """A brand's totals by day and outcome."""
    return {"query": SUMMARY, "variables": _instants(first_day, days) | {"brand": brand}, "operationName": "Summary"}


def export(first_day: date, days: int, brand: str) -> Body:
    """A brand's log of some days as one file."""
    return {"query": EXPORT, "variables": _instants(first_day, days) | {"brand": brand}, "operationName": "Export"}


def exported(job: str) -> Body:
    """How an export is getting on."""
    return {"query": EXPORTED, "variables": {"id": job}, "operationName": "Exported"}


def _instants(first_day: date, days: int) -> dict[str, str]:
    return {"from": f"{first_day}T00:00:00Z", "to": f"{first_day + timedelta(days=days)}T00:00:00Z"}


def event(body: Body) -> dict[str, Any]:
    """A body in API Gateway's event, from a caller with all scopes."""
    sample: dict[str, Any] = json.loads((ROOT / "events" / "reports.json").read_text())
    text = json.dumps(body)
    headers = sample["headers"] | {"content-length": str(len(text)), "accept": "application/json"}
    return sample | {"headers": headers, "body": text}


def content(answer: dict[str, Any]) -> bytes:
    """The body of a Lambda proxy answer, without its wrappings."""
    body = b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer["body"].encode()
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    return decompress(body) if headers.get("content-encoding") == "gzip" else body


def data(answer: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """The data of a Lambda proxy answer.

    Raises:
        RuntimeError: the answer holds errors, or is none.
    """
    told = json.loads(content(answer))
    if answer["statusCode"] != 200 or told.get("errors"):
        raise RuntimeError(f"no good answer: {answer['statusCode']} {told.get('errors')}")
    return told["data"]
