"""The vendors are asked no more often than needed: not twice for one thing, nor by two processes, nor one by one."""

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest

from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from tests.support.api.credit_log import END, START, credit_log
from tests.support.api.frontend import Frontend, StartFrontend
from tests.support.moving_clock import MovingClock
from tests.support.repository import ROOT
from tests.support.vendors.rendezvous import Rendezvous

ALL = """{
  reports(from: "2019-11-05", to: "2019-12-03") { nodes { name downloadUrl } }
  creditLog(from: "2019-11-12T06:00:00Z", to: "2019-11-14T00:00:00Z") {
    totalCount nodes { creditId time msisdn amount } summary(by: [OUTCOME]) { outcome count amount } }
  creditOutcome(from: "2019-11-12T00:00:00Z", to: "2019-11-14T00:00:00Z") { rows { brand success } }
}"""
TODAY = """{
  creditLog(from: "2019-12-05T00:00:00Z", to: "2019-12-05T12:00:00Z") { totalCount }
  creditOutcome(from: "2019-12-05T00:00:00Z", to: "2019-12-05T12:00:00Z") { rows { brand } }
}"""
ANOTHER_PROCESS = """
import json, os, sys
from tests.support.api.frontend import Frontend
from tests.support.moving_clock import MovingClock

asked = json.load(sys.stdin)
frontend = Frontend(asked["environ"], MovingClock())
print(json.dumps(frontend.data(asked["query"])), flush=True)
os._exit(0)  # an interpreter that shuts down while obstore's threads still work sometimes aborts
"""


def started(environ: Mapping[str, str], query: str) -> subprocess.Popen[str]:
    """Another process, at work on a query."""
    process = subprocess.Popen(
        [sys.executable, "-c", ANOTHER_PROCESS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin", **environ},
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps({"environ": dict(environ), "query": query}))
    process.stdin.close()
    return process


def answered(process: subprocess.Popen[str]) -> object:
    with process:
        assert process.stdout is not None
        output = process.stdout.read()
    assert process.returncode == 0
    return json.loads(output.splitlines()[-1])  # before it stands the request's log line


def test_the_same_query_twice_asks_once(
    frontend: Frontend, rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator
) -> None:
    first, second = frontend.data(ALL), frontend.data(ALL)
    assert first == second
    assert (rde_simulator.count("/reports"), rde_simulator.count("/token")) == (1, 1)
    assert (openmarket_simulator.count("/csv/log"), openmarket_simulator.count("/csv/outcome")) == (1, 1)


@pytest.mark.slow
def test_another_process_calls_no_vendor_again(
    frontend: Frontend,
    settings_environ: dict[str, str],
    rde_simulator: RdeSimulator,
    openmarket_simulator: OpenMarketSimulator,
) -> None:
    ours = frontend.data(ALL)
    assert answered(started(settings_environ, ALL)) == ours
    assert (rde_simulator.count("/reports"), len(openmarket_simulator.requests)) == (1, 2)


@pytest.mark.slow
@pytest.mark.usefixtures("clock")
def test_processes_at_work_at_the_same_time_ask_once_between_them(
    settings_environ: dict[str, str], rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator
) -> None:
    rde_simulator.latency = openmarket_simulator.latency = 1
    processes = [started(settings_environ, ALL) for _ in range(2)]
    one, other = (answered(process) for process in processes)
    assert one == other
    assert rde_simulator.count("/reports") == 1
    assert (openmarket_simulator.count("/csv/log"), openmarket_simulator.count("/csv/outcome")) == (1, 1)


def test_of_overlapping_periods_only_what_is_new_is_asked_for(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    credit_log(frontend, START.replace(day=1), START.replace(day=11, hour=0, minute=0))
    credit_log(frontend, START.replace(day=5), START.replace(day=16, hour=0, minute=0))
    spans = [(request.query["fromTime"], request.query["toTime"]) for request in openmarket_simulator.requests]
    assert spans == [
        ("2019-10-31 23:59:59 UTC", "2019-11-11 00:00:01 UTC"),
        ("2019-11-10 23:59:59 UTC", "2019-11-16 00:00:01 UTC"),
    ]


def test_the_root_fields_of_a_query_run_at_the_same_time(
    frontend: Frontend, rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator
) -> None:
    """The vendors answer none of the three until all three have arrived."""
    frontend.data(ALL)  # RDE's token is there
    three = Rendezvous(3)
    rde_simulator.pause = openmarket_simulator.pause = three.wait
    frontend.data(ALL.replace("2019-11-14", "2019-11-16").replace("2019-12-03", "2019-12-04"))
    assert three.arrived == 3


@pytest.mark.parametrize(("seconds", "calls"), [("60", 1), ("0", 3)])
def test_fresh_seconds_says_how_long_today_is_good(
    start: StartFrontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock, seconds: str, calls: int
) -> None:
    frontend = start(FRESH_SECONDS=seconds)
    for _ in range(3):
        frontend.data(TODAY)
        clock.advance(seconds=19)
    assert openmarket_simulator.count("/csv/log") == openmarket_simulator.count("/csv/outcome") == calls
    clock.advance(seconds=4)
    frontend.data(TODAY)
    assert openmarket_simulator.count("/csv/log") == openmarket_simulator.count("/csv/outcome") == calls + 1


def test_fresh_seconds_0_shows_what_has_just_changed(
    start: StartFrontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock
) -> None:
    frontend = start(FRESH_SECONDS="0")
    before = credit_log(frontend, START, END)
    openmarket_simulator.change_outcome(int(before["nodes"][0]["creditId"]), "reversed")
    clock.advance(seconds=1)
    settled = credit_log(frontend, START, END)
    assert settled["nodes"] == before["nodes"]
    start_of_today = END.replace(month=12, day=5, hour=0)
    today = credit_log(frontend, start_of_today, start_of_today.replace(hour=12))
    openmarket_simulator.change_outcome(int(today["nodes"][0]["creditId"]), "reversed")
    clock.advance(seconds=1)
    again = credit_log(frontend, start_of_today, start_of_today.replace(hour=12))
    assert again["nodes"][0]["rawOutcome"] == "reversed"


@pytest.mark.parametrize(("hours", "calls"), [("36", 1), ("72", 2)])
def test_settle_hours_says_when_a_day_can_no_longer_change(
    start: StartFrontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock, hours: str, calls: int
) -> None:
    """3 December ended 36 hours before now."""
    frontend = start(SETTLE_HOURS=hours)
    query = '{ creditLog(from: "2019-12-03T00:00:00Z", to: "2019-12-04T00:00:00Z") { totalCount } }'
    frontend.data(query)
    clock.advance(hours=7)
    frontend.data(query)
    assert openmarket_simulator.count("/csv/log") == calls


def test_a_day_that_is_over_but_not_settled_is_good_for_a_tenth_of_its_age(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock
) -> None:
    """4 December ended 12 hours before now, so it is good for 72 minutes."""
    query = '{ creditLog(from: "2019-12-04T00:00:00Z", to: "2019-12-05T00:00:00Z") { totalCount } }'
    for minutes, calls in ((0, 1), (71, 1), (2, 2)):
        clock.advance(minutes=minutes)
        frontend.data(query)
        assert openmarket_simulator.count("/csv/log") == calls
