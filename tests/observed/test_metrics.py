"""Metrics are lines in CloudWatch's Embedded Metric Format, under the names that alarms and dashboard read."""

import json
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from deploy.artifact import ROOT
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from local.vendors.simulator import failing
from runtime import metrics
from runtime.metrics import DEFAULT_NAMESPACE, UNITS, emit
from tests.support.api.frontend import Frontend
from tests.support.moving_clock import MovingClock

DAY = 'from: "2019-11-01T00:00:00Z", to: "2019-11-02T00:00:00Z"'
RECENTLY = 'from: "2019-12-04T00:00:00Z", to: "2019-12-05T00:00:00Z"'
QUERY = f"{{ creditLog({DAY}) {{ totalCount }} }}"


def documents(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def totals(found: list[dict[str, Any]]) -> Counter[tuple[str, ...]]:
    """Sums by metric and dimension values, as CloudWatch would read the lines."""
    sums: Counter[tuple[str, ...]] = Counter()
    for document in found:
        for directive in document["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == DEFAULT_NAMESPACE
            for dimensions in directive["Dimensions"]:
                for metric in directive["Metrics"]:
                    value = document[metric["Name"]]
                    key = (metric["Name"], *(document[name] for name in dimensions))
                    sums[key] += len(value) if isinstance(value, list) else value
    return sums


def test_requests_hits_errors_and_calls_are_counted(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    frontend.data(QUERY)
    frontend.data(QUERY)
    frontend.ask("{ nothing }")
    openmarket_simulator.misbehave(failing(401), times=None)
    frontend.ask(QUERY.replace("2019-11-01", "2019-10-01").replace("2019-11-02", "2019-10-02"))
    counted = totals(documents(capsys))
    assert counted["Requests",] == 4
    assert counted["LedgerHits",] == 1
    assert counted["StaleAnswers",] == 0
    assert counted["Errors", "GRAPHQL_VALIDATION_FAILED"] == 1
    assert counted["Errors", "UPSTREAM_UNAUTHORIZED"] == 1
    assert counted["UpstreamSeconds", "openmarket"] == openmarket_simulator.count()


CODES = {401: "UPSTREAM_UNAUTHORIZED", 503: "UPSTREAM_UNAVAILABLE", 404: "UPSTREAM_BAD_RESPONSE"}


@pytest.mark.parametrize("status", CODES)
def test_a_failure_that_a_stale_answer_hides_is_counted_by_its_code(
    frontend: Frontend,
    rde_simulator: RdeSimulator,
    openmarket_simulator: OpenMarketSimulator,
    clock: MovingClock,
    capsys: pytest.CaptureFixture[str],
    status: int,
) -> None:
    query = f"""{{
      creditLog({RECENTLY}) {{ freshness {{ stale }} }}
      creditOutcome({RECENTLY}) {{ freshness {{ stale }} }}
      reports(from: "2019-12-01", to: "2019-12-04") {{ freshness {{ stale }} }}
    }}"""
    frontend.data(query)
    clock.advance(hours=7)
    for vendor in (rde_simulator, openmarket_simulator):
        vendor.misbehave(failing(status), times=None)
    capsys.readouterr()
    answers = frontend.data(query).values()
    assert [answer["freshness"]["stale"] for answer in answers] == [True, True, True]
    found = documents(capsys)
    counted, code = totals(found), CODES[status]
    assert (counted["StaleAnswers",], counted["Errors", code]) == (3, 3)
    (line,) = [document for document in found if document.get("message") == "request"]
    assert (line["errorCodes"], line["counts"][f"hidden.{code}"]) == ([], 3)


def test_a_line_has_what_the_format_asks_for(frontend: Frontend, capsys: pytest.CaptureFixture[str]) -> None:
    frontend.data(QUERY)
    for document in documents(capsys):
        directive = document["_aws"]["CloudWatchMetrics"][0]
        assert isinstance(document["_aws"]["Timestamp"], int)
        for metric in directive["Metrics"]:
            assert metric["Unit"] == UNITS[metric["Name"]]
            values = document[metric["Name"]]
            assert all(isinstance(value, int | float) for value in (values if isinstance(values, list) else [values]))
        for name in (name for dimensions in directive["Dimensions"] for name in dimensions):
            assert isinstance(document[name], str)
            assert document[name]


def test_the_keeper_s_lag_has_no_dimension_as_its_alarm_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"SettledDayLagDays": 1.5})
    assert totals(documents(capsys)) == {("SettledDayLagDays",): 1.5}


def test_each_stack_publishes_under_a_namespace_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        for namespace in ("Tally/production", "Tally/staging"):
            metrics.set_up(namespace)
            emit({"Requests": 1})
    finally:
        metrics.set_up(DEFAULT_NAMESPACE)
    published = [line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in documents(capsys)]
    assert published == ["Tally/production", "Tally/staging"]


@pytest.mark.parametrize("function", ["graphql_api", "keeper", "exporter"])
def test_a_function_publishes_under_the_namespace_of_its_environment(
    function: str, settings_environ: dict[str, str]
) -> None:
    program = f"import functions.{function}; from runtime.metrics import emit; emit({{'Requests': 1}})"
    environ = os.environ | settings_environ | {"METRICS_NAMESPACE": "Tally/staging"}
    done = subprocess.run([sys.executable, "-c", program], env=environ, cwd=ROOT, capture_output=True, check=True)
    assert json.loads(done.stdout)["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Tally/staging"
