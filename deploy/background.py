"""The keeper and the exporter where they were deployed: what they leave in the ledger, and what a client gets of it."""

import csv
import gzip
import io
import json
import time
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.expectations import ExpectedAnswer, event, require
from deploy.stack import Stack
from local.blobs import CONTAINER
from local.openmarket import OpenMarketSimulator
from local.rde import RdeSimulator
from local.simulator import Simulator

EXPORT_SECONDS = 60
DEAD_LETTER_SECONDS = 30
KEPT_DAYS = 120
UNSETTLED_DAYS = 5
"""Today, and those that ended less than 72 hours ago."""
COLUMNS = ["credit_id", "time", "msisdn", "network", "outcome", "raw_outcome", "amount", "currency"]
RECENT_REPORTS = (
    "query Recent($from: Date!, $to: Date!) { reports(from: $from, to: $to) { nodes { name archiveUrl } } }"
)


def ask(stack: Stack, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """A query through the deployed function, with every scope; its data."""
    asked = event("reports")
    asked["body"] = json.dumps({"query": query, "variables": variables})
    return ExpectedAnswer.of_payload(stack.invoke("GraphqlApiFunction", asked)).data()


def check_keeper(stack: Stack, rde: RdeSimulator, openmarket: OpenMarketSimulator) -> None:
    """One run settles every day that can be settled and archives the report files; the next one finds nothing to do."""
    stack.invoke("KeeperFunction", event("keeper"))
    settled = [key for key in _keys(stack, "credit-log/tenant=default/brand=__all__/") if key.endswith("/rows.csv.gz")]
    require(len(settled) >= KEPT_DAYS - UNSETTLED_DAYS, f"{len(settled)} settled days after the keeper's run")
    today = datetime.now(UTC).date()
    period = {"from": str(today - timedelta(days=30)), "to": str(today)}
    links = [report["archiveUrl"] for report in ask(stack, RECENT_REPORTS, period)["reports"]["nodes"]]
    require(links and all(links), f"{links.count(None)} of {len(links)} reports of the last month are not archived")
    require(fetched(links[0]), "an archived file is empty")
    files, logs = _asked(rde, CONTAINER), _asked(openmarket, "/csv/log")
    stack.invoke("KeeperFunction", event("keeper"))
    require(_asked(rde, CONTAINER) == files, "an archived file was fetched again")
    require(_asked(openmarket, "/csv/log") <= logs + 1, "settled days were asked for again")


def check_exporter(stack: Stack) -> None:
    """An export asked for through the API is written by the exporter function, row for row what the API counts."""
    exported = ExpectedAnswer.of_payload(stack.invoke("GraphqlApiFunction", event("export-credit-log")))
    export = _finished(stack, exported.data()["exportCreditLog"]["id"])
    rows = list(csv.reader(io.StringIO(gzip.decompress(fetched(export["url"])).decode(), newline="")))
    log = ExpectedAnswer.of_payload(stack.invoke("GraphqlApiFunction", event("credit-log"))).data()["creditLog"]
    require(rows[0] == COLUMNS, rows[0])
    require(
        len(rows) - 1 == export["rows"] == log["totalCount"], f"{len(rows) - 1} rows, {export}, {log['totalCount']}"
    )
    again = stack.invoke("ExporterFunction", {**event("exporter"), "id": export["id"]})
    require(again == {"id": export["id"], "finished": True}, again)


def check_dead_letters(stack: Stack) -> None:
    """An event that the exporter cannot work on ends in the dead-letter queue, where an alarm looks."""
    nonsense = json.dumps({"tenant": "../other", "id": "?"})
    functions, queues = stack.emulator.client("lambda"), stack.emulator.client("sqs")
    exporter, queue = stack.outputs["ExporterFunction"], stack.outputs["DeadLetterQueue"]
    functions.invoke(FunctionName=exporter, InvocationType="Event", Payload=nonsense.encode())
    letters: list[str] = []
    give_up = time.monotonic() + DEAD_LETTER_SECONDS
    while not letters and time.monotonic() < give_up:
        received = queues.receive_message(QueueUrl=queue, WaitTimeSeconds=1)
        letters = [letter["Body"] for letter in received.get("Messages", [])]
    require(len(letters) == 1 and "../other" in letters[0], letters)


def _asked(vendor: Simulator, path: str) -> int:
    return sum(request.path.startswith(path) for request in vendor.requests)


def _finished(stack: Stack, export_id: str) -> dict[str, Any]:
    asked = event("credit-log-export")
    asked["body"] = asked["body"].replace("no-such-export", export_id)
    give_up = time.monotonic() + EXPORT_SECONDS
    while time.monotonic() < give_up:
        export: dict[str, Any] = ExpectedAnswer.of_payload(stack.invoke("GraphqlApiFunction", asked)).data()[
            "creditLogExport"
        ]
        if export["status"] in {"DONE", "FAILED"}:
            require(export["status"] == "DONE", export)
            return export
        time.sleep(0.2)
    raise RuntimeError(f"the export {export_id} did not end within {EXPORT_SECONDS} s")


def _keys(stack: Stack, prefix: str) -> list[str]:
    pages = stack.emulator.client("s3").get_paginator("list_objects_v2").paginate(Bucket=stack.bucket, Prefix=prefix)
    return [found["Key"] for page in pages for found in page.get("Contents", ())]


def fetched(url: str) -> bytes:
    """What lies behind a link that the product gave out."""
    with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310 - a link to the emulator
        body: bytes = response.read()
        return body
