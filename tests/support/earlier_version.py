"""Fills a bucket with an earlier version of the product and packs it into one file for the tests.

    python -m tests.support.earlier_version 297f94d tests/ledger/earlier

The version is taken from git and runs as a process of its own, over the embedded AWS and the simulated vendors; it
answers `QUERIES`. The file, `{commit}.zip`, has the objects of its bucket, their attributes and its answers.
"""

import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from ledger.storage.bucket import LIST_PAGE
from local.aws import Aws
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from tests.support.repository import ROOT

BUCKET, CONTENT = "earlier", "content.json"
ROWS_A_DAY = 6
SETTLED_DAYS, SOME_DAYS = 6, 3
BRAND = "MyBrand"
LOG = """query Log($from: DateTime!, $to: DateTime!, $brand: String) {
  creditLog(from: $from, to: $to, brand: $brand, first: 1000) {
    nodes { creditId time msisdn network outcome rawOutcome amount currency } totalCount
    summary(by: [DAY, HOUR, NETWORK, OUTCOME, CURRENCY]) { day hour network outcome currency count amount }
    freshness { asOf stale } } }"""
REPORTS = """query Reports($from: Date!, $to: Date!) {
  reports(from: $from, to: $to) { nodes { name rawFormat creationDate } totalCount freshness { asOf stale } } }"""
EXPORT = """mutation Export($from: DateTime!, $to: DateTime!) {
  exportCreditLog(input: {from: $from, to: $to, format: CSV}) { id } }"""
PROGRAM = """
import json, sys, threading
from functions.graphql_api import handler
class Context:
    aws_request_id = "earlier"
    def get_remaining_time_in_millis(self):
        return 29000
answers = [handler(event, Context()) for event in json.load(sys.stdin)]
for thread in threading.enumerate():
    if thread is not threading.current_thread() and not thread.daemon:
        thread.join(60)
print("ANSWERS" + json.dumps(answers))
"""


@dataclass(frozen=True, slots=True)
class EarlierBucket:
    """What an earlier version has left: objects and attributes by key, and its answers by name."""

    objects: Mapping[str, bytes]
    attributes: Mapping[str, Mapping[str, str]]
    answers: Mapping[str, Any]
    variables: Mapping[str, Mapping[str, str]]

    @classmethod
    def read(cls, path: Path) -> "EarlierBucket":
        """Unpack a file that `main` has written."""
        with zipfile.ZipFile(path) as packed:
            content = json.loads(packed.read(CONTENT))
            objects = {key: packed.read(f"objects/{number}") for number, key in enumerate(content["keys"])}
        attributes = dict(zip(content["keys"], content["attributes"], strict=True))
        return cls(objects, attributes, content["answers"], content["variables"])

    @property
    def moment(self) -> datetime:
        """A second after its last fetch, the listing of reports."""
        return datetime.fromisoformat(self.answers["reports"]["reports"]["freshness"]["asOf"]) + timedelta(seconds=1)


def asked(today: date) -> dict[str, tuple[str, dict[str, str]]]:
    """The queries by name: settled days, some of a brand, open days, a listing, and an export."""
    first = today - timedelta(days=20)
    settled = _period(first, SETTLED_DAYS)
    return {
        "settled": (LOG, settled),
        "brand": (LOG, _period(first, SOME_DAYS) | {"brand": BRAND}),
        "open": (LOG, _period(today - timedelta(days=2), SOME_DAYS)),
        "reports": (REPORTS, {"from": str(first), "to": str(today)}),
        "export": (EXPORT, settled),
    }


def _period(first: date, days: int) -> dict[str, str]:
    return {"from": f"{first}T00:00:00Z", "to": f"{first + timedelta(days=days)}T00:00:00Z"}


def main(commit: str, folder: Path) -> None:
    """Run the version and write its file."""
    queries = asked(datetime.now(UTC).date())
    with Aws() as aws, OpenMarketSimulator(rows_a_day=ROWS_A_DAY) as openmarket, RdeSimulator(generated=False) as rde:
        for name in ("usage", "invoices"):
            rde.add_report(name, "CSV", f"{datetime.now(UTC) - timedelta(days=3):%Y-%m-%dT%H:%M:%SZ}")
        aws.create_bucket(BUCKET)
        for upstream, vendor in (("openmarket", openmarket), ("rde", rde)):
            aws.put_secret(f"tally/default/{upstream}", vendor.secret)
        environ = {
            **aws.environ,
            "LEDGER_BUCKET": BUCKET,
            "OPENMARKET_BASE_URL": openmarket.base_url,
            "RDE_BASE_URL": rde.base_url,
            "RDE_TOKEN_PATH": "token",
        }
        answers = _answers(commit, environ, [_event(*query) for query in queries.values()])
        _pack(folder / f"{commit}.zip", aws, queries, dict(zip(queries, answers, strict=True)))


def _answers(commit: str, environ: Mapping[str, str], events: list[dict[str, Any]]) -> list[Any]:
    """What the version answers, each time without errors."""
    with tempfile.TemporaryDirectory() as home:
        tree = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout  # noqa: S607
        with tarfile.open(fileobj=io.BytesIO(tree)) as files:
            files.extractall(home, filter="data")
        command = [sys.executable, "-c", PROGRAM]
        done = subprocess.run(
            command,
            cwd=home,
            env={"PATH": "/usr/bin:/bin", **environ},
            input=json.dumps(events),
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    line = next(line for line in done.stdout.splitlines() if line.startswith("ANSWERS"))
    answers = [json.loads(answer["body"]) for answer in json.loads(line.removeprefix("ANSWERS"))]
    if failed := [answer for answer in answers if "errors" in answer]:
        raise SystemExit(f"{commit} answered {failed}")
    return [answer["data"] for answer in answers]


def _event(query: str, variables: Mapping[str, str]) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / "credit-log.json").read_text())
    event["headers"].pop("accept-encoding", None)
    return event | {"body": json.dumps({"query": query, "variables": variables})}


def _pack(path: Path, aws: Aws, queries: dict[str, tuple[str, dict[str, str]]], answers: dict[str, Any]) -> None:
    s3 = aws.client("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, MaxKeys=LIST_PAGE)["Contents"]]
    stored = [s3.get_object(Bucket=BUCKET, Key=key) for key in keys]
    content = {
        "keys": keys,
        "attributes": [{"Content-Type": each["ContentType"], **each["Metadata"]} for each in stored],
        "answers": answers,
        "variables": {name: variables for name, (_, variables) in queries.items()},
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(CONTENT, json.dumps(content, indent=1))
        for number, each in enumerate(stored):
            packed.writestr(f"objects/{number}", each["Body"].read())


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
