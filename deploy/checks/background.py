"""Checks of the deployed keeper and exporter: what they write to the ledger, and what a client receives of it."""

import csv
import gzip
import io
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from arro3.io import read_parquet

from deploy.expectations import ExpectedAnswer, event, require
from deploy.stack import Stack
from local.vendors.blobs import CONTAINER
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from local.vendors.simulator import Simulator

EXPORT_SECONDS = 60
DEAD_LETTER_SECONDS = 30
STORED_DAYS = 120
UNSETTLED_DAYS = 5
"""Today, and the days that ended less than 72 hours ago."""
COLUMNS = ["credit_id", "time", "msisdn", "network", "outcome", "raw_outcome", "amount", "currency"]
RECENT_REPORTS = (
    "query Recent($from: Date!, $to: Date!) { reports(from: $from, to: $to) { nodes { name archiveUrl } } }"
)


def ask(stack: Stack, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Send a query to the deployed function with every scope; returns its data."""
    request = event("reports")
    request["body"] = json.dumps({"query": query, "variables": variables})
    return ExpectedAnswer.of_payload(stack.invoke("GraphqlApiFunction", request)).data()


def check_keeper(stack: Stack, rde: RdeSimulator, openmarket: OpenMarketSimulator) -> None:
    """One run settles every day that can be settled and archives the report files; the next one has nothing to do."""
    stack.invoke("KeeperFunction", event("keeper"))
    settled = [key for key in _keys(stack, "credit-log/tenant=default/brand=__all__/") if key.endswith("/rows.csv.gz")]
    require(len(settled) >= STORED_DAYS - UNSETTLED_DAYS, f"{len(settled)} settled days after the keeper's run")
    _check_lake(stack)
    today = datetime.now(UTC).date()
    period = {"from": str(today - timedelta(days=30)), "to": str(today)}
    links = [report["archiveUrl"] for report in ask(stack, RECENT_REPORTS, period)["reports"]["nodes"]]
    require(links and all(links), f"{links.count(None)} of {len(links)} reports of the last month are not archived")
    require(download(links[0]), "an archived file is empty")
    files, logs = _calls(rde, CONTAINER), _calls(openmarket, "/csv/log")
    stack.invoke("KeeperFunction", event("keeper"))
    require(_calls(rde, CONTAINER) == files, "an archived file was fetched again")
    require(_calls(openmarket, "/csv/log") <= logs + 1, "settled days were fetched again")


def _check_lake(stack: Stack) -> None:
    """The keeper's own artifact has written every settled credit as Parquet."""
    s3 = stack.emulator.client("s3")
    names = [key.rpartition("/")[2] for key in _keys(stack, "credit-log/tenant=default/brand=__all__/")]
    settled = sum(int(name.rpartition("-")[2].partition(".")[0]) for name in names if name.startswith("_settled-"))
    files = [key for key in _keys(stack, "lake/credits/tenant=default/") if key.endswith(".parquet")]
    bodies = [s3.get_object(Bucket=stack.bucket, Key=key)["Body"].read() for key in files]
    rows = sum(batch.num_rows for body in bodies for batch in read_parquet(body))
    require(rows == settled > 0, f"{rows} rows in {len(files)} files of the lake, {settled} credits are settled")


def check_exporter(stack: Stack) -> None:
    """The exporter function writes an export requested through the API, with as many rows as the API counts."""
    exported = ExpectedAnswer.of_payload(stack.invoke("GraphqlApiFunction", event("export-credit-log")))
    export = _finished(stack, exported.data()["exportCreditLog"]["id"])
    rows = list(csv.reader(io.StringIO(gzip.decompress(download(export["url"])).decode(), newline="")))
    log = ExpectedAnswer.of_payload(stack.invoke("GraphqlApiFunction", event("credit-log"))).data()["creditLog"]
    require(rows[0] == COLUMNS, rows[0])
    require(
        len(rows) - 1 == export["rows"] == log["totalCount"], f"{len(rows) - 1} rows, {export}, {log['totalCount']}"
    )
    again = stack.invoke("ExporterFunction", {**event("exporter"), "id": export["id"]})
    require(again == {"id": export["id"], "finished": True}, again)


def check_dead_letters(stack: Stack) -> None:
    """An event that the exporter cannot process ends in the dead-letter queue, which has an alarm."""
    invalid = json.dumps({"tenant": "../other", "id": "?"})
    functions, queues = stack.emulator.client("lambda"), stack.emulator.client("sqs")
    exporter, queue = stack.outputs["ExporterFunction"], stack.outputs["DeadLetterQueue"]
    functions.invoke(FunctionName=exporter, InvocationType="Event", Payload=invalid.encode())
    letters: list[str] = []
    deadline = time.monotonic() + DEAD_LETTER_SECONDS
    while not letters and time.monotonic() < deadline:
        received = queues.receive_message(QueueUrl=queue, WaitTimeSeconds=1)
        letters = [letter["Body"] for letter in received.get("Messages", [])]
    require(len(letters) == 1 and "../other" in letters[0], letters)


def _calls(vendor: Simulator, path: str) -> int:
    return sum(request.path.startswith(path) for request in vendor.requests)


def _finished(stack: Stack, export_id: str) -> dict[str, Any]:
    request = event("credit-log-export")
    request["body"] = request["body"].replace("no-such-export", export_id)
    deadline = time.monotonic() + EXPORT_SECONDS
    while time.monotonic() < deadline:
        export: dict[str, Any] = ExpectedAnswer.of_payload(stack.invoke("GraphqlApiFunction", request)).data()[
            "creditLogExport"
        ]
        if export["status"] in {"DONE", "FAILED"}:
            require(export["status"] == "DONE", export)
            return export
        time.sleep(0.2)
    raise RuntimeError(f"the export {export_id} did not finish within {EXPORT_SECONDS} s")


def _keys(stack: Stack, prefix: str) -> list[str]:
    pages = stack.emulator.client("s3").get_paginator("list_objects_v2").paginate(Bucket=stack.bucket, Prefix=prefix)
    return [found["Key"] for page in pages for found in page.get("Contents", ())]


def download(url: str) -> bytes:
    """The content behind a link that the product returned."""
    return httpx.get(url, timeout=30, trust_env=False).raise_for_status().content
