"""A run of the keeper: no failure spreads, time runs out between any two steps, and one line says what was done."""

import asyncio
import json
import logging
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from functions.keeper_handler import KeeperHandler
from functions.settings import Settings
from functions.wiring import keeper_of
from ledger.keeper.run import KeeperRun
from local.vendors.simulator import failing
from runtime.clock import DAY, midnight
from runtime.deadline import Deadline
from tests.support.api.frontend import InvocationContext
from tests.support.processes.deployment import Deployment

LOG = "query($f: DateTime!, $t: DateTime!, $b: String) { creditLog(from: $f, to: $t, brand: $b) { totalCount } }"
SETTLED_AFTER = 72


def test_while_the_vendor_fails_the_lag_grows_and_everything_else_goes_on(both: Deployment) -> None:
    both.openmarket.misbehave(failing(500), times=None)
    both.rde.add_report("usage", "CSV", both.ago(days=1))
    summary = both.run_keeper(days=9)
    assert (summary["daysSettled"], summary["archived"], summary["failed"]) == (0, 1, 1)
    oldest = both.clock() - midnight(both.today - 7 * DAY) - timedelta(hours=SETTLED_AFTER)
    assert summary["settledDayLagDays"] == pytest.approx(oldest / DAY, abs=0.01)
    both.openmarket.behave()
    both.clock.advance(minutes=15)
    assert both.run_keeper(days=9)["settledDayLagDays"] == 0.0


def test_a_stale_answer_is_a_failure_of_the_run_and_not_of_the_ledger(both: Deployment) -> None:
    both.run_keeper(days=2)
    both.clock.advance(hours=7)
    both.openmarket.misbehave(failing(500), times=None)
    assert both.run_keeper(days=2)["failed"] == 1
    assert both.ask("{ __typename }") == {"__typename": "Query"}


def test_one_bad_tenant_stops_no_other(both: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    both.give_credentials("acme", "rde", "{}")
    both.give_credentials("acme", "openmarket", {**both.openmarket.secret, "password": "wrong"})
    both.give_credentials("zeta", "rde")
    both.rde.add_report("usage", "CSV", both.ago(days=1))
    summary = both.run_keeper()
    assert (summary["tenants"], summary["archived"], summary["failed"]) == (3, 2, 2)
    assert [len(both.records(tenant)) for tenant in ("default", "zeta", "acme")] == [1, 1, 0]
    assert len(both.lake_days()) == 2
    assert both.keys("credit-log/tenant=zeta/") == []
    failures = [record.getMessage() for record in caplog.records if record.name == "tally.keeper"]
    assert len(failures) == 2
    assert all("acme" in line for line in failures)


def test_a_broken_object_stops_nothing_but_itself(both: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    both.rde.add_report("usage", "CSV", both.ago(days=1))
    both.put("answers/tenant=default/reports/2019-11-01_2019-11-02_any/20191103T000000.000000Z.json.gz", b"no gzip")
    assert both.run_keeper()["archived"] == 1
    assert any("2019-11-01" in record.getMessage() and record.levelno >= logging.WARNING for record in caplog.records)


def test_a_run_that_is_out_of_time_begins_nothing_and_the_next_one_goes_on(both: Deployment) -> None:
    both.rde.add_report("usage", "CSV", both.ago(days=1))
    summary = both.run_keeper(seconds=0)
    assert summary == {
        "tenants": 1,
        "daysSettled": 0,
        "daysCompared": 0,
        "daysUnbalanced": 0,
        "archived": 0,
        "opened": 0,
        "lakeFiles": 0,
        "lakeDays": 0,
        "monthsWritten": 0,
        "deleted": 0,
        "failed": 0,
        "settledDayLagDays": None,
        "complete": False,
    }
    assert both.keys() == []
    assert both.run_keeper()["complete"]
    assert (len(both.lake_days()), len(both.records())) == (2, 1)


@pytest.mark.parametrize("seconds", [29, 60])
def test_a_run_that_is_given_little_time_does_what_fits(both: Deployment, seconds: float) -> None:
    both.rde.add_report("usage", "CSV", both.ago(days=1))
    summary = both.run_keeper(seconds=seconds)
    assert (summary["daysSettled"], summary["archived"], summary["complete"]) == (2, 1, True)


@dataclass(slots=True)
class ShortRun(KeeperRun):
    """A run whose time is up after so many things."""

    things: int = 0

    def has_time(self) -> bool:
        self.things -= 1
        self.complete = self.complete and self.things >= 0
        return self.complete


@pytest.mark.parametrize("things", range(9))
def test_a_run_stops_between_any_two_things_and_the_next_one_goes_on(both: Deployment, things: int) -> None:
    for age in range(2):
        both.rde.add_report(f"usage-{age}", "CSV", both.ago(days=age))
    both.ask(LOG, b="Alpha")
    keeper = keeper_of(Settings.read(both.environ), both.clock)
    keeper = replace(keeper, credit_days=replace(keeper.credit_days, days=6))
    run = ShortRun(Deadline.after(60), things=things)
    asyncio.run(keeper.work(run))
    assert (run.complete, run.failed) == (False, 0)
    assert [run.settled > 0, run.archived] == [things >= 2, min(max(things - 3, 0), 2)]
    rest = both.run_keeper()
    assert rest["complete"]
    assert len(both.records()) == run.archived + rest["archived"] == 2
    assert len(both.lake_days()) == len(both.lake_days("Alpha")) == 2


def test_one_process_runs_again_and_again(both: Deployment) -> None:
    keeper = keeper_of(Settings.read(both.environ), both.clock)
    both.openmarket.rows_a_day = 0
    with closing(KeeperHandler(keeper)) as handler:
        first = handler({"source": "aws.scheduler"}, InvocationContext(900))
        both.clock.advance(days=1)
        second = handler(None, InvocationContext(900))
    assert (first["daysSettled"], second["daysSettled"]) == (116, 1)


def test_a_run_writes_one_line_which_holds_the_lag_as_a_metric(
    both: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    both.run_keeper()
    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "keeper run" in line]
    assert line["SettledDayLagDays"] == 0.0
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert directive["Metrics"] == [
        {"Name": "KeeperFailures", "Unit": "Count"},
        {"Name": "LakeDays", "Unit": "Count"},
        {"Name": "UnbalancedDays", "Unit": "Count"},
        {"Name": "SettledDayLagDays", "Unit": "None"},
    ]
    assert (line["KeeperFailures"], line["UnbalancedDays"]) == (0, 0)
    assert (line["daysSettled"], line["counts"]["keeper.settled"]) == (2, 2)


@pytest.mark.parametrize("held", [False, True])
def test_what_fails_in_a_run_is_counted_once_by_its_code_without_a_request(
    both: Deployment, capsys: pytest.CaptureFixture[str], *, held: bool
) -> None:
    if held:
        both.run_keeper(days=2)
        both.clock.advance(hours=7)
    both.openmarket.misbehave(failing(403), times=None)
    both.rde.misbehave(failing(404), path="/reports", times=None)
    capsys.readouterr()
    assert both.run_keeper(days=2)["failed"] == 2
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["KeeperFailures"] for line in lines if "KeeperFailures" in line] == [2]
    counted = {line["Code"]: line["Errors"] for line in lines if "Errors" in line}
    assert counted == {"UPSTREAM_UNAUTHORIZED": 1, "UPSTREAM_BAD_RESPONSE": 1}


def test_what_s3_fails_in_a_run_is_counted_too(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    failed = deployment.run_keeper(LEDGER_BUCKET="there-is-none")["failed"]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    counted = {line["Code"]: line["Errors"] for line in lines if "Errors" in line}
    assert counted == {"LEDGER_UNAVAILABLE": failed}
    assert failed > 0


def test_an_older_listing_still_leads_to_files_while_the_vendor_lists_none(deployment: Deployment) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1))
    deployment.reports(days=90)
    deployment.clock.advance(hours=7)
    deployment.rde.misbehave(failing(500), path="/marketplace/eu/reports", times=None)
    summary = deployment.run_keeper()
    assert (summary["archived"], summary["failed"]) == (1, 1)


def test_without_credit_logs_there_is_no_lag_and_without_a_look_there_is_no_metric(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deployment.run_keeper()["settledDayLagDays"] == 0.0
    deployment.give_credentials("default", "openmarket")
    assert deployment.run_keeper(LEDGER_BUCKET="there-is-none")["settledDayLagDays"] is None
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "keeper run" in line]
    assert ["SettledDayLagDays" in line for line in lines] == [True, False]
