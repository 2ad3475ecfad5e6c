"""The days of credits that the keeper settles and refreshes, of every brand with credits."""

import gzip
from contextlib import closing

import pytest

from functions.keeper_handler import KeeperHandler
from functions.settings import Settings
from functions.wiring import keeper_of
from local.vendors.credits import SimulatedCredit
from local.vendors.csv_shapes import SHAPES
from local.vendors.openmarket import parsed_time
from local.vendors.simulator import breaking_off, failing
from runtime.clock import DAY, rfc3339
from tests.support.api.frontend import Frontend, InvocationContext
from tests.support.processes.deployment import Deployment

LOG = "query($f: DateTime!, $t: DateTime!, $b: String) { creditLog(from: $f, to: $t, brand: $b) { totalCount } }"


def test_every_day_that_can_be_settled_is_settled_once_and_never_asked_for_again(both: Deployment) -> None:
    first = both.run_keeper(days=9)
    days = [str(both.today - age * DAY) for age in range(9)]
    assert both.lake_days() == sorted(days[4:])
    assert (first["daysSettled"], first["settledDayLagDays"], first["complete"]) == (5, 0.0, True)
    asked = both.openmarket.count("/csv/log")
    assert asked == 1
    again = both.run_keeper(days=9)
    assert (again["daysSettled"], both.openmarket.count("/csv/log")) == (0, asked)
    both.clock.advance(days=1)
    assert both.run_keeper(days=9)["daysSettled"] == 1
    assert both.lake_days() == sorted(days[3:])


def test_a_hundred_and_twenty_days_are_looked_after_in_four_calls(both: Deployment) -> None:
    both.openmarket.rows_a_day = 1
    keeper = keeper_of(Settings.read(both.environ), both.clock)
    with closing(KeeperHandler(keeper)) as handler:
        assert handler({}, InvocationContext(900))["daysSettled"] == 116
    assert both.openmarket.count("/csv/log") == 4
    assert both.lake_days()[0] == str(both.today - 119 * DAY)


def test_what_lies_in_the_lake_is_what_the_vendor_answered(both: Deployment) -> None:
    both.run_keeper()
    day = both.today - 5 * DAY
    rows = gzip.decompress(both.read(f"credit-log/tenant=default/brand=__all__/day={day}/rows.csv.gz")).decode()
    held = [c for c in both.openmarket.credits_between(both.clock() - 6 * DAY, both.clock()) if c.time.date() == day]
    assert sorted(line.split(",")[0] for line in rows.splitlines()[1:]) == sorted(str(c.credit_id) for c in held)


def test_an_answer_whose_compression_breaks_off_settles_no_day(both: Deployment) -> None:
    for share in (0, 0.4, 1):
        both.openmarket.misbehave(breaking_off(share), times=None)
        run = both.run_keeper(days=9)
        assert (run["daysSettled"], both.lake_days()) == (0, [])
        both.openmarket.behave()
    both.clock.advance(hours=1)
    assert both.run_keeper(days=9)["daysSettled"] == 5


@pytest.mark.parametrize("shape", ["no-data", "no-data-404", "bare", "documented", "titled"])
def test_quiet_days_settle_whatever_the_vendor_says_when_there_is_nothing(both: Deployment, shape: str) -> None:
    both.openmarket.rows_a_day = 0
    both.openmarket.shape = SHAPES[shape]
    run = both.run_keeper(days=9)
    assert (run["daysSettled"], run["settledDayLagDays"], run["complete"]) == (5, 0.0, True)
    assert both.run_keeper(days=9)["daysSettled"] == 0


def test_gaps_between_held_days_are_filled(both: Deployment) -> None:
    both.run_keeper(days=3)
    both.clock.advance(days=6)
    assert both.run_keeper(days=12)["daysSettled"] == 8
    assert both.lake_days() == [str(both.today - age * DAY) for age in range(11, 3, -1)]


def credit(deployment: Deployment, brand: str, days_ago: float) -> SimulatedCredit:
    time = (deployment.clock() - days_ago * DAY).replace(microsecond=0)
    return SimulatedCredit(10**9, time, "447700900001", "O2", "1.5", "GBP", brand, "SUCCESS", "SUCCESS", time)


def requests_for(deployment: Deployment, brand: str) -> int:
    """How often the vendor was asked for one brand's log."""
    return sum(request.query.get("brand") == brand for request in deployment.openmarket.requests)


def long_outcomes(deployment: Deployment) -> int:
    """How often the vendor was asked for an outcome report of more days than one."""
    asked = [request.query for request in deployment.openmarket.requests if request.path == "/csv/outcome"]
    return sum(parsed_time(query["toTime"]) - parsed_time(query["fromTime"]) > DAY for query in asked)


def test_every_brand_with_credits_that_has_been_queried_is_settled_too(both: Deployment) -> None:
    brands = ["Alpha", "Ünï 100%", "__all__"]
    both.openmarket.add(*(credit(both, brand, days_ago=3) for brand in brands))
    for brand in brands:
        both.ask(LOG, b=brand)
    both.run_keeper(days=9)
    assert {folder.split("/")[2] for folder in both.keys("credit-log/")} == {
        "brand=__all__",
        "brand=Alpha",
        "brand=%C3%9Cn%C3%AF%20100%25",
        "brand=%5F%5Fall%5F%5F",
    }
    assert [len(both.lake_days(brand)) for brand in ("__all__", "Alpha", "%5F%5Fall%5F%5F")] == [5, 5, 5]


def test_a_misspelt_brand_is_not_fetched_for_ever(both: Deployment) -> None:
    misspelt = ["mybrand", "MyBrand ", "Tpyo"]
    for brand in misspelt:
        both.ask(LOG, b=brand)
    asked = [requests_for(both, brand) for brand in misspelt]
    outcomes = long_outcomes(both)
    for _ in range(3):
        both.clock.advance(hours=7)
        assert both.run_keeper(days=9)["failed"] == 0
    assert [requests_for(both, brand) for brand in misspelt] == asked
    assert long_outcomes(both) == outcomes + 3, "one outcome report shows for all of them"
    assert both.run_keeper(days=9)["settledDayLagDays"] == 0.0


def test_a_brand_that_only_the_outcome_report_names_is_settled_too(both: Deployment) -> None:
    """It was queried for days without credits; it has had some since, or before."""
    both.ask(LOG, b="Quiet")
    both.openmarket.add(credit(both, "Quiet", days_ago=7))
    both.run_keeper(days=9)
    assert len(both.lake_days("Quiet")) == 5


def test_a_brand_whose_credits_are_older_than_the_days_of_the_keeper_is_left_alone(both: Deployment) -> None:
    both.openmarket.add(credit(both, "Gone", days_ago=4))
    both.ask(LOG, b="Gone")
    both.clock.advance(days=20)
    asked = requests_for(both, "Gone")
    both.run_keeper(days=9)
    assert requests_for(both, "Gone") == asked


def test_without_the_outcome_report_brands_with_credits_are_settled_and_the_failure_counts(both: Deployment) -> None:
    both.openmarket.add(credit(both, "Alpha", days_ago=3))
    for brand in ("Tpyo", "Alpha", "Typo"):
        both.ask(LOG, b=brand)
    both.openmarket.misbehave(failing(400), times=None, path="/csv/outcome")
    failed = both.run_keeper(days=9)["failed"]
    settled_days = both.lake_days()
    assert failed == 1 + len(settled_days), "the brands of the report, and the comparison of each settled day with it"
    assert len(both.lake_days("Alpha")) == len(settled_days) == 5


def test_today_is_refreshed_when_it_has_aged(both: Deployment) -> None:
    both.run_keeper(days=2)
    both.clock.advance(minutes=15)
    asked = both.openmarket.count("/csv/log")
    both.run_keeper(days=2)
    assert both.openmarket.count("/csv/log") == asked + 1


def test_a_day_that_was_fetched_late_enough_by_a_new_setting_enters_the_lake(both: Deployment) -> None:
    both.clock.moment = both.clock().replace(hour=12)
    both.run_keeper(days=4)
    assert both.lake_days() == []
    asked = both.openmarket.count("/csv/log")
    summary = both.run_keeper(days=4, SETTLE_HOURS="1")
    assert (summary["daysSettled"], summary["settledDayLagDays"]) == (3, 0.0)
    assert len(both.lake_days()) == 3
    assert both.openmarket.count("/csv/log") == asked


def test_a_brand_that_the_vendor_does_not_know_is_not_asked_for_again(both: Deployment) -> None:
    """A failed question leaves a lease in the brand's folder, and nothing else."""
    both.openmarket.misbehave(failing(400), times=None, path="/csv/log")
    frontend = Frontend(both.environ, both.clock)
    with closing(frontend.handler):
        times = {"f": rfc3339(both.clock() - 2 * DAY), "t": rfc3339(both.clock())}
        assert frontend.ask(LOG, {**times, "b": "Typo"}).codes == ["UPSTREAM_BAD_RESPONSE"]
    assert both.keys("credit-log/tenant=default/brand=Typo/")
    both.openmarket.behave()
    asked = len(both.openmarket.requests)
    assert both.run_keeper()["failed"] == 0
    assert not [each for each in both.openmarket.requests[asked:] if each.query.get("brand") == "Typo"]
