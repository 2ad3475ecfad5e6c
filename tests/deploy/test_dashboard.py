"""The dashboard's list of newest errors: errors are in it, and requests that went well are not."""

import json
import logging
import re
from typing import Any

import pytest

from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.simulator import failing
from runtime.logs import JsonLines
from tests.support.api.frontend import Frontend
from tests.support.template_reading import template

QUERY = """{ creditLog(from: "2019-11-01T00:00:00Z", to: "2019-11-02T00:00:00Z") { totalCount } }"""
OF_LAMBDA = (
    "2019-11-22T13:07:12.000Z 7f3f9a0e Task timed out after 29.00 seconds",
    '{"errorMessage":"boom","errorType":"ValueError","stackTrace":[]}',
    "[ERROR] Runtime.ImportModuleError: Unable to import module",
)
HARMLESS = (
    "START RequestId: 7f3f9a0e Version: $LATEST",
    "REPORT RequestId: 7f3f9a0e Duration: 3.00 ms Billed Duration: 4 ms Memory Size: 1024 MB",
)


def listed(line: str) -> bool:
    """Whether the widget's filter lets a line through; Logs Insights finds the fields of a line that is JSON."""
    body = json.loads(template()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    (query,) = [widget["properties"]["query"] for widget in body["widgets"] if widget["type"] == "log"]
    given = re.search(r"filter level = \"(\w+)\" or ispresent\(errorCodes\.0\) or @message like /(.*?)/ \|", query)
    assert given, query
    try:
        fields: dict[str, Any] = json.loads(line)
    except ValueError:
        fields = {}
    return fields.get("level") == given[1] or bool(fields.get("errorCodes")) or bool(re.search(given[2], line))


def request_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().out.splitlines() if json.loads(line).get("message") == "request"]


def test_a_request_that_went_well_is_not_listed(frontend: Frontend, capsys: pytest.CaptureFixture[str]) -> None:
    frontend.data(QUERY)
    assert [listed(line) for line in request_lines(capsys)] == [False]


def test_a_request_with_an_error_is_listed(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    openmarket_simulator.misbehave(failing(401), times=None)
    frontend.ask(QUERY)
    assert [listed(line) for line in request_lines(capsys)] == [True]


@pytest.mark.parametrize(("level", "shown"), [(logging.ERROR, True), (logging.WARNING, False), (logging.INFO, False)])
def test_records_are_listed_by_their_level(level: int, shown: bool) -> None:
    record = logging.LogRecord("tally.api", level, __file__, 1, "no error in this text counts", None, None)
    assert listed(JsonLines().format(record)) == shown


@pytest.mark.parametrize("line", OF_LAMBDA)
def test_what_lambda_writes_about_a_failure_is_listed(line: str) -> None:
    assert listed(line)


@pytest.mark.parametrize("line", HARMLESS)
def test_what_lambda_writes_about_every_invocation_is_not_listed(line: str) -> None:
    assert not listed(line)
