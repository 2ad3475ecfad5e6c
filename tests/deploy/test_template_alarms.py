"""The template's alarms and its dashboard: what they look at, and what an alarm tells an operator."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from runtime.metrics import UNITS
from tests.support.template_reading import environment, resources, template
from upstreams.errors import BY_CODE


@pytest.mark.parametrize("alarm", sorted(resources("AWS::CloudWatch::Alarm")))
def test_every_alarm_says_what_to_do_and_can_notify(alarm: str) -> None:
    properties = resources("AWS::CloudWatch::Alarm")[alarm]["Properties"]
    assert len(properties["AlarmDescription"].split(".")) >= 2
    assert properties["AlarmActions"]["Fn::If"][0] == "HasAlarmTopic"


CODES = {error.code for error in BY_CODE.values()} | {"INTERNAL_SERVER_ERROR"}
"""Faults of ours or of a vendor; every other code is the caller's fault, or S3's."""


def test_every_code_that_an_operator_must_act_on_has_an_alarm() -> None:
    alarms = json.dumps(resources("AWS::CloudWatch::Alarm"))
    assert set(re.findall(r'"Name": "Code", "Value": "(\w+)"', alarms)) == CODES


@pytest.mark.parametrize("alarm", ["CredentialsRefused", "InternalErrors"])
def test_an_alarm_that_the_keeper_alone_may_raise_lasts_until_its_next_run(alarm: str) -> None:
    schedule = template()["Resources"]["Keeper"]["Properties"]["Events"]["Today"]["Properties"]["ScheduleExpression"]
    between = 60 * int(re.findall(r"rate\((\d+) minutes\)", schedule)[0])
    properties = resources("AWS::CloudWatch::Alarm")[alarm]["Properties"]
    assert properties["Period"] * properties["EvaluationPeriods"] > between
    assert properties.get("DatapointsToAlarm", 1) == 1


OURS = {"Fn::Sub": "Tally/${AWS::StackName}"}


def alarm_metrics() -> Iterator[tuple[Any, str]]:
    """The namespace and the name of each metric that an alarm looks at."""
    for alarm in resources("AWS::CloudWatch::Alarm").values():
        properties = alarm["Properties"]
        metrics = [each["MetricStat"]["Metric"] for each in properties.get("Metrics", ()) if "MetricStat" in each]
        yield from ((metric["Namespace"], metric["MetricName"]) for metric in metrics or [properties])


def test_alarms_and_dashboard_read_the_metrics_of_their_own_stack_and_no_others() -> None:
    assert environment()["METRICS_NAMESPACE"] == OURS
    read = {name for namespace, name in alarm_metrics() if namespace == OURS}
    assert {str(namespace) for namespace, _ in alarm_metrics() if namespace != OURS} <= {
        "AWS/ApiGateway",
        "AWS/Lambda",
        "AWS/SQS",
    }
    drawn = {tuple(row[:2]) for row in dashboard_rows() if isinstance(row[0], str) and not row[0].startswith("AWS/")}
    assert {namespace for namespace, _ in drawn} == {OURS["Fn::Sub"]}
    searched = re.findall(r"SEARCH\('\{(\S+),\w+\} MetricName=\"(\w+)", json.dumps(dashboard()).replace('\\"', '"'))
    assert {namespace for namespace, _ in searched} == {f'"{OURS["Fn::Sub"]}"'}
    assert read | {name for _, name in (*drawn, *searched)} == UNITS.keys()


def dashboard() -> Any:
    return json.loads(template()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])


def dashboard_rows() -> Iterator[list[Any]]:
    """Rows of metrics, with `.` and `...` filled in from the row before."""
    for widget in dashboard()["widgets"]:
        before: list[Any] = []
        for row in widget["properties"].get("metrics", []):
            full = before[: len(before) - 1] + row[1:] if row[0] == "..." else row
            before = [before[index] if value == "." else value for index, value in enumerate(full)]
            yield before
