"""The keeper compares each settled day with the outcome report, once; what differs is logged and counted."""

import json
import logging
import re
from dataclasses import replace
from decimal import Decimal

import pytest

from local.vendors.simulator import Fault, SimulatorResponse, failing
from runtime.clock import DAY
from tests.support.processes.deployment import Deployment
from tests.support.vendors.rewritten_reports import plus_a_penny, rewriting

SETTLED = 5
"""Of nine days."""


def compared(both: Deployment) -> list[str]:
    """The days that have a mark."""
    return [key.split("/")[2] for key in both.keys("reconciled/tenant=default/")]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if "differs from the outcome report" in each.getMessage()]


def test_each_settled_day_is_compared_once(both: Deployment) -> None:
    first = both.run_keeper(days=9)
    assert (first["daysSettled"], first["daysCompared"], first["daysUnbalanced"]) == (SETTLED, SETTLED, 0)
    assert compared(both) == both.lake_days()
    asked = both.openmarket.count("/csv/outcome")
    assert asked == SETTLED
    again = both.run_keeper(days=9)
    assert (again["daysCompared"], both.openmarket.count("/csv/outcome")) == (0, asked)
    both.clock.advance(days=1)
    assert both.run_keeper(days=9)["daysCompared"] == 1


def test_a_planted_penny_is_logged_and_counted_once(
    both: Deployment, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = both.today - 5 * DAY

    def planted(rows: list[list[str]]) -> list[list[str]]:
        return plus_a_penny(rows) if both.openmarket.requests[-1].query["fromTime"].startswith(str(wrong)) else rows

    both.openmarket.misbehave(rewriting(planted), times=None, path="/csv/outcome")
    run = both.run_keeper(days=9)
    assert (run["daysCompared"], run["daysUnbalanced"], run["failed"]) == (SETTLED, 1, 0)
    (warning,) = warnings(caplog)
    assert warning.startswith(f"the log of {wrong} for default differs from the outcome report: ")
    applied, reported = (Decimal(amount) for amount in re.findall(r", (\d+\.\d\d)(?:;|$)", warning))
    assert reported - applied == Decimal("0.01")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["UnbalancedDays"] for line in lines if "UnbalancedDays" in line] == [1]
    (mark,) = [key for key in both.keys("reconciled/") if f"/{wrong}/" in key]
    assert json.loads(both.read(mark))["balanced"] is False
    assert both.run_keeper(days=9)["daysUnbalanced"] == 0


def test_a_day_with_other_rows_is_compared_again(both: Deployment) -> None:
    both.go_to_noon()
    both.run_keeper(days=9)
    day = both.lake_days()[0]
    for key in both.keys(f"credit-log/tenant=default/brand=__all__/day={day}/"):
        both.aws.client("s3").delete_object(Bucket=both.environ["LEDGER_BUCKET"], Key=key)
    both.clock.advance(minutes=15)
    assert both.run_keeper(days=9)["daysCompared"] == 1
    assert compared(both) == [day, *both.lake_days()]


def test_a_day_whose_report_is_broken_fails_by_itself(both: Deployment) -> None:
    broken = both.today - 4 * DAY

    def report(correct: SimulatorResponse) -> SimulatorResponse:
        of_that_day = both.openmarket.requests[-1].query["fromTime"].startswith(str(broken))
        return SimulatorResponse(body=b"Brand,Amount\n", content_type="text/csv") if of_that_day else correct

    both.openmarket.misbehave(Fault(report), times=None, path="/csv/outcome")
    run = both.run_keeper(days=9)
    assert (run["daysCompared"], run["failed"]) == (SETTLED - 1, 1)
    assert compared(both) == [day for day in both.lake_days() if day != str(broken)]
    both.openmarket.behave()
    assert both.run_keeper(days=9)["daysCompared"] == 1


def test_a_vendor_that_is_down_is_asked_about_one_day_a_run(both: Deployment) -> None:
    both.openmarket.misbehave(failing(500), times=None, path="/csv/outcome")
    assert (both.run_keeper(days=9)["failed"], compared(both)) == (1, [])
    days = {request.query["fromTime"] for request in both.openmarket.requests if request.path == "/csv/outcome"}
    assert len(days) == 1


def test_while_the_report_fails_nothing_is_compared_and_later_it_is(both: Deployment) -> None:
    both.openmarket.misbehave(failing(404), times=None, path="/csv/outcome")
    run = both.run_keeper(days=9)
    assert (run["daysSettled"], run["daysCompared"], run["failed"]) == (SETTLED, 0, SETTLED)
    assert compared(both) == []
    both.openmarket.behave()
    assert both.run_keeper(days=9)["daysCompared"] == SETTLED


def test_a_few_days_are_compared_in_a_run_the_newest_first(both: Deployment) -> None:
    assert both.run_keeper(days=14)["daysCompared"] == 8
    assert compared(both) == both.lake_days()[-8:]
    assert both.run_keeper(days=14)["daysCompared"] == 2
    assert compared(both) == both.lake_days()


def test_a_report_that_is_cut_off_without_a_trace_raises_no_alarm(
    both: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    """A report that shows nothing of its end is asked for once more before it is believed."""
    caplog.set_level(logging.WARNING)
    cut = iter([True, *[False] * 50])

    def change(rows: list[list[str]]) -> list[list[str]]:
        return rows[:1] if next(cut) else rows

    fault = rewriting(change)
    both.openmarket.misbehave(
        Fault(lambda correct: replace(fault.change(correct), framing="close")), times=None, path="/csv/outcome"
    )
    run = both.run_keeper(days=9)
    assert (run["daysCompared"], run["daysUnbalanced"]) == (SETTLED, 0)
    assert warnings(caplog) == []
