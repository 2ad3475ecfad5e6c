"""The template against the contract: settings, defaults, retention, alarms."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from functions.settings import Settings
from runtime.metrics import UNITS
from tests.deploy.template_reading import environment, resources, template
from upstreams.errors import BY_CODE

AWS_OWN = {"AWS_ENDPOINT_URL"}


class Recording(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(given)
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


def defaults() -> dict[str, str]:
    """The functions' environment when no parameter is given."""
    parameters = template()["Parameters"]
    chosen = {name: value["Ref"] for name, value in environment().items() if value.get("Ref") in parameters}
    return {name: str(parameters[parameter]["Default"]) for name, parameter in chosen.items()}


def test_every_setting_of_the_code_is_set_by_the_template_and_none_else() -> None:
    environ = Recording({"LEDGER_BUCKET": "ledger"})
    Settings.read(environ)
    assert set(environment()) == environ.asked - AWS_OWN


def test_the_parameters_defaults_are_the_settings_defaults() -> None:
    bucket = {"LEDGER_BUCKET": "ledger"}
    assert Settings.read(defaults() | bucket) == Settings.read(bucket)


def test_a_first_deploy_asks_nothing() -> None:
    for name, parameter in template()["Parameters"].items():
        assert "Default" in parameter, name
        assert len(parameter["Description"]) > 20, name


def test_a_changed_setting_always_publishes_a_version() -> None:
    description = template()["Resources"]["GraphqlApi"]["Properties"]["VersionDescription"]["Fn::Sub"]
    named = set(re.findall(r"\$\{(\w+)\}", description))
    of_the_api = {value["Ref"] for name, value in environment().items() if "Ref" in value and name != "REPORT_HOSTS"}
    assert named >= of_the_api - {"Ledger"}


def test_the_longest_settings_still_fit_a_versions_description() -> None:
    description = template()["Resources"]["GraphqlApi"]["Properties"]["VersionDescription"]["Fn::Sub"]
    longest = re.sub(r"\$\{(\w+)\}", lambda name: "x" * most_characters(name[1]), description)
    assert len(longest) <= 256


def most_characters(name: str) -> int:
    parameter = template()["Parameters"][name]
    if "AllowedValues" in parameter:
        return max(len(str(value)) for value in parameter["AllowedValues"])
    most = parameter["MaxLength"] if parameter["Type"] == "String" else len(str(parameter["MaxValue"]))
    return int(most)


def test_the_ledger_outlives_its_stack_and_is_nobodys_but_ours() -> None:
    ledger = template()["Resources"]["Ledger"]
    assert ledger["DeletionPolicy"] == ledger["UpdateReplacePolicy"] == "Retain"
    assert all(ledger["Properties"]["PublicAccessBlockConfiguration"].values())
    policy = template()["Resources"]["LedgerOverTlsOnly"]["Properties"]["PolicyDocument"]["Statement"][0]
    assert (policy["Effect"], policy["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_nothing_that_cannot_be_fetched_again_expires() -> None:
    rules = template()["Resources"]["Ledger"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"] for rule in rules if "ExpirationInDays" in rule}
    assert expiring == {"exports/", "persisted-queries/", "plans/", "schedules/", "breakers/"}
    assert next(rule for rule in rules if "AbortIncompleteMultipartUpload" in rule).get("Prefix") is None


def test_an_idempotency_key_outlives_its_24_hours() -> None:
    rules = template()["Resources"]["Ledger"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert next(rule for rule in rules if rule.get("Prefix") == "schedules/")["ExpirationInDays"] >= 2


@pytest.mark.parametrize("function", sorted(resources("AWS::Serverless::Function")))
def test_every_function_logs_into_a_group_that_forgets(function: str) -> None:
    group = resources("AWS::Serverless::Function")[function]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    assert resources("AWS::Logs::LogGroup")[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("route", sorted(resources("AWS::ApiGatewayV2::Route")))
def test_only_the_explorer_and_the_sign_of_life_need_no_token(route: str) -> None:
    properties = resources("AWS::ApiGatewayV2::Route")[route]["Properties"]
    free = properties["RouteKey"] in {"GET /", "GET /assets/{proxy+}", "GET /health"}
    assert properties["AuthorizationType"] == ("NONE" if free else "JWT")


@pytest.mark.parametrize("alarm", sorted(resources("AWS::CloudWatch::Alarm")))
def test_every_alarm_says_what_to_do_and_can_call_somebody(alarm: str) -> None:
    properties = resources("AWS::CloudWatch::Alarm")[alarm]["Properties"]
    assert len(properties["AlarmDescription"].split(".")) >= 2
    assert properties["AlarmActions"]["Fn::If"][0] == "HasAlarmTopic"


CODES = {error.code for error in BY_CODE.values()} | {"INTERNAL_SERVER_ERROR"}
"""What goes wrong in the house or at a vendor; every other code is the asker's own affair, or S3's."""


def test_every_code_that_somebody_must_act_on_has_an_alarm() -> None:
    alarms = json.dumps(resources("AWS::CloudWatch::Alarm"))
    assert set(re.findall(r'"Name": "Code", "Value": "(\w+)"', alarms)) == CODES


@pytest.mark.parametrize("alarm", ["CredentialsRefused", "InternalErrors", "KeeperFailing"])
def test_an_alarm_that_the_keeper_alone_may_raise_lasts_until_its_next_run(alarm: str) -> None:
    schedule = template()["Resources"]["Keeper"]["Properties"]["Events"]["Today"]["Properties"]["ScheduleExpression"]
    between = 60 * int(re.findall(r"rate\((\d+) minutes\)", schedule)[0])
    properties = resources("AWS::CloudWatch::Alarm")[alarm]["Properties"]
    assert properties["Period"] * properties["EvaluationPeriods"] > between
    assert properties.get("DatapointsToAlarm", 1) == 1


def test_a_single_run_without_a_failure_ends_the_keeper_s_alarm() -> None:
    properties = resources("AWS::CloudWatch::Alarm")["KeeperFailing"]["Properties"]
    assert (properties["Statistic"], properties["EvaluationPeriods"]) == ("Minimum", 1)


def test_alarms_and_dashboard_name_only_metrics_that_we_publish() -> None:
    alarms = json.dumps(resources("AWS::CloudWatch::Alarm"))
    named = set(re.findall(r'"Namespace": "Tally", "MetricName": "(\w+)"', alarms))
    named |= {row[1] for row in dashboard_rows() if row[0] == "Tally"}
    assert named == UNITS.keys()


def dashboard_rows() -> Iterator[list[Any]]:
    """Rows of metrics, with `.` and `...` filled in from the row before."""
    body = json.loads(template()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    for widget in body["widgets"]:
        before: list[Any] = []
        for row in widget["properties"].get("metrics", []):
            full = before[: len(before) - 1] + row[1:] if row[0] == "..." else row
            before = [before[index] if value == "." else value for index, value in enumerate(full)]
            yield before


def test_the_lake_table_has_the_columns_of_the_contract() -> None:
    table = template()["Resources"]["CreditLogTable"]["Properties"]["TableInput"]
    columns = [column["Name"] for column in table["StorageDescriptor"]["Columns"]]
    assert columns == ["credit_id", "time", "msisdn", "network", "outcome", "raw_outcome", "amount", "currency"]
    assert [key["Name"] for key in table["PartitionKeys"]] == ["tenant", "brand", "day"]
    place = table["Parameters"]["storage.location.template"]["Fn::Sub"]
    assert place == "s3://${Ledger}/credit-log/tenant=${!tenant}/brand=${!brand}/day=${!day}/"
