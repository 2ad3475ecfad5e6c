"""A day of many credits is filled, paged, summed up and exported by real processes in little memory."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger.exports.jobs import ExportFormat, ExportJob
from local.vendors.large_log import LargeLogSimulator
from runtime.clock import DAY, Period, midnight, now
from tests.support.api.frontend import EVERY_SCOPE, RESPONSE_TYPE, http_event
from tests.support.processes.exporting_process import ExportingProcess, printed_by_program, rows_of
from tests.support.repository import ROOT

ROWS = 100_000
LARGEST_PEAK = 125
"""MiB; a day of as many rows in memory took 170."""
QUERY = """query($from: DateTime!, $to: DateTime!, $after: String) {
  creditLog(from: $from, to: $to, first: 100, after: $after) {
    totalCount nodes { creditId time } pageInfo { endCursor hasNextPage }
    summary(by: [NETWORK]) { network count amount } freshness { source }
  }
}"""


@pytest.fixture
def vendor() -> Iterator[LargeLogSimulator]:
    with LargeLogSimulator(day=now().date() - 10 * DAY, rows=ROWS, scattered=True) as simulator:
        yield simulator


@pytest.fixture
def environ(settings_environ: dict[str, str], vendor: LargeLogSimulator) -> dict[str, str]:
    return {**os.environ, **settings_environ, "OPENMARKET_BASE_URL": vendor.base_url, "UPSTREAM_SECONDS": "120"}


def asked(environ: dict[str, str], result: Path, *variables: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
    """The answers of a process of the API's function, and its peak memory in MiB."""
    headers = {"content-type": "application/json", "accept": RESPONSE_TYPE}
    bodies = [json.dumps({"query": QUERY, "variables": each}) for each in variables]
    claims = {"sub": "dashboard", "scope": EVERY_SCOPE}
    events = [http_event("POST", "/graphql", headers=headers, body=body, claims=claims) for body in bodies]
    subprocess.run(
        [sys.executable, "-m", "tests.support.processes.measured_api_program", str(result)],
        env=environ,
        cwd=ROOT,
        input="\n".join(map(json.dumps, events)),
        check=True,
        capture_output=True,
        text=True,
    )
    measured = json.loads(result.read_text())
    logs = [json.loads(answer["body"])["data"]["creditLog"] for answer in measured["answers"]]
    return logs, measured["peak"]


@pytest.mark.slow
@pytest.mark.anyio
async def test_a_day_of_many_credits_takes_little_memory(
    environ: dict[str, str], vendor: LargeLogSimulator, tmp_path: Path
) -> None:
    day = vendor.day
    period = {"from": f"{day}T00:00:00Z", "to": f"{day + DAY}T00:00:00Z"}
    (page,), filling = asked(environ, tmp_path / "filled", period)
    assert page["freshness"]["source"] == "UPSTREAM"
    assert page["totalCount"] == sum(bucket["count"] for bucket in page["summary"]) == ROWS
    assert sum(Decimal(bucket["amount"]) for bucket in page["summary"]) == vendor.amount()
    later = period | {"after": page["pageInfo"]["endCursor"]}
    (again, following), reading = asked(environ, tmp_path / "read", period, later)
    assert again["freshness"]["source"] == "CACHE"
    assert [again["nodes"], again["summary"]] == [page["nodes"], page["summary"]]
    shown = [(row["time"], int(row["creditId"])) for row in [*page["nodes"], *following["nodes"]]]
    assert shown == sorted(set(shown))
    assert vendor.count("/csv/log") == 1
    exporting = ExportingProcess(environ, now)
    export = await exporting.exports.request(
        ExportJob("default", Period(midnight(day), midnight(day + DAY)), None, ExportFormat.CSV, unmasked=True)
    )
    exported = int(await printed_by_program(environ, "measure", export.id))
    seen = await exporting.finish(export.id)
    rows = rows_of(await exporting.file(seen))
    assert len({row[0] for row in rows}) == ROWS
    assert [(row[1], int(row[0])) for row in rows[:200]] == shown
    print(f"peak MiB filling, reading, exporting: {filling}, {reading}, {exported}")  # noqa: T201 - figures to see with -s
    assert max(filling, reading, exported) <= LARGEST_PEAK
