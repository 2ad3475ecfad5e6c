"""`creditReconciliation`: the log beside the outcome report, compared as of one moment."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from local.aws import Aws
from local.vendors.credits import SimulatedCredit
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.simulator import Fault, SimulatorResponse, failing
from runtime.clock import rfc3339
from tests.support.api.frontend import Frontend, StartFrontend
from tests.support.moving_clock import MovingClock
from tests.support.vendors.rewritten_reports import plus_a_penny, rewriting

QUERY = """
query Reconcile($from: DateTime!, $to: DateTime!, $brand: String) {
  creditReconciliation(from: $from, to: $to, brand: $brand) {
    balanced
    rows {
      value currency logSuccess outcomeSuccess logFailed outcomeFailed logApplied outcomeApplied difference
    }
    freshness { source stale asOf finalUntil nextRefresh }
  }
}"""
SETTLED = {"from": "2019-11-12T00:00:00Z", "to": "2019-11-15T00:00:00Z"}
YESTERDAY = {"from": "2019-12-04T00:00:00Z", "to": "2019-12-05T00:00:00Z"}
TODAY = {"from": "2019-12-05T00:00:00Z", "to": "2019-12-06T00:00:00Z"}


def reconciled(frontend: Frontend, period: dict[str, str], **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = frontend.data(QUERY, period | more)["creditReconciliation"]
    return answer


def differences(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(row["value"], row["difference"]) for row in answer["rows"] if row["difference"] != "0.00"]


def a_credit(at: str, outcome: str = "SUCCESS", *, amount: str = "7.77", number: int = 1) -> SimulatedCredit:
    time = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return SimulatedCredit(number, time, "447700900001", "O2", amount, "GBP", "MyBrand", outcome, outcome, time)


@pytest.mark.parametrize("brand", [None, "Late Show"])
def test_each_value_has_its_counts_and_exact_sums_from_both_reports(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, brand: str | None
) -> None:
    start, end = (datetime.fromisoformat(SETTLED[name]) for name in ("from", "to"))
    openmarket_simulator.ends_inclusive = False
    counts: Counter[tuple[str, Decimal, str]] = Counter()
    for credit in openmarket_simulator.credits_between(start, end, brand):
        counts[credit.currency, Decimal(credit.amount), openmarket_simulator.outcome_of(credit).upper()] += 1
    openmarket_simulator.ends_inclusive = True
    answer = reconciled(frontend, SETTLED, brand=brand)
    assert answer["balanced"] is True
    assert len(answer["rows"]) > 3
    for row in answer["rows"]:
        value = Decimal(row["value"])
        success = sum(counts[row["currency"], value, word] for word in ("SUCCESS", "CONFIRMED"))
        failed = counts[row["currency"], value, "FAILED"]
        assert (row["logSuccess"], row["outcomeSuccess"]) == (success, success)
        assert (row["logFailed"], row["outcomeFailed"]) == (failed, failed)
        assert row["logApplied"] == row["outcomeApplied"] == f"{value * success:.2f}"
        assert row["difference"] == "0.00"
    keys = [(row["currency"], Decimal(row["value"])) for row in answer["rows"]]
    assert keys == sorted({(currency, value) for currency, value, _ in counts})


def test_a_planted_penny_is_found(frontend: Frontend, openmarket_simulator: OpenMarketSimulator) -> None:
    openmarket_simulator.misbehave(rewriting(plus_a_penny), times=None, path="/csv/outcome")
    answer = reconciled(frontend, SETTLED)
    assert answer["balanced"] is False
    assert [difference for _, difference in differences(answer)] == ["-0.01"]


def test_a_credit_that_the_log_lacks_is_found(frontend: Frontend, openmarket_simulator: OpenMarketSimulator) -> None:
    openmarket_simulator.add(a_credit("2019-11-13T12:00:00", "FAILED"))
    openmarket_simulator.misbehave(
        rewriting(lambda rows: [row for row in rows if row[5] != "7.77"]), times=None, path="/csv/log"
    )
    answer = reconciled(frontend, SETTLED)
    (row,) = [row for row in answer["rows"] if row["value"] == "7.77"]
    assert (answer["balanced"], row["logFailed"], row["outcomeFailed"], row["difference"]) == (False, 0, 1, "0.00")


def test_one_value_in_two_spellings_is_one_row(frontend: Frontend, openmarket_simulator: OpenMarketSimulator) -> None:
    for number, amount in enumerate(["1.125", "1.1250"], 1):
        openmarket_simulator.add(a_credit("2019-11-13T12:00:00", amount=amount, number=number))
    (row,) = [row for row in reconciled(frontend, SETTLED)["rows"] if row["value"] == "1.125"]
    assert (row["logSuccess"], row["outcomeSuccess"], row["logApplied"], row["difference"]) == (2, 2, "2.25", "0.00")


def test_what_is_still_pending_is_no_difference(frontend: Frontend, openmarket_simulator: OpenMarketSimulator) -> None:
    openmarket_simulator.add(a_credit("2019-12-04T12:00:00", "retrying"))
    answer = reconciled(frontend, YESTERDAY)
    (row,) = [row for row in answer["rows"] if row["value"] == "7.77"]
    assert (answer["balanced"], row["logSuccess"], row["outcomeSuccess"]) == (True, 0, 0)


def test_a_credit_that_ends_between_the_two_fetches_is_no_difference(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    openmarket_simulator.add(a_credit("2019-12-04T12:00:00", "pending"))
    frontend.data(f'{{ creditLog(from: "{YESTERDAY["from"]}", to: "{YESTERDAY["to"]}") {{ totalCount }} }}')
    openmarket_simulator.change_outcome(1, "SUCCESS")
    answer = reconciled(frontend, YESTERDAY)
    assert (answer["balanced"], differences(answer)) == (True, [("7.77", "-7.77")])
    assert openmarket_simulator.count("/csv/log") == 1


def test_once_both_are_final_a_credit_that_the_log_shows_as_pending_is_a_difference(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    openmarket_simulator.add(a_credit("2019-11-13T12:00:00"))
    late = rewriting(lambda rows: [[*row[:4], "pending", *row[5:]] if row[5] == "7.77" else row for row in rows])
    openmarket_simulator.misbehave(late, times=None, path="/csv/log")
    answer = reconciled(frontend, SETTLED)
    assert (answer["balanced"], differences(answer)) == (False, [("7.77", "-7.77")])


@pytest.mark.parametrize("older", ["log", "outcome report"])
def test_the_older_side_is_fetched_again_before_anything_differs(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock, older: str
) -> None:
    field = {"log": "creditLog", "outcome report": "creditOutcome"}[older]
    frontend.data(f'{{ {field}(from: "{YESTERDAY["from"]}", to: "{YESTERDAY["to"]}") {{ freshness {{ asOf }} }} }}')
    clock.advance(seconds=30)
    openmarket_simulator.add(a_credit("2019-12-04T12:00:00"))
    answer = reconciled(frontend, YESTERDAY)
    assert (answer["balanced"], differences(answer)) == (True, [])
    assert ("7.77", 1) in [(row["value"], row["logSuccess"]) for row in answer["rows"]]
    assert answer["freshness"]["asOf"] == rfc3339(clock())
    reports = [request.query["toTime"] for request in openmarket_simulator.requests if request.path == "/csv/outcome"]
    if older == "outcome report":
        assert reports == ["2019-12-05 00:00:00 UTC"] * 2, "the same question, and none about another end"


@pytest.mark.parametrize("ends_inclusive", [True, False])
@pytest.mark.parametrize("at", ["2019-11-14T23:59:59", "2019-11-15T00:00:00"])
def test_a_credit_at_the_period_s_end_is_no_difference_however_the_vendor_counts_ends(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, at: str, *, ends_inclusive: bool
) -> None:
    openmarket_simulator.ends_inclusive = ends_inclusive
    openmarket_simulator.add(a_credit(at))
    answer = reconciled(frontend, SETTLED)
    counted = ("7.77", 1) in [(row["value"], row["logSuccess"]) for row in answer["rows"]]
    assert (answer["balanced"], counted) == (True, at.startswith("2019-11-14"))


def test_credits_that_come_while_a_day_goes_on_are_no_difference(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock
) -> None:
    added = iter(range(1, 100))

    def meanwhile(correct: SimulatorResponse) -> SimulatorResponse:
        """A second after each answer one more credit is there."""
        clock.advance(seconds=1)
        openmarket_simulator.add(a_credit(f"{clock():%Y-%m-%dT%H:%M:%S}", number=next(added)))
        return correct

    openmarket_simulator.misbehave(Fault(meanwhile), times=None)
    for _ in range(3):
        answer = reconciled(frontend, TODAY)
        assert (answer["balanced"], differences(answer)) == (True, [])
        clock.advance(seconds=61)


def test_a_difference_that_stays_is_not_looked_at_again_at_once(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock
) -> None:
    def slowly(correct: SimulatorResponse) -> SimulatorResponse:
        clock.advance(seconds=1)
        return correct

    wrong = rewriting(plus_a_penny)
    frontend.data(f'{{ creditLog(from: "{YESTERDAY["from"]}", to: "{YESTERDAY["to"]}") {{ totalCount }} }}')
    clock.advance(seconds=10)
    fault = Fault(lambda correct: slowly(wrong.change(correct)))
    openmarket_simulator.misbehave(fault, times=None, path="/csv/outcome")
    openmarket_simulator.misbehave(Fault(slowly), times=None, path="/csv/log")
    assert reconciled(frontend, YESTERDAY)["balanced"] is False
    asked = openmarket_simulator.count()
    for _ in range(3):
        clock.advance(seconds=30)
        assert reconciled(frontend, YESTERDAY)["balanced"] is False
    assert openmarket_simulator.count() == asked


def test_a_settled_period_that_differs_is_asked_for_once_in_each_way_to_count_its_end(
    start: StartFrontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    openmarket_simulator.misbehave(rewriting(plus_a_penny), times=None, path="/csv/outcome")
    for _ in range(3):
        assert reconciled(start(), SETTLED)["balanced"] is False
    asked = [request.query["toTime"] for request in openmarket_simulator.requests if request.path == "/csv/outcome"]
    assert asked == ["2019-11-15 00:00:00 UTC", "2019-11-14 23:59:59 UTC"]
    assert openmarket_simulator.count("/csv/log") == 1


def test_a_settled_month_is_compared_without_reading_a_row_by_one_report(
    start: StartFrontend, openmarket_simulator: OpenMarketSimulator, aws: Aws, bucket: str
) -> None:
    month = {"from": "2019-10-20T00:00:00Z", "to": "2019-11-20T00:00:00Z"}
    start().data(f'{{ creditLog(from: "{month["from"]}", to: "{month["to"]}") {{ totalCount }} }}')
    for page in aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="credit-log/"):
        for item in page["Contents"]:
            if item["Key"].endswith("/rows.csv.gz"):
                aws.client("s3").put_object(Bucket=bucket, Key=item["Key"], Body=b"unreadable")
    answer = reconciled(start(), month)
    assert (answer["balanced"], len(answer["rows"]) > 3) == (True, True)
    assert (openmarket_simulator.count("/csv/log"), openmarket_simulator.count("/csv/outcome")) == (1, 1)


def test_a_vendor_that_gets_slow_does_not_take_all_the_time_for_a_closer_look(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock
) -> None:
    frontend.data(f'{{ creditLog(from: "{YESTERDAY["from"]}", to: "{YESTERDAY["to"]}") {{ totalCount }} }}')
    clock.advance(seconds=30)
    openmarket_simulator.add(a_credit("2019-12-04T12:00:00"))
    frontend.data(f'{{ creditOutcome(from: "{YESTERDAY["from"]}", to: "{YESTERDAY["to"]}") {{ rows {{ brand }} }} }}')
    openmarket_simulator.latency = 30
    began = time.monotonic()
    answer = frontend.data(QUERY, YESTERDAY, seconds=4)["creditReconciliation"]
    assert time.monotonic() - began < 3
    assert (answer["balanced"], answer["freshness"]["stale"]) == (False, True)


def test_with_nothing_stored_and_a_vendor_that_fails_there_is_an_error_that_names_it(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    openmarket_simulator.misbehave(failing(500), times=None, path="/csv/outcome")
    reply = frontend.ask(QUERY, SETTLED)
    assert (reply.data, reply.codes) == ({"creditReconciliation": None}, ["UPSTREAM_UNAVAILABLE"])
    assert reply.errors[0]["extensions"]["upstream"] == "openmarket"


def test_with_a_vendor_that_fails_a_difference_is_stale(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock
) -> None:
    frontend.data(f'{{ creditLog(from: "{YESTERDAY["from"]}", to: "{YESTERDAY["to"]}") {{ totalCount }} }}')
    clock.advance(seconds=30)
    openmarket_simulator.add(a_credit("2019-12-04T12:00:00"))
    openmarket_simulator.misbehave(failing(500), times=None, path="/csv/log")
    answer = reconciled(frontend, YESTERDAY)
    assert (answer["balanced"], answer["freshness"]["stale"]) == (False, True)


def test_a_settled_period_is_final_in_both_reports(frontend: Frontend, clock: MovingClock) -> None:
    freshness = reconciled(frontend, SETTLED)["freshness"]
    assert (freshness["finalUntil"], freshness["nextRefresh"]) == (SETTLED["to"], None)
    mixed = reconciled(frontend, {"from": SETTLED["from"], "to": TODAY["to"]})["freshness"]
    assert mixed["finalUntil"] == "2019-12-02T00:00:00Z"
    assert mixed["nextRefresh"] == rfc3339(clock() + timedelta(minutes=1))


def test_an_empty_period_and_days_to_come_are_balanced_and_call_no_vendor(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    for period in (
        {"from": SETTLED["from"], "to": SETTLED["from"]},
        {"from": TODAY["to"], "to": "2019-12-08T00:00:00Z"},
    ):
        assert (reconciled(frontend, period)["balanced"], reconciled(frontend, period)["rows"]) == (True, [])
    assert openmarket_simulator.requests == []


def test_without_the_scope_nothing_is_asked(frontend: Frontend, openmarket_simulator: OpenMarketSimulator) -> None:
    reply = frontend.ask(QUERY, SETTLED, scope="reports:read")
    assert (reply.codes, reply.data) == (["FORBIDDEN"], {"creditReconciliation": None})
    assert openmarket_simulator.requests == []
