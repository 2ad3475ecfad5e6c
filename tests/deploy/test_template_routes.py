"""The template's gateway: its routes, what limits them, which need a token, and who gets one."""

import json

import pytest

from local import gateway
from tests.support.repository import ROOT
from tests.support.template_reading import resources, template

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
