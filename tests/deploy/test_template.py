"""The template against the contract: settings, defaults, retention, alarms."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

import pytest

from functions.settings import Settings
from ledger.days.day_store import DayStore
from ledger.days.months import calendar_month, month_key
from ledger.exports.workbook import MOST_ROWS
from ledger.lake.credit_lake import FIRST_DAY
from ledger.lake.credit_rows import COLUMNS
from ledger.lake.month_files import month_folder
from ledger.lake.parquet import ColumnKind
from local import gateway
from runtime.metrics import UNITS
from tests.support.repository import ROOT
from tests.support.s3.memory_store import MemoryBucket, MemoryStore
from tests.support.template_reading import environment, resources, template
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


@pytest.mark.parametrize("name", ["Ledger", "LedgerPolicy"])
def test_the_ledger_and_its_policy_outlive_the_stack(name: str) -> None:
    """A first deploy that fails leaves nothing behind, or each try would leave an empty bucket."""
    resource = template()["Resources"][name]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_the_ledger_is_private_and_read_over_tls_only() -> None:
    assert all(template()["Resources"]["Ledger"]["Properties"]["PublicAccessBlockConfiguration"].values())
    statement = template()["Resources"]["LedgerPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_nothing_that_cannot_be_fetched_again_expires() -> None:
    rules = template()["Resources"]["Ledger"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"] for rule in rules if "ExpirationInDays" in rule}
    assert expiring == {"exports/", "persisted-queries/", "schedules/", "breakers/", "reconciled/"}
    assert next(rule for rule in rules if "AbortIncompleteMultipartUpload" in rule).get("Prefix") is None


def test_the_exporter_has_room_for_the_largest_workbook() -> None:
    """XlsxWriter takes 1.1 kB of temporary files for a row with names of the usual length (docs/decisions)."""
    room = template()["Resources"]["Exporter"]["Properties"]["EphemeralStorage"]["Size"] * 1024**2
    assert room > 1.5 * 1100 * MOST_ROWS


def test_an_idempotency_key_outlives_its_24_hours() -> None:
    rules = template()["Resources"]["Ledger"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert next(rule for rule in rules if rule.get("Prefix") == "schedules/")["ExpirationInDays"] >= 2


@pytest.mark.parametrize("function", sorted(resources("AWS::Serverless::Function")))
def test_every_function_logs_into_a_group_that_forgets(function: str) -> None:
    group = resources("AWS::Serverless::Function")[function]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    assert resources("AWS::Logs::LogGroup")[group]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


ANONYMOUS = {"GET /", "GET /overview", "GET /assets/{proxy+}", "GET /health", "HEAD /health"}


def test_the_local_gateway_has_the_template_s_routes_and_headers() -> None:
    routes = [route["Properties"] for route in resources("AWS::ApiGatewayV2::Route").values()]
    assert {route["RouteKey"]: route["AuthorizationType"] == "JWT" for route in routes} == {
        route.key: route.needs_token for route in gateway.ROUTES
    }
    cors = template()["Resources"]["HttpApi"]["Properties"]["CorsConfiguration"]["Fn::If"][1]
    assert template()["Parameters"]["CorsHeaders"]["Default"].split(",") == list(gateway.ALLOWED_HEADERS)
    assert cors["AllowHeaders"] == {"Ref": "CorsHeaders"}
    assert cors["ExposeHeaders"] == list(gateway.EXPOSED_HEADERS)


def test_browsers_may_send_what_tracing_and_common_clients_add() -> None:
    allowed = template()["Parameters"]["CorsHeaders"]["Default"].split(",")
    tracing = {"traceparent", "tracestate", "baggage", "sentry-trace", "x-amzn-trace-id", "x-datadog-trace-id"}
    clients = {"x-request-id", "x-apollo-operation-name", "apollo-require-preflight", "graphql-require-preflight"}
    assert tracing | clients | {"cache-control"} <= set(allowed)


def test_each_graphql_route_has_a_throttle_and_the_page_says_how_many_there_are() -> None:
    keys = [route["Properties"]["RouteKey"] for route in resources("AWS::ApiGatewayV2::Route").values()]
    assert sorted(key for key in keys if "graphql" in key) == [
        *("GET /graphql", "GET /graphql/", "POST /graphql", "POST /graphql/")
    ]
    assert (ROOT / "docs" / "operating.md").read_text().count("of the four GraphQL routes") == 2


def test_each_route_without_a_token_has_a_throttle_of_its_own_which_waits_for_the_route() -> None:
    stage = template()["Resources"]["Stage"]
    throttles = stage["Properties"]["RouteSettings"]
    assert throttles.keys() == ANONYMOUS
    assert all(throttle["ThrottlingRateLimit"] <= 20 for throttle in throttles.values())
    routes = resources("AWS::ApiGatewayV2::Route").items()
    assert set(stage["DependsOn"]) == {name for name, route in routes if route["Properties"]["RouteKey"] in ANONYMOUS}


@pytest.mark.parametrize("route", sorted(resources("AWS::ApiGatewayV2::Route")))
def test_only_the_pages_and_the_health_check_need_no_token(route: str) -> None:
    properties = resources("AWS::ApiGatewayV2::Route")[route]["Properties"]
    free = properties["RouteKey"] in ANONYMOUS
    assert properties["AuthorizationType"] == ("NONE" if free else "JWT")


def test_a_line_of_the_access_log_says_who_called_and_from_where() -> None:
    line = json.loads(template()["Resources"]["Stage"]["Properties"]["AccessLogSettings"]["Format"])
    assert {"address", "clientId", "azp", "cid", "subject", "route", "status", "bytes"} <= line.keys()
    assert not [value for value in line.values() if "path" in value or "query" in value]  # phone numbers travel there


@pytest.mark.parametrize("client", ["UserPoolClient", "SignInClient"])
def test_a_client_does_not_see_whole_phone_numbers_by_default(client: str) -> None:
    scopes = resources("AWS::Cognito::UserPoolClient")[client]["Properties"]["AllowedOAuthScopes"]
    if isinstance(scopes, dict):
        separator, parameter = scopes["Fn::Split"]
        scopes = template()["Parameters"][parameter["Ref"]]["Default"].split(separator)
    assert {"tally/reports:read", "tally/credits:read"} <= set(scopes)
    assert "tally/credits:msisdn" not in scopes


def test_a_browser_s_client_has_no_secret_and_uses_the_authorization_code() -> None:
    client = resources("AWS::Cognito::UserPoolClient")["SignInClient"]["Properties"]
    assert (client["GenerateSecret"], client["AllowedOAuthFlows"]) == (False, ["code"])
    assert client["CallbackURLs"] == client["LogoutURLs"]


def test_pages_that_may_call_the_api_may_fetch_from_the_bucket() -> None:
    condition, rules, otherwise = template()["Resources"]["Ledger"]["Properties"]["CorsConfiguration"]["Fn::If"]
    assert (condition, otherwise) == ("HasCors", {"Ref": "AWS::NoValue"})
    (rule,) = rules["CorsRules"]
    assert (rule["AllowedOrigins"], rule["AllowedMethods"]) == ({"Ref": "CorsOrigins"}, ["GET", "HEAD"])


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


GLUE_TYPES = {
    ColumnKind.TEXT: "string",
    ColumnKind.TIMESTAMP: "timestamp",
    ColumnKind.DATE: "date",
    ColumnKind.DECIMAL: "decimal({precision},{scale})",
}


def table_input(resource: str) -> Any:
    return template()["Resources"][resource]["Properties"]["TableInput"]


@pytest.mark.parametrize(
    ("resource", "brand", "partitions"),
    [("CreditsTable", None, ["tenant", "month"]), ("BrandCreditsTable", "Acme Ltd", ["tenant", "brand", "month"])],
)
def test_a_table_of_the_lake_is_what_the_keeper_writes(resource: str, brand: str | None, partitions: list[str]) -> None:
    table = table_input(resource)
    assert [(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]] == [
        (column.name, GLUE_TYPES[column.type.kind].format(precision=column.type.precision, scale=column.type.scale))
        for column in COLUMNS
    ]
    assert [key["Name"] for key in table["PartitionKeys"]] == partitions
    place = table["Parameters"]["storage.location.template"]["Fn::Sub"].replace("${!", "{")
    folder = month_folder("acme", brand, date(2026, 11, 1))
    values = {"tenant": "acme", "brand": "Acme%20Ltd", "month": "2026-11"}
    assert place.removeprefix("s3://${Ledger}/").format(**values) == f"{folder}/"


@pytest.mark.parametrize(
    ("resource", "named"), [("CreditsTable", ["tenant"]), ("BrandCreditsTable", ["tenant", "brand"])]
)
def test_a_query_of_the_lake_has_to_name_whose_credits_it_is_about(resource: str, named: list[str]) -> None:
    parameters = table_input(resource)["Parameters"]
    injected = [key.split(".")[1] for key, value in parameters.items() if value == "injected"]
    assert injected == named
    assert parameters["projection.month.format"] == "yyyy-MM"
    assert parameters["projection.month.range"] == f"{FIRST_DAY:%Y-%m},NOW"


def test_the_table_of_csv_still_has_the_columns_of_the_contract() -> None:
    table = table_input("CreditLogTable")
    columns = [column["Name"] for column in table["StorageDescriptor"]["Columns"]]
    assert columns == ["credit_id", "time", "msisdn", "network", "outcome", "raw_outcome", "amount", "currency"]
    assert [key["Name"] for key in table["PartitionKeys"]] == ["tenant", "brand", "day"]
    place = table["Parameters"]["storage.location.template"]["Fn::Sub"]
    assert place == "s3://${Ledger}/credit-log/tenant=${!tenant}/brand=${!brand}/day=${!day}/"


def writable(function: str) -> list[str]:
    """The patterns of the keys that a function may write."""
    (policy,) = resources("AWS::Serverless::Function")[function]["Properties"]["Policies"]
    (written,) = [each["Resource"] for each in policy["Statement"] if each.get("Sid") == "WriteLedger"]
    return [arn["Fn::Sub"].removeprefix("${Ledger.Arn}/") for arn in written]


def test_the_keeper_alone_may_write_the_objects_of_months() -> None:
    days = DayStore(MemoryStore(MemoryBucket()), "acme", "My Brand")
    month = month_key(days, calendar_month(date(2026, 10, 1)))
    keys = [month, *(days.key(date(2026, 10, 1), name) for name in ("rows.csv.gz", "_lease"))]
    may = {
        function: [any(fnmatchcase(key, pattern) for pattern in writable(function)) for key in keys]
        for function in ("GraphqlApi", "Keeper", "Exporter")
    }
    assert may == {
        "GraphqlApi": [False, True, True],
        "Keeper": [True, True, True],
        "Exporter": [False, True, True],
    }
