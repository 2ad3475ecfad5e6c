"""What a cold start imports: graphql-core, never Strawberry, and no client before it is needed."""

import json
import subprocess
import sys

import pytest

from tests.support.api.frontend import EVERY_SCOPE, Frontend, http_event
from tests.support.moving_clock import MovingClock

LATER = ("strawberry", "httpx", "boto3", "botocore", "obstore", "isal", "mangum", "explorer")
KEEPERS_OWN = ("arro3",)


@pytest.mark.parametrize("module", ["functions.graphql_api", "schema.http.endpoint", "schema.execution.operations"])
def test_what_is_needed_later_is_imported_later(module: str) -> None:
    program = f"import sys, {module}; print([name for name in {LATER!r} if name in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", program], env={"LEDGER_BUCKET": "any"}, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["functions.graphql_api", "functions.exporter", "functions.keeper"])
def test_parquet_is_imported_by_the_keeper_when_it_writes_some(module: str) -> None:
    program = f"import sys, {module}; print([name for name in {KEEPERS_OWN!r} if name in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", program], env={"LEDGER_BUCKET": "any"}, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


ANSWERED_FROM_S3 = """
import json, os, sys
import functions.graphql_api
from datetime import datetime
from functions.application import make_handler
from functions.settings import Settings

event, moment, names = json.loads(sys.argv[1]), datetime.fromisoformat(sys.argv[2]), sys.argv[3:]
answer = make_handler(Settings.read(), lambda: moment)(event, None)
data = json.loads(answer["body"])["data"]
print(json.dumps([data[field]["freshness"]["source"] for field in data]))
print(json.dumps([name for name in names if name in sys.modules]), flush=True)
os._exit(0)  # as Lambda ends its processes: S3 may still be answering
"""
NOT_FOR_READING = (
    *("httpx", "boto3", "upstreams.http", "upstreams.transport", "tempfile", "zoneinfo", "csv", "pathlib"),
    *("ssl", "_hashlib"),
)
REPORTS = '{ reports(from: "2019-11-05", to: "2019-12-03") { freshness { source } nodes { name downloadUrl } } }'
CREDITS = """{ creditLog(from: "2019-11-12T00:00:00Z", to: "2019-11-14T00:00:00Z") {
  freshness { source } nodes { time amount } summary(by: [DAY]) { count } } }"""


@pytest.mark.parametrize(("query", "other"), [(REPORTS, "ledger.credits"), (CREDITS, "ledger.reports")])
def test_a_query_that_s3_answers_imports_nothing_that_calls_a_vendor_or_belongs_to_others(
    query: str, other: str, frontend: Frontend, settings_environ: dict[str, str], clock: MovingClock
) -> None:
    frontend.data(query)
    body, headers = json.dumps({"query": query}), {"content-type": "application/json"}
    event = http_event("POST", "/graphql", headers=headers, body=body, claims={"scope": EVERY_SCOPE})
    program = [sys.executable, "-c", ANSWERED_FROM_S3, json.dumps(event), clock().isoformat(), *NOT_FOR_READING, other]
    run = subprocess.run(program, env=settings_environ, capture_output=True, text=True, check=True)
    *_, sources, imported = run.stdout.splitlines()
    assert json.loads(sources) == ["CACHE"], run.stderr
    assert json.loads(imported) == [], run.stderr
