"""What the keeper does without a request: it settles days, fills gaps, tidies up, and lets no failure spread."""

import asyncio
import gzip
import json
import logging
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from functions.keeper_handler import KeeperHandler
from functions.settings import Settings
from functions.wiring import keeper_of
from ledger.keeper.run import KeeperRun
from local.credits import SimulatedCredit
from local.simulator import failing
from runtime.clock import DAY, midnight, rfc3339, stamp
from runtime.deadline import Deadline
from tests.support.api.frontend import Frontend, LambdaContext
from tests.support.processes.deployment import Deployment

LOG = "query($f: DateTime!, $t: DateTime!, $b: String) { creditLog(from: $f, to: $t, brand: $b) { totalCount } }"
OUTCOME = "query($f: DateTime!, $t: DateTime!) { creditOutcome(from: $f, to: $t) { freshness { asOf stale } } }"
SETTLED_AFTER = 72


@pytest.fixture
def home(deployment: Deployment) -> Deployment:
    """A deployment with credentials for OpenMarket too."""
    deployment.give_credentials("default", "openmarket")
    return deployment


def ask(deployment: Deployment, query: str, **variables: Any) -> dict[str, Any]:
    """A frontend's query about the last five days, in a process of its own."""
    frontend = Frontend(deployment.environ, deployment.clock)
    period = {"f": rfc3339(deployment.clock() - 5 * DAY), "t": rfc3339(deployment.clock())}
    with closing(frontend.handler):
        return frontend.data(query, period | variables)


def lake(deployment: Deployment, brand: str = "__all__") -> list[str]:
    """The days that lie in the lake."""
    keys = deployment.keys(f"credit-log/tenant=default/brand={brand}/")
    return [key.split("/day=")[1][:10] for key in keys if key.endswith("/rows.csv.gz")]


def test_every_day_that_can_be_settled_is_settled_once_and_never_asked_for_again(home: Deployment) -> None:
    first = home.run_keeper(days=9)
    days = [str(home.today - age * DAY) for age in range(9)]
    assert lake(home) == sorted(days[4:])
    assert (first["daysSettled"], first["settledDayLagDays"], first["complete"]) == (5, 0.0, True)
    asked = home.openmarket.count("/csv/log")
    assert asked == 1
    again = home.run_keeper(days=9)
    assert (again["daysSettled"], home.openmarket.count("/csv/log")) == (0, asked)
    home.clock.advance(days=1)
    assert home.run_keeper(days=9)["daysSettled"] == 1
    assert lake(home) == sorted(days[3:])


def test_a_hundred_and_twenty_days_are_looked_after_in_four_calls(home: Deployment) -> None:
    home.openmarket.rows_a_day = 1
    keeper = keeper_of(Settings.read(home.environ), home.clock)
    with closing(KeeperHandler(keeper)) as handler:
        assert handler({}, LambdaContext(900))["daysSettled"] == 116
    assert home.openmarket.count("/csv/log") == 4
    assert lake(home)[0] == str(home.today - 119 * DAY)


def test_what_lies_in_the_lake_is_what_the_vendor_said(home: Deployment) -> None:
    home.run_keeper()
    day = home.today - 5 * DAY
    rows = gzip.decompress(home.read(f"credit-log/tenant=default/brand=__all__/day={day}/rows.csv.gz")).decode()
    held = [c for c in home.openmarket.credits_between(home.clock() - 6 * DAY, home.clock()) if c.time.date() == day]
    assert sorted(line.split(",")[0] for line in rows.splitlines()[1:]) == sorted(str(c.credit_id) for c in held)


def test_gaps_between_held_days_are_filled(home: Deployment) -> None:
    home.run_keeper(days=3)
    home.clock.advance(days=6)
    assert home.run_keeper(days=12)["daysSettled"] == 8
    assert lake(home) == [str(home.today - age * DAY) for age in range(11, 3, -1)]


def credit(deployment: Deployment, brand: str, days_ago: float) -> SimulatedCredit:
    time = (deployment.clock() - days_ago * DAY).replace(microsecond=0)
    return SimulatedCredit(10**9, time, "447700900001", "O2", "1.5", "GBP", brand, "SUCCESS", "SUCCESS", time)


def requests_for(deployment: Deployment, brand: str) -> int:
    """How often the vendor was asked for one brand's log."""
    return sum(request.query.get("brand") == brand for request in deployment.openmarket.requests)


def test_every_brand_with_credits_that_has_been_queried_is_settled_too(home: Deployment) -> None:
    brands = ["Alpha", "Ünï 100%", "__all__"]
    home.openmarket.add(*(credit(home, brand, days_ago=3) for brand in brands))
    for brand in brands:
        ask(home, LOG, b=brand)
    home.run_keeper(days=9)
    assert {folder.split("/")[2] for folder in home.keys("credit-log/")} == {
        "brand=__all__",
        "brand=Alpha",
        "brand=%C3%9Cn%C3%AF%20100%25",
        "brand=%5F%5Fall%5F%5F",
    }
    assert [len(lake(home, brand)) for brand in ("__all__", "Alpha", "%5F%5Fall%5F%5F")] == [5, 5, 5]


def test_a_misspelt_brand_is_not_fetched_for_ever(home: Deployment) -> None:
    misspelt = ["mybrand", "MyBrand ", "Tpyo"]
    for brand in misspelt:
        ask(home, LOG, b=brand)
    asked = [requests_for(home, brand) for brand in misspelt]
    outcomes = home.openmarket.count("/csv/outcome")
    for _ in range(3):
        home.clock.advance(hours=7)
        assert home.run_keeper(days=9)["failed"] == 0
    assert [requests_for(home, brand) for brand in misspelt] == asked
    assert home.openmarket.count("/csv/outcome") == outcomes + 3, "one outcome report shows for all of them"
    assert home.run_keeper(days=9)["settledDayLagDays"] == 0.0


def test_a_brand_that_only_the_outcome_report_names_is_settled_too(home: Deployment) -> None:
    """It was queried for days without credits; it has had some since, or before."""
    ask(home, LOG, b="Quiet")
    home.openmarket.add(credit(home, "Quiet", days_ago=7))
    home.run_keeper(days=9)
    assert len(lake(home, "Quiet")) == 5


def test_a_brand_whose_credits_are_older_than_the_days_of_the_keeper_is_left_alone(home: Deployment) -> None:
    home.openmarket.add(credit(home, "Gone", days_ago=4))
    ask(home, LOG, b="Gone")
    home.clock.advance(days=20)
    asked = requests_for(home, "Gone")
    home.run_keeper(days=9)
    assert requests_for(home, "Gone") == asked


def test_without_the_outcome_report_brands_with_credits_are_settled_and_the_failure_counts(home: Deployment) -> None:
    home.openmarket.add(credit(home, "Alpha", days_ago=3))
    for brand in ("Tpyo", "Alpha", "Typo"):
        ask(home, LOG, b=brand)
    home.openmarket.misbehave(failing(400), times=None, path="/csv/outcome")
    assert home.run_keeper(days=9)["failed"] == 1
    assert len(lake(home, "Alpha")) == 5


def test_today_is_refreshed_when_it_has_aged(home: Deployment) -> None:
    home.run_keeper(days=2)
    home.clock.advance(minutes=15)
    asked = home.openmarket.count("/csv/log")
    home.run_keeper(days=2)
    assert home.openmarket.count("/csv/log") == asked + 1


def test_a_day_that_was_fetched_late_enough_by_a_new_setting_enters_the_lake(home: Deployment) -> None:
    home.clock.moment = home.clock().replace(hour=12)
    home.run_keeper(days=4)
    assert lake(home) == []
    asked = home.openmarket.count("/csv/log")
    summary = home.run_keeper(days=4, SETTLE_HOURS="1")
    assert (summary["daysSettled"], summary["settledDayLagDays"]) == (3, 0.0)
    assert len(lake(home)) == 3
    assert home.openmarket.count("/csv/log") == asked


def test_while_the_vendor_fails_the_lag_grows_and_everything_else_goes_on(home: Deployment) -> None:
    home.openmarket.misbehave(failing(500), times=None)
    home.rde.add_report("usage", "CSV", home.ago(days=1))
    summary = home.run_keeper(days=9)
    assert (summary["daysSettled"], summary["archived"], summary["failed"]) == (0, 1, 1)
    oldest = home.clock() - midnight(home.today - 7 * DAY) - timedelta(hours=SETTLED_AFTER)
    assert summary["settledDayLagDays"] == pytest.approx(oldest / DAY, abs=0.01)
    home.openmarket.behave()
    home.clock.advance(minutes=15)
    assert home.run_keeper(days=9)["settledDayLagDays"] == 0.0


def test_a_stale_answer_is_a_failure_of_the_run_and_not_of_the_ledger(home: Deployment) -> None:
    home.run_keeper(days=2)
    home.clock.advance(hours=7)
    home.openmarket.misbehave(failing(500), times=None)
    assert home.run_keeper(days=2)["failed"] == 1
    assert ask(home, "{ __typename }") == {"__typename": "Query"}


def test_one_bad_tenant_stops_no_other(home: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    home.give_credentials("acme", "rde", "{}")
    home.give_credentials("acme", "openmarket", {**home.openmarket.secret, "password": "wrong"})
    home.give_credentials("zeta", "rde")
    home.rde.add_report("usage", "CSV", home.ago(days=1))
    summary = home.run_keeper()
    assert (summary["tenants"], summary["archived"], summary["failed"]) == (3, 2, 2)
    assert [len(home.records(tenant)) for tenant in ("default", "zeta", "acme")] == [1, 1, 0]
    assert len(lake(home)) == 2
    assert home.keys("credit-log/tenant=zeta/") == []
    failures = [record.getMessage() for record in caplog.records if record.name == "tally.keeper"]
    assert len(failures) == 2
    assert all("acme" in line for line in failures)


def test_a_broken_object_stops_nothing_but_itself(home: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    home.rde.add_report("usage", "CSV", home.ago(days=1))
    home.put("answers/tenant=default/reports/2019-11-01_2019-11-02_any/20191103T000000.000000Z.json.gz", b"no gzip")
    assert home.run_keeper()["archived"] == 1
    assert any("2019-11-01" in record.getMessage() and record.levelno >= logging.WARNING for record in caplog.records)


def test_a_run_that_is_out_of_time_begins_nothing_and_the_next_one_goes_on(home: Deployment) -> None:
    home.rde.add_report("usage", "CSV", home.ago(days=1))
    summary = home.run_keeper(seconds=0)
    assert summary == {
        "tenants": 1,
        "daysSettled": 0,
        "archived": 0,
        "deleted": 0,
        "failed": 0,
        "settledDayLagDays": None,
        "complete": False,
    }
    assert home.keys() == []
    assert home.run_keeper()["complete"]
    assert (len(lake(home)), len(home.records())) == (2, 1)


def test_a_brand_that_the_vendor_does_not_know_is_not_asked_for_again(home: Deployment) -> None:
    """A failed question leaves a lease in the brand's folder, and nothing else."""
    home.openmarket.misbehave(failing(400), times=None, path="/csv/log")
    frontend = Frontend(home.environ, home.clock)
    with closing(frontend.handler):
        times = {"f": rfc3339(home.clock() - 2 * DAY), "t": rfc3339(home.clock())}
        assert frontend.ask(LOG, {**times, "b": "Typo"}).codes == ["UPSTREAM_BAD_RESPONSE"]
    assert home.keys("credit-log/tenant=default/brand=Typo/")
    home.openmarket.behave()
    asked = len(home.openmarket.requests)
    assert home.run_keeper()["failed"] == 0
    assert not [each for each in home.openmarket.requests[asked:] if each.query.get("brand") == "Typo"]


@pytest.mark.parametrize("seconds", [29, 60])
def test_a_run_that_is_given_little_time_does_what_fits(home: Deployment, seconds: float) -> None:
    home.rde.add_report("usage", "CSV", home.ago(days=1))
    summary = home.run_keeper(seconds=seconds)
    assert (summary["daysSettled"], summary["archived"], summary["complete"]) == (2, 1, True)


@dataclass(slots=True)
class OutOfTime(KeeperRun):
    """A run whose time is up after so many things."""

    things: int = 0

    def has_time(self) -> bool:
        self.things -= 1
        self.complete = self.complete and self.things >= 0
        return self.complete


@pytest.mark.parametrize("things", range(9))
def test_a_run_stops_between_any_two_things_and_the_next_one_goes_on(home: Deployment, things: int) -> None:
    for age in range(2):
        home.rde.add_report(f"usage-{age}", "CSV", home.ago(days=age))
    ask(home, LOG, b="Alpha")
    keeper = keeper_of(Settings.read(home.environ), home.clock)
    keeper = replace(keeper, credit_days=replace(keeper.credit_days, days=6))
    run = OutOfTime(Deadline.after(60), things=things)
    asyncio.run(keeper.keep(run))
    assert (run.complete, run.failed) == (False, 0)
    assert [run.settled > 0, run.archived] == [things >= 2, min(max(things - 3, 0), 2)]
    rest = home.run_keeper()
    assert rest["complete"]
    assert len(home.records()) == run.archived + rest["archived"] == 2
    assert len(lake(home)) == len(lake(home, "Alpha")) == 2


def test_one_process_runs_again_and_again(home: Deployment) -> None:
    keeper = keeper_of(Settings.read(home.environ), home.clock)
    home.openmarket.rows_a_day = 0
    with closing(KeeperHandler(keeper)) as handler:
        first = handler({"source": "aws.scheduler"}, LambdaContext(900))
        home.clock.advance(days=1)
        second = handler(None, LambdaContext(900))
    assert (first["daysSettled"], second["daysSettled"]) == (116, 1)


def test_a_run_writes_one_line_which_holds_the_lag_as_a_metric(
    home: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    home.run_keeper()
    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "keeper run" in line]
    assert line["SettledDayLagDays"] == 0.0
    [directive] = line["_aws"]["CloudWatchMetrics"]
    assert directive["Metrics"] == [
        {"Name": "KeeperFailures", "Unit": "Count"},
        {"Name": "SettledDayLagDays", "Unit": "None"},
    ]
    assert line["KeeperFailures"] == 0
    assert (line["daysSettled"], line["counts"]["keeper.settled"]) == (2, 2)


@pytest.mark.parametrize("held", [False, True])
def test_what_fails_in_a_run_is_counted_once_by_its_code_though_nobody_asks(
    home: Deployment, capsys: pytest.CaptureFixture[str], *, held: bool
) -> None:
    if held:
        home.run_keeper(days=2)
        home.clock.advance(hours=7)
    home.openmarket.misbehave(failing(403), times=None)
    home.rde.misbehave(failing(404), path="/reports", times=None)
    capsys.readouterr()
    assert home.run_keeper(days=2)["failed"] == 2
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


def test_versions_that_newer_ones_have_replaced_go_after_a_grace_and_the_newest_stay(home: Deployment) -> None:
    home.run_keeper(days=2)
    home.clock.advance(minutes=10)
    assert home.run_keeper(days=2)["deleted"] == 0
    home.clock.advance(minutes=10)
    assert home.run_keeper(days=2)["deleted"] > 0
    home.clock.advance(days=7)
    home.run_keeper(days=9)
    home.clock.advance(minutes=16)
    home.run_keeper(days=9)
    days: dict[str, list[str]] = {}
    for key in home.keys("credit-log/"):
        day, _, name = key.split("/day=")[1].partition("/")
        days.setdefault(day, []).append(name.partition("-")[0])
    for age in range(4, 8):
        assert sorted(days[str(home.today - age * DAY)]) == ["_settled", "rows.csv.gz"]
    assert {"_open", "_rollup"} <= set(days[str(home.today)])


def test_answers_that_newer_ones_have_replaced_go_and_the_newest_stay(home: Deployment) -> None:
    period = {"f": rfc3339(home.clock() - DAY), "t": rfc3339(home.clock())}
    for _ in range(3):
        ask(home, OUTCOME, **period)
        home.clock.advance(minutes=6)
    kept = home.keys("answers/tenant=default/outcome/")
    assert len(kept) == 3
    home.run_keeper()
    assert home.keys("answers/tenant=default/outcome/") == kept[-1:]


def test_an_outcome_up_to_the_moment_of_asking_answers_for_a_month_and_then_goes(home: Deployment) -> None:
    asked = [{"f": rfc3339(home.clock() - DAY), "t": rfc3339(home.clock() + timedelta(minutes=n))} for n in range(3)]
    for period in asked:
        ask(home, OUTCOME, **period)
    kept = home.keys("answers/tenant=default/outcome/")
    home.clock.advance(days=29)
    home.run_keeper()
    assert home.keys("answers/tenant=default/outcome/") == kept
    home.openmarket.misbehave(failing(500), path="/csv/outcome")
    assert ask(home, OUTCOME, **asked[0])["creditOutcome"]["freshness"]["stale"] is True
    home.clock.advance(days=1)
    assert home.run_keeper()["deleted"] >= len(kept) == 3
    assert home.keys("answers/tenant=default/outcome/") == []


def test_an_outcome_that_was_asked_for_again_answers_for_a_month_from_then_on(home: Deployment) -> None:
    period = {"f": rfc3339(home.clock() - DAY), "t": rfc3339(home.clock())}
    ask(home, OUTCOME, **period)
    home.clock.advance(days=2)
    ask(home, OUTCOME, **period)
    _, newest = home.keys("answers/tenant=default/outcome/")
    home.clock.advance(days=29)
    home.run_keeper()
    assert home.keys("answers/tenant=default/outcome/") == [newest]
    home.clock.advance(days=1)
    home.run_keeper()
    assert home.keys("answers/tenant=default/outcome/") == []


def test_a_settled_outcome_is_kept_and_never_asked_for_again(home: Deployment) -> None:
    settling = home.clock() - timedelta(hours=SETTLED_AFTER)
    nearly, settled = (
        {"f": rfc3339(home.clock() - 5 * DAY), "t": rfc3339(settling + timedelta(seconds=by))} for by in (60, -1)
    )
    for period in (nearly, settled):
        ask(home, OUTCOME, **period)
    earlier, _ = home.keys("answers/tenant=default/outcome/")
    home.clock.advance(days=400)
    home.run_keeper()
    assert home.keys("answers/tenant=default/outcome/") == [earlier]
    asked = home.openmarket.count("/csv/outcome")
    assert ask(home, OUTCOME, **settled)["creditOutcome"]["freshness"]["stale"] is False
    assert home.openmarket.count("/csv/outcome") == asked


def test_an_outcome_that_is_good_by_the_settings_stays(home: Deployment) -> None:
    ask(home, OUTCOME)
    kept = home.keys("answers/tenant=default/outcome/")
    home.clock.advance(days=40)
    home.run_keeper(FRESH_SECONDS=str(41 * 86_400))
    assert home.keys("answers/tenant=default/outcome/") == kept != []
    home.run_keeper()
    assert home.keys("answers/tenant=default/outcome/") == []


def test_a_listing_goes_when_the_vendor_has_no_file_of_it_any_more_unless_it_is_settled(deployment: Deployment) -> None:
    deployment.reports(days=5)
    [unsettled] = deployment.keys("answers/tenant=default/reports/")
    settled = f"answers/tenant=default/reports/{deployment.today - 9 * DAY}_{deployment.today - 4 * DAY}_any/"
    deployment.put(f"{settled}{stamp(deployment.clock())}.json.gz", gzip.compress(b"[]"))
    deployment.clock.advance(days=89)
    deployment.run_keeper()
    assert deployment.keys(unsettled) == [unsettled]
    deployment.clock.advance(days=1)
    deployment.run_keeper()
    assert (deployment.keys(unsettled), len(deployment.keys(settled))) == ([], 1)


def test_marks_of_scheduling_and_dead_leases_go_and_the_newest_mark_stays(deployment: Deployment) -> None:
    marks = [f"answers/tenant=default/scheduled/{stamp(deployment.clock() - timedelta(days=age))}" for age in (3, 2, 1)]
    leases = [
        "answers/tenant=default/reports/2026-11-01_2026-11-02_any/_lease",
        f"credit-log/tenant=default/brand=__all__/day={deployment.today - DAY}/_lease",
    ]
    for key in (*marks, *leases):
        deployment.put(key, b"{}")
    assert deployment.run_keeper()["deleted"] == 0
    deployment.clock.advance(minutes=16)
    deployment.run_keeper()
    assert set(deployment.keys()) & {*marks, *leases} == set(marks)
    deployment.clock.advance(hours=7)
    deployment.run_keeper()
    assert set(deployment.keys()) & set(marks) == set(marks[-1:])


def test_the_archive_and_the_lake_are_never_deleted_from(home: Deployment) -> None:
    home.rde.add_report("usage", "CSV", home.ago(days=1))
    home.run_keeper()
    for_good = home.keys("archive/") + [key for key in home.keys("credit-log/") if key.endswith("/rows.csv.gz")]
    assert len(for_good) == 4
    home.clock.advance(days=100)
    home.run_keeper()
    assert set(for_good) <= set(home.keys())
