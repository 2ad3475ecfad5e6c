"""`python -m local`, which is `make run`, as a process: it starts, serves, and stops when it is told to."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.openmarket import OpenMarketSimulator
from local.rde import RdeSimulator

ROOT = Path(__file__).parents[2]
QUERY = """
query Everything($from: DateTime!, $to: DateTime!) {
  reports(from: "2019-11-05", to: "2019-12-03") { totalCount nodes { name } }
  creditLog(from: $from, to: $to, first: 3) { totalCount nodes { creditId msisdn } }
  creditOutcome(from: $from, to: $to) { rows { brand success } }
}"""


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[str]
    url: str
    token: str

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
        """The exit status and what was said on stderr."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=20)
        return self.process.returncode, said


def environment(**more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LEDGER_", "COV_"))}
    return {**inherited, "PORT": "0", **more}


@contextmanager
def running(*arguments: str, **more: str) -> Iterator[Running]:
    command = [sys.executable, "-m", "local", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if line.startswith("Ctrl-C"):
                    break
            else:
                pytest.fail(process.communicate()[1])
            token = next(line for line in said if "TOKEN=" in line).partition("TOKEN=")[2].strip()
            yield Running(process, said[0].split()[-1], token)
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_data_from_the_first_second_and_stops_cleanly(number: int) -> None:
    now = datetime.now(UTC)
    with running() as tally:
        # Of the processor, not of the clock: other tests run beside this one.
        seconds = sum(float(field) for field in _stat(tally.process.pid)[13:15]) / os.sysconf("SC_CLK_TCK")
        answer = tally.ask(QUERY, **{"from": (now - timedelta(days=2)).isoformat(), "to": now.isoformat()})
        page = httpx.get(f"{tally.url}/").text
        status, said = tally.stop(number)
    assert seconds < 5
    assert "errors" not in answer
    assert answer["data"]["reports"]["totalCount"] == 7
    assert answer["data"]["creditLog"]["totalCount"] > 3000
    assert answer["data"]["creditLog"]["nodes"][0]["msisdn"].startswith("4477009000")
    assert answer["data"]["creditOutcome"]["rows"]
    assert '<meta name="tally-token"' in page
    assert (status, "Traceback" in said, "Warning" in said) == (0, False, False), said


def test_the_keeper_archives_reports_and_settles_days_and_is_cut_short_by_ctrl_c() -> None:
    now = datetime.now(UTC)
    day = now.date() - timedelta(days=20)
    with running(FRESH_SECONDS="0") as tally:
        report = _archived_report(tally, now)
        settled = tally.ask(
            "query($from: DateTime!, $to: DateTime!) { creditLog(from: $from, to: $to) { freshness { source } } }",
            **{"from": f"{day}T00:00:00Z", "to": f"{day + timedelta(days=1)}T00:00:00Z"},
        )
        kept, vendors = httpx.get(report["archiveUrl"]), httpx.get(report["downloadUrl"])
        began = time.monotonic()
        tally.process.send_signal(signal.SIGINT)
        lines, said = tally.process.communicate(timeout=20)
        seconds = time.monotonic() - began
    assert settled["data"]["creditLog"]["freshness"]["source"] == "CACHE"
    assert (kept.status_code, kept.content) == (200, vendors.content)
    assert (tally.process.returncode, said) == (0, "")
    assert seconds < 10  # the waits add up to 6 at the most, and other tests run beside this one
    assert "the keeper's run was cut short" in lines  # of its 180 files it had got to the first


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


def test_no_token_no_signature_and_no_password_is_on_stderr() -> None:
    with running() as tally:
        tally.ask('{ reports(from: "2000-01-01", to: "2099-12-31") { nodes { downloadUrl } } }')
        _, said = tally.stop(signal.SIGINT)
    assert not [secret for secret in (tally.token, "sig=", "s3cret") if secret in said]


def test_with_a_bucket_in_the_environment_the_same_command_talks_to_what_is_named_there(
    settings_environ: dict[str, str], rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator
) -> None:
    with running("--scope", "reports:read", **settings_environ) as tally:
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
def test_a_setting_that_cannot_be_used_is_named(setting: dict[str, str], reason: str) -> None:
    done = _refused(**{"LEDGER_BUCKET": "real", **setting})
    assert done.returncode == 2
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = _refused(PORT=str(port), LEDGER_BUCKET="real")
    assert done.returncode == 2
    assert f"port {port} is taken" in done.stderr
    assert "Traceback" not in done.stderr


def _refused(**more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local"],
        cwd=ROOT,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().split()
