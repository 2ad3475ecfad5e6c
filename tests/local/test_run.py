"""`python -m local`, which is `make run`, as a process: it starts, serves, and stops on a signal.

What the keeper does there is read from one process that several tests share.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import duckdb
import httpx
import pytest

from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from local.workspace import Workspace
from tests.support.repository import ROOT

pytestmark = pytest.mark.slow

QUERY = """
query Everything($from: DateTime!, $to: DateTime!) {
  reports(from: "2019-11-05", to: "2019-12-03") { totalCount nodes { name } }
  creditLog(from: $from, to: $to, first: 3) { totalCount nodes { creditId msisdn } }
  creditOutcome(from: $from, to: $to) { rows { brand success } }
}"""


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[str]
    greeting: str
    workspace: Workspace

    @property
    def url(self) -> str:
        return self.greeting.split()[3]

    @property
    def token(self) -> str:
        return self.workspace.token_file.read_text().strip()

    def ask(self, query: str, **variables: str) -> dict[str, Any]:
        answer = httpx.post(
            f"{self.url}/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
        )
        body: dict[str, Any] = answer.json()
        assert answer.status_code == 200, body
        return body

    def stop(self, number: int) -> tuple[int, str]:
        """The exit status and what was printed on stderr."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors


def environment(**more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LEDGER_", "COV_"))}
    return {**inherited, "PORT": "0", **more}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@contextmanager
def running(workspace: Workspace, *arguments: str, **more: str) -> Iterator[Running]:
    command = [sys.executable, "-m", "local", "--workspace", str(workspace.folder), *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield Running(process, greeting(process), workspace)
        finally:
            process.kill()


def greeting(process: subprocess.Popen[str]) -> str:
    """The greeting, once it is complete."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line.startswith("Ctrl-C"):
            return text
    pytest.fail(process.communicate()[1])


def test_it_serves_data_from_the_first_second_and_stops_cleanly(workspace: Workspace) -> None:
    now = datetime.now(UTC)
    with running(workspace) as tally:
        # CPU time, because other tests run beside this one.
        seconds = sum(float(field) for field in _stat(tally.process.pid)[13:15]) / os.sysconf("SC_CLK_TCK")
        answer = tally.ask(QUERY, **{"from": (now - timedelta(days=2)).isoformat(), "to": now.isoformat()})
        page = httpx.get(f"{tally.url}/").text
        status, errors = tally.stop(signal.SIGINT)
    assert seconds < 5
    assert "errors" not in answer
    assert answer["data"]["reports"]["totalCount"] == 7
    assert answer["data"]["creditLog"]["totalCount"] > 3000
    assert answer["data"]["creditLog"]["nodes"][0]["msisdn"].startswith("4477009000")
    assert answer["data"]["creditOutcome"]["rows"]
    assert '<meta name="tally-token"' in page
    assert (status, errors) == (0, "")


def test_the_keeper_archives_reports_and_settles_days_and_is_cancelled_by_ctrl_c(workspace: Workspace) -> None:
    now = datetime.now(UTC)
    day = now.date() - timedelta(days=20)
    with running(workspace, FRESH_SECONDS="0", OPENMARKET_CREDITS="20") as tally:
        report = _archived_report(tally, now)
        settled = tally.ask(
            "query($from: DateTime!, $to: DateTime!) { creditLog(from: $from, to: $to) { freshness { source } } }",
            **{"from": f"{day}T00:00:00Z", "to": f"{day + timedelta(days=1)}T00:00:00Z"},
        )
        archived, original = httpx.get(report["archiveUrl"]), httpx.get(report["downloadUrl"])
        began = time.monotonic()
        tally.process.send_signal(signal.SIGINT)
        printed, errors = tally.process.communicate(timeout=20)
        seconds = time.monotonic() - began
    assert settled["data"]["creditLog"]["freshness"]["source"] == "CACHE"
    assert (archived.status_code, archived.content) == (200, original.content)
    assert (tally.process.returncode, printed, errors) == (0, "", "")
    assert seconds < 10  # the waits add up to 6 at the most, and other tests run beside this one
    assert "the keeper's run was cancelled" in workspace.log_file.read_text()  # after the first of 180 files


def _archived_report(tally: Running, now: datetime) -> dict[str, str]:
    """A report of the last days, as soon as one has been archived."""
    query = "query($from: Date!, $to: Date!) { reports(from: $from, to: $to) { nodes { archiveUrl downloadUrl } } }"
    days = {"from": str(now.date() - timedelta(days=3)), "to": str(now.date())}
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for report in tally.ask(query, **days)["data"]["reports"]["nodes"]:
            if report["archiveUrl"]:
                return dict(report)
        time.sleep(0.2)
    pytest.fail("nothing was archived within a minute")


def test_requests_are_logged_to_a_file_without_secrets_and_not_on_the_terminal(workspace: Workspace) -> None:
    with running(workspace) as tally:
        tally.ask('{ reports(from: "2000-01-01", to: "2099-12-31") { nodes { downloadUrl } } }')
        status, errors = tally.stop(signal.SIGTERM)
    for file in (workspace.token_file, workspace.log_file, workspace.lake_file):
        assert str(file) in tally.greeting
    lines = workspace.log_file.read_text()
    assert (status, errors) == (0, "")
    assert '"message":"request"' in lines
    assert not [secret for secret in (tally.token, "sig=", "s3cret") if secret in lines]


def test_the_token_is_the_same_after_a_restart_and_another_one_for_other_scopes(workspace: Workspace) -> None:
    with running(workspace) as tally:
        first = tally.token
    with running(workspace) as tally:
        assert tally.token == first
        assert "errors" not in tally.ask("{ __typename }")
    with running(workspace, "--scope", "reports:read") as tally:
        assert tally.token != first
    for file in (workspace.token_file, workspace.folder / "signing-key.pem"):
        assert file.stat().st_mode & 0o077 == 0, f"{file.name} is readable by others"


def test_a_second_start_on_the_same_port_leaves_the_files_of_the_first_alone(workspace: Workspace) -> None:
    with running(workspace) as tally:
        lake = workspace.lake_file.read_text()
        done = _refused(workspace, PORT=tally.url.rpartition(":")[2])
        assert "is in use" in done.stderr
        assert workspace.lake_file.read_text() == lake
        assert "errors" not in tally.ask("{ __typename }")
        assert '"message":"request"' in workspace.log_file.read_text()


@dataclass(frozen=True)
class Kept:
    """A small account whose keeper runs every second, and a report that was scheduled at the start."""

    tally: Running
    report_id: str
    first_status: str


FOLLOW = "query($id: ID!) { scheduledReport(id: $id) { report { status archiveUrl } } }"
SCHEDULE = """mutation($start: DateTime!) {
  scheduleReport(input: {name: "Month end", format: CSV, startDate: $start}) { report { id } } }"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    small = {"VENDOR_DAYS": "35", "OPENMARKET_CREDITS": "200", "RDE_MAKING": "5", "KEEPER_SECONDS": "1"}
    with running(Workspace(tmp_path_factory.mktemp("kept")), FRESH_SECONDS="1", **small) as tally:
        scheduled = tally.ask(SCHEDULE, start=datetime.now(UTC).isoformat())
        report_id = scheduled["data"]["scheduleReport"]["report"]["id"]
        first = tally.ask(FOLLOW, id=report_id)["data"]["scheduledReport"]["report"]
        yield Kept(tally, report_id, first["status"])


def test_the_lake_script_reads_settled_credits(kept: Kept, tmp_path: Path) -> None:
    """httpfs cannot be downloaded in a test, so the objects are fetched with the script's own address and keys."""
    script = kept.tally.workspace.lake_file.read_text()
    found = re.search(r"KEY_ID '(\w+)', SECRET '(\w+)', REGION '([\w-]+)', ENDPOINT '([\d.:]+)'", script)
    bucket_and_prefix = re.search(r"s3://([\w-]+)/(\S+)month=\*", script)
    assert found is not None
    assert bucket_and_prefix is not None
    key, secret, region, endpoint = found.groups()
    s3 = boto3.client(
        "s3",
        endpoint_url=f"http://{endpoint}",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name=region,
    )
    settled = datetime.now(UTC).date() - timedelta(days=20)
    rows = _month_of(settled, s3, *bucket_and_prefix.groups())
    file = tmp_path / bucket_and_prefix[1] / rows
    file.parent.mkdir(parents=True)
    s3.download_file(bucket_and_prefix[1], rows, str(file))
    with duckdb.connect() as lake:
        lake.execute(script[script.index("CREATE OR REPLACE VIEW") :].replace("s3:/", str(tmp_path)))
        months = lake.execute(
            "SELECT month, count(*), min(typeof(credit_id)), max(time)::DATE = max(day), min(day), max(day) "
            "FROM credits GROUP BY 1"
        )
        ((month, count, id_type, same_day, first, last),) = months.fetchall()
    counted = kept.tally.ask(
        "query($from: DateTime!, $to: DateTime!) { creditLog(from: $from, to: $to) { totalCount } }",
        **{"from": f"{first}T00:00:00Z", "to": f"{last + timedelta(days=1)}T00:00:00Z"},
    )
    assert f"month={month}" in rows
    assert (count, id_type, same_day) == (counted["data"]["creditLog"]["totalCount"], "DECIMAL(20,0)", True)
    assert count > 100


def _month_of(day: date, s3: Any, bucket: str, prefix: str) -> str:
    """The key of the day's month, as soon as the keeper has written it."""
    end = time.monotonic() + 100  # on a quiet machine it takes five seconds or so
    while time.monotonic() < end:
        for found in s3.list_objects_v2(Bucket=bucket, Prefix=f"{prefix}month={day:%Y-%m}/").get("Contents", ()):
            if found["Key"].endswith(".parquet"):
                return str(found["Key"])
        time.sleep(0.2)
    pytest.fail("no settled day was in the lake")


def test_every_status_is_shown(kept: Kept) -> None:
    today = datetime.now(UTC).date()
    days = {"from": str(today - timedelta(days=3)), "to": str(today)}
    statuses = "query($from: Date!, $to: Date!) { reports(from: $from, to: $to) { nodes { status } } }"
    shown = {node["status"] for node in kept.tally.ask(statuses, **days)["data"]["reports"]["nodes"]}
    assert shown == {"SUBMITTED", "PROCESSING", "COMPLETED", "ERROR", "UNKNOWN"}


def test_a_scheduled_report_has_its_archived_file_within_a_minute(kept: Kept) -> None:
    end = time.monotonic() + 60
    report = {"status": kept.first_status, "archiveUrl": None}
    while not report["archiveUrl"] and time.monotonic() < end:
        time.sleep(0.2)
        report = kept.tally.ask(FOLLOW, id=kept.report_id)["data"]["scheduledReport"]["report"]
    assert kept.first_status in {"SUBMITTED", "PROCESSING"}
    assert report["status"] == "COMPLETED"
    assert httpx.get(str(report["archiveUrl"])).status_code == 200


def test_it_ends_with_the_make_that_started_it() -> None:
    process = subprocess.Popen(
        ["/usr/bin/make", "--silent", "run"], cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        url = httpx.URL(greeting(process).split()[3])
        process.terminate()
        process.communicate(timeout=20)  # pipes are closed when the server, which has inherited them, is gone
    finally:
        process.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((url.host, url.port or 80), timeout=1)


def test_with_a_bucket_in_the_environment_the_same_command_talks_to_what_is_named_there(
    settings_environ: dict[str, str],
    rde_simulator: RdeSimulator,
    openmarket_simulator: OpenMarketSimulator,
    workspace: Workspace,
) -> None:
    with running(workspace, "--scope", "reports:read", **settings_environ) as tally:
        answer = tally.ask('{ reports(from: "2019-11-05", to: "2019-12-03") { totalCount } }')
        refused = tally.ask(
            '{ creditOutcome(from: "2019-11-05T00:00:00Z", to: "2019-11-06T00:00:00Z") { rows { brand } } }'
        )
    assert answer == {"data": {"reports": {"totalCount": 7}}}
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert rde_simulator.count("/reports") == 1
    assert openmarket_simulator.requests == []


@pytest.mark.parametrize(
    ("setting", "reason"),
    [({"FRESH_SECONDS": "soon"}, "FRESH_SECONDS"), ({"RDE_BASE_URL": "http://x.test"}, "RDE_BASE_URL")],
)
def test_a_setting_that_cannot_be_used_is_named(setting: dict[str, str], reason: str, workspace: Workspace) -> None:
    done = _refused(workspace, **{"LEDGER_BUCKET": "real", **setting})
    assert done.returncode == 2
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interval_of_the_keeper_that_is_no_number_is_named(workspace: Workspace) -> None:
    done = _refused(workspace, KEEPER_SECONDS="often")
    assert done.returncode == 2
    assert "--keeper-seconds" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_in_use_is_named(workspace: Workspace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = _refused(workspace, PORT=str(port), LEDGER_BUCKET="real")
    assert done.returncode == 2
    assert f"port {port} is in use" in done.stderr
    assert "Traceback" not in done.stderr


def _refused(workspace: Workspace, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local", "--workspace", str(workspace.folder)],
        cwd=ROOT,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().split()
