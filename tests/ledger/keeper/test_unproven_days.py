"""A log that ends by the closing of the connection may have been cut off: no day is settled on it alone."""

import gzip
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pytest

from local.vendors.csv_shapes import SHAPES
from local.vendors.simulator import failing
from runtime.clock import DAY, midnight, rfc3339
from tests.support.api.frontend import Frontend
from tests.support.processes.deployment import Deployment
from tests.support.vendors.lossy_logs import LossyLogs

LOG = """query($f: DateTime!, $t: DateTime!, $b: String) {
  creditLog(from: $f, to: $t, brand: $b) { totalCount freshness { stale } } }"""
OUTCOME = "query($f: DateTime!, $t: DateTime!) { creditOutcome(from: $f, to: $t) { rows { success failed } } }"
A_DAY = 10
DAYS = 9
LATE_DAYS = 5
"""Of the nine days of a run, those that are old enough to be settled."""


@dataclass
class Home:
    """A deployment whose OpenMarket ends its answers by closing the connection."""

    deployment: Deployment
    first: datetime

    def send_lengths(self) -> None:
        self.deployment.openmarket.behave()
        self.deployment.openmarket.shape = SHAPES["documented"]

    def lose_rows(self, rows: int | None, since: date = date.min) -> None:
        """Send only the first `rows` rows of a log, or all of them again."""
        openmarket = self.deployment.openmarket
        openmarket.behave()
        openmarket.shape = SHAPES["no-length" if rows is None else "documented"]
        if rows is not None:
            openmarket.misbehave(LossyLogs(openmarket).losing(rows, since), times=None, path="/csv/log")

    def run_keeper(self) -> dict[str, Any]:
        return self.deployment.run_keeper(days=DAYS)

    def settled(self, brand: str = "__all__") -> int:
        keys = self.deployment.keys(f"credit-log/tenant=default/brand={brand}/")
        return sum(key.endswith("/rows.csv.gz") for key in keys)

    def settled_counts(self) -> list[int]:
        """How many rows each settled day has in the lake."""
        keys = [key for key in self.deployment.keys("credit-log/") if key.endswith("/rows.csv.gz")]
        return [gzip.decompress(self.deployment.read(key)).count(b"\n") - 1 for key in keys]

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """A frontend's query about the days that are old enough to be settled, in a process of its own."""
        frontend = Frontend(self.deployment.environ, self.deployment.clock)
        with closing(frontend.handler):
            return frontend.data(
                query, {"f": rfc3339(self.first), "t": rfc3339(self.first + LATE_DAYS * DAY)} | variables
            )

    def total(self) -> int:
        count: int = self.ask(LOG)["creditLog"]["totalCount"]
        return count


@pytest.fixture
def home(deployment: Deployment) -> Home:
    deployment.go_to_noon()
    deployment.openmarket.rows_a_day = A_DAY
    deployment.openmarket.shape = SHAPES["no-length"]
    deployment.give_credentials("default", "openmarket")
    return Home(deployment, midnight(deployment.today - (DAYS - 1) * DAY))


def test_an_answer_with_a_length_settles_its_days_without_the_outcome_report(home: Home) -> None:
    home.send_lengths()
    run = home.run_keeper()
    assert run["daysSettled"] == home.settled() == LATE_DAYS
    assert home.deployment.openmarket.count("/csv/outcome") == run["daysCompared"], "each later, once it is settled"


def test_days_that_agree_with_the_outcome_report_are_settled_in_the_same_run(home: Home) -> None:
    run = home.run_keeper()
    assert (run["daysSettled"], run["settledDayLagDays"], run["failed"]) == (LATE_DAYS, 0.0, 0)
    assert home.settled() == LATE_DAYS
    assert home.deployment.openmarket.count("/csv/outcome") == 1 + run["daysCompared"]
    logs = home.deployment.openmarket.count("/csv/log")
    assert home.total() == LATE_DAYS * A_DAY
    assert home.deployment.openmarket.count("/csv/log") == logs


@pytest.mark.parametrize("rows", [0, 4, 13, LATE_DAYS * A_DAY - 1])
def test_a_day_is_not_settled_on_a_log_that_was_cut_off(home: Home, rows: int) -> None:
    home.lose_rows(rows)
    assert home.run_keeper()["settledDayLagDays"] > 0
    for _ in range(2):  # to lose the same rows again proves nothing against the outcome report
        assert all(count == A_DAY for count in home.settled_counts())
        home.deployment.clock.advance(hours=7)
        home.run_keeper()
    home.lose_rows(None)
    home.deployment.clock.advance(hours=7)
    assert home.run_keeper()["settledDayLagDays"] == 0.0
    assert len(home.settled_counts()) > LATE_DAYS - 1
    assert all(count == A_DAY for count in home.settled_counts())


def test_days_that_lack_credits_are_fetched_again_by_the_next_run(home: Home) -> None:
    """Nothing else of theirs is due for six hours."""
    home.lose_rows(4)
    home.run_keeper()
    home.lose_rows(None)
    logs = home.deployment.openmarket.count("/csv/log")
    home.deployment.clock.advance(minutes=15)
    run = home.run_keeper()
    assert (home.settled(), run["settledDayLagDays"]) == (LATE_DAYS, 0.0)
    assert home.settled_counts() == [A_DAY] * LATE_DAYS
    assert home.deployment.openmarket.count("/csv/log") <= logs + 2


def test_only_the_days_that_lost_rows_are_left(home: Home) -> None:
    home.lose_rows(0, since=home.deployment.today - 6 * DAY)
    run = home.run_keeper()
    assert run["daysSettled"] == home.settled() == 2


def test_without_the_outcome_report_two_equal_fetches_settle_a_day(home: Home) -> None:
    home.deployment.openmarket.misbehave(failing(400), times=None, path="/csv/outcome")
    first = home.run_keeper()
    assert (first["daysSettled"], home.settled()) == (0, 0)
    assert first["failed"] >= 1
    home.deployment.clock.advance(minutes=15)
    assert (home.run_keeper()["daysSettled"], home.settled()) == (0, 0), "there was one fetch only"
    home.deployment.clock.advance(hours=6)
    assert home.run_keeper()["daysSettled"] == home.settled() == LATE_DAYS


def test_without_the_outcome_report_fetches_that_differ_settle_nothing(home: Home) -> None:
    for rows in (3, None, 4):
        home.lose_rows(rows)
        home.deployment.openmarket.misbehave(failing(400), times=None, path="/csv/outcome")
        home.run_keeper()
        home.deployment.clock.advance(hours=6, minutes=1)
    assert home.settled() == 0


def test_a_brand_is_compared_with_its_own_outcome(home: Home) -> None:
    home.ask(LOG, b="MyBrand")
    home.run_keeper()
    assert home.settled("MyBrand") == LATE_DAYS
    brands = [each.query.get("brand") for each in home.deployment.openmarket.requests if "outcome" in each.path]
    assert "MyBrand" in brands


def test_a_query_alone_does_not_settle_such_a_day_and_asks_again_after_six_hours(home: Home) -> None:
    home.lose_rows(4)
    assert home.total() == 4
    assert home.settled() == 0
    home.lose_rows(None)
    home.deployment.clock.advance(hours=5, minutes=59)
    assert home.total() == 4
    home.deployment.clock.advance(minutes=2)
    assert home.total() == LATE_DAYS * A_DAY


def test_an_outcome_report_that_may_be_cut_off_is_asked_for_again(home: Home) -> None:
    openmarket = home.deployment.openmarket
    right = home.ask(OUTCOME)
    assert openmarket.count("/csv/outcome") == 1
    home.deployment.clock.advance(hours=5)
    assert home.ask(OUTCOME) == right
    assert openmarket.count("/csv/outcome") == 1
    home.deployment.clock.advance(hours=2)
    home.send_lengths()
    assert home.ask(OUTCOME) == right
    assert openmarket.count("/csv/outcome") == 2
    home.deployment.clock.advance(days=30)
    assert home.ask(OUTCOME) == right
    assert openmarket.count("/csv/outcome") == 2
