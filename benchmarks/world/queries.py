"""The operations that are measured, as API Gateway's events and as HTTP bodies."""

import json
from base64 import b64decode
from datetime import date, timedelta
from gzip import decompress
from typing import Any

from deploy.artifact import ROOT
from local.vendors.credits import NETWORKS

REPORTS = """query Reports($from: Date!, $to: Date!, $first: Int) {
  reports(from: $from, to: $to, first: $first) { nodes { name format creationDate downloadUrl } }
}"""
LOG = """query Log($from: DateTime!, $to: DateTime!, $first: Int) {
  creditLog(from: $from, to: $to, first: $first) {
    nodes { creditId time msisdn network outcome amount currency }
  }
}"""
FILTERED_LOG = """query FilteredLog($from: DateTime!, $to: DateTime!, $first: Int, $networks: [String!]) {
  creditLog(from: $from, to: $to, first: $first, where: {network: $networks}) {
    nodes { creditId time msisdn network outcome amount currency }
  }
}"""
LOG_WITH_INCLUDE = """query LogWithInclude($from: DateTime!, $to: DateTime!, $first: Int, $money: Boolean!) {
  creditLog(from: $from, to: $to, first: $first) {
    nodes { creditId time msisdn network
      outcome @include(if: $money) amount @include(if: $money) currency @include(if: $money)
    }
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
"""The period of each listing, by its number of reports."""
LARGEST_PAGE = 10_000

Body = dict[str, Any]


def reports(size: int, first: int = LARGE) -> Body:
    """The listing of `size` reports."""
    start, end = PERIODS[size]
    return {"query": REPORTS, "variables": {"from": start, "to": end, "first": first}, "operationName": "Reports"}


def new_operation(size: int, number: int) -> Body:
    """The same operation under another name, so that no process has seen its text."""
    return reports(size) | {
        "query": REPORTS.replace("Reports", f"Reports{number}"),
        "operationName": f"Reports{number}",
    }


def log(first_day: date, days: int, first: int = LARGEST_PAGE) -> Body:
    """A page of the credit log of some days."""
    return {"query": LOG, "variables": _instants(first_day, days) | {"first": first}, "operationName": "Log"}


def brand_log(first_day: date, days: int, brand: str, first: int) -> Body:
    """A page of one brand's log."""
    query = LOG.replace("$first: Int)", "$first: Int, $brand: String)").replace("to: $to,", "to: $to, brand: $brand,")
    variables = _instants(first_day, days) | {"first": first, "brand": brand}
    return {"query": query, "variables": variables, "operationName": "Log"}


def filtered_log(first_day: date, days: int) -> Body:
    """The largest page with a variable inside the filter, which every row matches."""
    variables = _instants(first_day, days) | {"first": LARGEST_PAGE, "networks": list(NETWORKS)}
    return {"query": FILTERED_LOG, "variables": variables, "operationName": "FilteredLog"}


def log_with_include(first_day: date, days: int) -> Body:
    """The largest page with directives that depend on a variable."""
    variables = _instants(first_day, days) | {"first": LARGEST_PAGE, "money": True}
    return {"query": LOG_WITH_INCLUDE, "variables": variables, "operationName": "LogWithInclude"}


def summary(first_day: date, days: int, brand: str) -> Body:
    """A brand's totals by day and outcome."""
    return {"query": SUMMARY, "variables": _instants(first_day, days) | {"brand": brand}, "operationName": "Summary"}


def export(first_day: date, days: int, brand: str) -> Body:
    """A brand's log of some days as one file."""
    return {"query": EXPORT, "variables": _instants(first_day, days) | {"brand": brand}, "operationName": "Export"}


def exported(job: str) -> Body:
    """The state of an export."""
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
    """The body of a Lambda proxy answer, decoded and decompressed."""
    body = b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer["body"].encode()
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    return decompress(body) if headers.get("content-encoding") == "gzip" else body


def data(answer: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """The data of a Lambda proxy answer.

    Raises:
        RuntimeError: the status is not 200, or the answer has errors.
    """
    parsed = json.loads(content(answer))
    if answer["statusCode"] != 200 or parsed.get("errors"):
        raise RuntimeError(f"the call failed: {answer['statusCode']} {parsed.get('errors')}")
    return parsed["data"]
