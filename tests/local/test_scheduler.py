"""The scheduler of `make run` wakes the keeper again and again, whatever becomes of a run, until it is stopped."""

import json
import logging
import threading
import time
from dataclasses import dataclass, field

import pytest

from functions.keeper_handler import KeeperHandler
from functions.settings import Settings
from functions.wiring import keeper_of
from local.scheduler import Scheduler
from local.vendors.openmarket import OpenMarketSimulator

ENOUGH = 3


@dataclass
class Made:
    """Makes the keeper of a ledger without tenants, whose runs are short, and after a failure or two if need be."""

    environ: dict[str, str]
    failures: int = 0
    threads: list[threading.Thread] = field(default_factory=list)

    def __call__(self) -> KeeperHandler:
        self.threads.append(threading.current_thread())
        if len(self.threads) <= self.failures:
            raise OSError("no keeper today")
        return KeeperHandler(keeper_of(Settings.read(self.environ)))


@pytest.fixture
def no_tenants(settings_environ: dict[str, str]) -> dict[str, str]:
    return {**settings_environ, "SECRET_PREFIX": "nobody"}


def runs(lines: str) -> list[dict[str, object]]:
    return [output for line in lines.splitlines() if (output := json.loads(line)).get("message") == "keeper run"]


def wait_for_runs(capsys: pytest.CaptureFixture[str], number: int) -> list[dict[str, object]]:
    output, end = "", time.monotonic() + 20
    while len(runs(output)) < number and time.monotonic() < end:
        time.sleep(0.01)
        output += capsys.readouterr().out
    return runs(output)


def test_one_keeper_runs_again_and_again_and_a_line_says_what_each_run_did(
    no_tenants: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    made = Made(no_tenants)
    with Scheduler(made, first=0, every=0.05):
        output = wait_for_runs(capsys, ENOUGH)
    assert len(made.threads) == 1
    assert not made.threads[0].is_alive()
    assert [(run["tenants"], run["failed"], run["complete"]) for run in output[:ENOUGH]] == [(0, 0, True)] * ENOUGH
    assert not runs(capsys.readouterr().out)


def test_a_keeper_that_fails_is_logged_and_woken_again(
    no_tenants: dict[str, str], capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    made = Made(no_tenants, failures=2)
    with caplog.at_level(logging.ERROR, "local.scheduler"), Scheduler(made, first=0, every=0.05):
        assert wait_for_runs(capsys, 1)
    assert [record.message for record in caplog.records] == ["the keeper failed"] * 2


def test_a_scheduler_that_is_stopped_before_its_first_run_makes_no_keeper(no_tenants: dict[str, str]) -> None:
    made = Made(no_tenants)
    with Scheduler(made, first=60):
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert made.threads == []


def test_a_run_that_waits_for_a_vendor_ends_when_the_scheduler_is_stopped(
    settings_environ: dict[str, str], openmarket_simulator: OpenMarketSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    openmarket_simulator.latency = 20
    made = Made(settings_environ)
    with caplog.at_level(logging.INFO, "local.scheduler"), Scheduler(made, first=0):
        end = time.monotonic() + 20
        while not openmarket_simulator.requests and time.monotonic() < end:
            time.sleep(0.01)
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert not made.threads[0].is_alive()
    assert [record.message for record in caplog.records] == ["the keeper's run was cancelled"]
