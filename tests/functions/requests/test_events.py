"""How an event becomes a request and a response a result: one table for each part of it."""

import base64
from types import SimpleNamespace
from typing import Any

import pytest

from functions.events import SPARE_SECONDS, WITHOUT_CONTEXT_SECONDS, is_request, request_of, result_of
from schema.errors import BadUserInput
from schema.http.requests import Response
from tests.support.api.frontend import InvocationContext, http_event

LOAD_BALANCER: dict[str, Any] = {
    "requestContext": {"elb": {"targetGroupArn": "arn"}},
    "httpMethod": "POST",
    "path": "/graphql",
    "queryStringParameters": {"a": "1 2", "b": "ü"},
    "headers": {"Content-Type": "application/json"},
    "body": "{}",
    "isBase64Encoded": False,
}


def changed(**changes: Any) -> dict[str, Any]:
    """The gateway's event for `POST /graphql`, with other values at its top."""
    return http_event("POST", "/graphql", body="{}") | changes


def context_of(**changes: Any) -> dict[str, Any]:
    context: dict[str, Any] = changed()["requestContext"] | changes
    return context


@pytest.mark.parametrize(
    ("event", "request_"),
    [
        (http_event("GET", "/health"), True),
        (LOAD_BALANCER, True),
        ({"source": "aws.events", "detail-type": "Scheduled Event"}, False),
        ({"requestContext": None}, False),
        ({"requestContext": "http"}, False),
        ({"requestContext": {"http": None}}, False),
        ({}, False),
        ([], False),
        ("http", False),
        (None, False),
    ],
)
def test_only_an_event_with_an_http_method_is_a_request(event: object, request_: bool) -> None:
    assert is_request(event) is request_


def test_the_gateways_event_is_read_whole() -> None:
    claims = {"sub": "dashboard", "scope": "reports:read"}
    event = http_event(
        "POST", "/graphql", query="a=1&b=2", headers={"Content-Type": "text/x"}, body="{}", claims=claims
    )
    request = request_of(event, InvocationContext(20))
    assert (request.method, request.path, request.route, request.query) == ("POST", "/graphql", "/graphql", "a=1&b=2")
    assert request.headers == {"host": "tally.example", "content-type": "text/x"}
    assert (request.body, request.claims) == (b"{}", claims)
    assert (request.request_id, request.address) == ("JKJaXmPLvHcESHA=", "203.0.113.7")


def test_a_load_balancers_event_is_read_without_claims() -> None:
    request = request_of(LOAD_BALANCER, InvocationContext())
    assert (request.method, request.path, request.query) == ("POST", "/graphql", "a=1+2&b=%C3%BC")
    assert request.headers == {"content-type": "application/json"}
    assert (request.body, request.claims, request.request_id) == (b"{}", None, InvocationContext.aws_request_id)


@pytest.mark.parametrize(
    ("event", "body"),
    [
        (changed(body="{}"), b"{}"),
        (changed(body="\u00fc \U0001f600"), "\u00fc \U0001f600".encode()),
        (changed(body="\ud800"), b"\xed\xa0\x80"),
        (changed(body=None), b""),
        (http_event("POST", "/graphql"), b""),
        (changed(body=base64.b64encode(b"\x1f\x8b\x00").decode(), isBase64Encoded=True), b"\x1f\x8b\x00"),
    ],
    ids=["text", "UTF-8", "half a character", "null", "missing", "base64"],
)
def test_a_body_is_the_bytes_that_the_client_sent(event: dict[str, Any], body: bytes) -> None:
    assert request_of(event, None).body == body


def test_a_body_that_is_not_base64_is_refused() -> None:
    with pytest.raises(BadUserInput, match="not valid base64"):
        request_of(changed(body="not base64!", isBase64Encoded=True), None)


@pytest.mark.parametrize(
    ("gateway", "claims"),
    [
        (context_of(authorizer={"jwt": {"claims": {"sub": "a"}, "scopes": None}}), {"sub": "a"}),
        (context_of(authorizer={"jwt": {"claims": {}}}), {}),
        (context_of(authorizer={"jwt": None}), None),
        (context_of(authorizer={"iam": {"accountId": "1"}}), None),
        (context_of(authorizer={"lambda": {"sub": "a"}}), None),
        (context_of(authorizer=None), None),
        (context_of(), None),
        (None, None),
    ],
)
def test_claims_are_those_of_the_jwt_authorizer_and_no_others(gateway: Any, claims: Any) -> None:
    assert request_of(changed(requestContext=gateway), None).claims == claims


@pytest.mark.parametrize(
    ("changes", "route"),
    [
        ({"routeKey": "POST /graphql", "rawPath": "/reporting/graphql"}, "/graphql"),
        ({"routeKey": "GET /assets/{proxy+}", "pathParameters": {"proxy": "a/b.js"}}, "/assets/a/b.js"),
        ({"routeKey": "GET /assets/{proxy+}"}, "/assets/"),
        ({"routeKey": "$default", "rawPath": "/health"}, "/health"),
        ({"routeKey": "$default", "rawPath": "/v1/health", "requestContext": {"stage": "v1"}}, "/health"),
        ({"routeKey": "$default", "rawPath": "/v1", "requestContext": {"stage": "v1"}}, "/"),
        ({"routeKey": "", "rawPath": "", "path": "/health"}, "/health"),
        ({"routeKey": "", "rawPath": ""}, "/"),
    ],
)
def test_the_route_is_the_path_without_what_a_stage_or_a_domain_puts_before_it(
    changes: dict[str, Any], route: str
) -> None:
    assert request_of(changed(**changes), None).route == route


@pytest.mark.parametrize(
    ("left", "seconds"), [(900, 900 - SPARE_SECONDS), (None, WITHOUT_CONTEXT_SECONDS)], ids=["Lambda", "no context"]
)
def test_the_deadline_leaves_time_to_send_an_error(left: float | None, seconds: float) -> None:
    context = None if left is None else InvocationContext(left)
    assert seconds - 5 < request_of(changed(), context).deadline.remaining() <= seconds


@pytest.mark.parametrize(
    ("gateway", "context", "request_id"),
    [
        ({"requestId": "from the gateway"}, SimpleNamespace(aws_request_id="from Lambda"), "from the gateway"),
        ({}, SimpleNamespace(aws_request_id="from Lambda"), "from Lambda"),
        ({}, None, "unknown"),
    ],
)
def test_a_request_id_is_the_gateways_or_lambdas(gateway: Any, context: object, request_id: str) -> None:
    assert request_of(changed(requestContext=gateway), context).request_id == request_id


def test_a_body_as_text_and_a_compressed_one_as_base64() -> None:
    plain = Response(200, '{"a": "ü"}'.encode(), [("content-type", "application/json"), ("vary", "accept")])
    assert result_of(plain) == {
        "statusCode": 200,
        "headers": {"content-type": "application/json", "vary": "accept"},
        "body": '{"a": "ü"}',
        "isBase64Encoded": False,
    }
    packed = result_of(plain._replace(body=b"\x1f\x8b", headers=[("content-encoding", "gzip")]))
    assert (packed["body"], packed["isBase64Encoded"]) == ("H4s=", True)
    assert result_of(Response(404))["body"] == ""
