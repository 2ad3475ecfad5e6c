"""The template against the code: its parameters are the settings, and each change of them reaches the functions."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from functions.settings import Settings
from ledger.exports.workbook import MOST_ROWS
from tests.support.template_reading import environment, resources, template

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


API = template()["Resources"]["GraphqlApi"]["Properties"]


DESCRIPTIONS = {
    "GraphqlApi": (API["VersionDescription"], 256),
    **{
        name: (policy["Properties"]["Description"], 1000)
        for name, policy in resources("AWS::IAM::ManagedPolicy").items()
    },
}
"""What a changed setting has to change, so that a version is published: where it is named, and how long that may be."""


def named(description: dict[str, Any]) -> set[str]:
    """The parameters and resources that a description holds the values of."""
    text, variables = description["Fn::Sub"], dict[str, Any]()
    if isinstance(text, list):
        text, variables = text
    return (set(re.findall(r"\$\{(\w+)\}", text)) | references(variables)) - variables.keys()


def references(value: Any) -> set[str]:
    """The names that a part of the template refers to."""
    return set(re.findall(r'"Ref": "(\w+)"', json.dumps(value)))


def conditions_of(value: Any) -> set[str]:
    """The names of the conditions that decide something inside a part of the template."""
    if isinstance(value, list):
        return set().union(*map(conditions_of, value))
    if not isinstance(value, dict):
        return set()
    found = {value["Fn::If"][0]} if "Fn::If" in value else set()
    return found.union(*map(conditions_of, value.values()))


def parameters_of(condition: Any) -> set[str]:
    return references(template()["Conditions"][condition])


OF_THE_FUNCTION_NOT_ITS_VERSIONS = {"ReservedConcurrency"}


OF_THE_KEEPER_ONLY = {"ReportHosts", "BackgroundUpstreamSeconds"}


def test_every_change_of_the_functions_configuration_publishes_a_version() -> None:
    described = set().union(*(named(description) for description, _ in DESCRIPTIONS.values()))
    settings = references(list(environment().values())) & template()["Parameters"].keys()
    configuration = {name: value for name, value in API.items() if name != "Policies"}
    chosen = {name for condition in conditions_of(configuration) for name in parameters_of(condition)}
    decisive = settings | chosen | {API["MemorySize"]["Ref"], template()["Globals"]["Function"]["Tracing"]["Ref"]}
    policies = DESCRIPTIONS.keys() - {"GraphqlApi"}
    assert described == (decisive | policies) - OF_THE_FUNCTION_NOT_ITS_VERSIONS - OF_THE_KEEPER_ONLY


@pytest.mark.parametrize("name", ["SignInClientId", "SignInOrigins"])
def test_a_parameter_that_the_stack_s_own_pool_ignores_changes_no_description(name: str) -> None:
    """A new description of an unchanged function fails: Lambda has no version to publish."""
    _, variables = DESCRIPTIONS["SignInSettings"][0]["Fn::Sub"]
    (value,) = [value for value in variables.values() if name in references(value)]
    assert value["Fn::If"] == ["MakesUserPool", "-", {"Ref": name}]


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_the_longest_settings_still_fit_a_description(name: str) -> None:
    description, limit = DESCRIPTIONS[name]
    text = description["Fn::Sub"][0] if isinstance(description["Fn::Sub"], list) else description["Fn::Sub"]
    words = len(re.sub(r"\$\{\w+\}", "", text))
    assert words + sum(most_characters(parameter) for parameter in named(description)) <= limit


def most_characters(name: str) -> int:
    if name in DESCRIPTIONS:  # its ARN: the longest stack name, and what CloudFormation adds to it
        return len(f"arn:aws-us-gov:iam::123456789012:policy/-{name}-1ABCDEFGHIJKL") + 52
    parameter = template()["Parameters"][name]
    if "AllowedValues" in parameter:
        return max(len(str(value)) for value in parameter["AllowedValues"])
    most = parameter["MaxLength"] if parameter["Type"] == "String" else len(str(parameter["MaxValue"]))
    return int(most)


def test_the_exporter_has_room_for_the_largest_workbook() -> None:
    """XlsxWriter takes 1.1 kB of temporary files for a row with names of the usual length (docs/decisions)."""
    room = template()["Resources"]["Exporter"]["Properties"]["EphemeralStorage"]["Size"] * 1024**2
    assert room > 1.5 * 1100 * MOST_ROWS


@pytest.mark.parametrize("function", sorted(resources("AWS::Serverless::Function")))
def test_every_function_logs_into_a_group_that_forgets(function: str) -> None:
    group = resources("AWS::Serverless::Function")[function]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    assert resources("AWS::Logs::LogGroup")[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_no_function_can_make_a_log_group_again_after_its_stack() -> None:
    for function in resources("AWS::Serverless::Function").values():
        (policy,) = function["Properties"]["Policies"]
        denied = [statement for statement in policy["Statement"] if statement.get("Effect") == "Deny"]
        assert [(each["Action"], each["Resource"]) for each in denied] == [("logs:CreateLogGroup", "*")]


def test_names_are_unique_in_a_region_and_in_an_account() -> None:
    dashboard_name = template()["Resources"]["Dashboard"]["Properties"]["DashboardName"]["Fn::Sub"]
    assert {"${AWS::StackName}", "${AWS::Region}"} <= set(re.findall(r"\$\{[\w:]+\}", dashboard_name))
    for name in ("FunctionName", "LogGroupName", "UserPoolName", "QueueName", "AlarmName"):
        for resource in template()["Resources"].values():
            given = resource.get("Properties", {}).get(name)
            own = (
                given is None or "AWS::StackName" in json.dumps(given) or resource["Type"] == "AWS::Lambda::Permission"
            )
            assert own, (name, given)
