"""The local gateway does what API Gateway's HTTP API does, in front of a small function."""

import base64
import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from local.authorizer import Authorizer
from local.gateway import Gateway
from local.lambda_runtime import Handler

type Start = Callable[..., httpx.Client]


def echo(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(event)}


@pytest.fixture(scope="module")
def authorizer() -> Authorizer:
    return Authorizer()


@pytest.fixture
def start(authorizer: Authorizer) -> Iterator[Start]:
    """Starts a gateway in front of a function and gives a client with a good token."""
    with ExitStack() as running:

        def _start(handler: Handler = echo, **options: Any) -> httpx.Client:
            gateway = Gateway(handler, authorizer, **options)
            running.callback(gateway.stop)
            url = running.enter_context(gateway.serve()).url
            bearer = {"Authorization": f"Bearer {authorizer.token()}"}
            return running.enter_context(httpx.Client(base_url=url, headers=bearer))

        yield _start


def answering(**result: Any) -> Handler:
    return lambda _event, _context: result


def test_a_post_becomes_the_event_that_aws_documents(start: Start, authorizer: Authorizer) -> None:
    client = start()
    token = authorizer.token("reports:read", claims={"sub": "dashboard"})
    body = '{"query": "{ __typename } # é"}'
    event = client.post(
        "/graphql?a=1&a=2&b=x%20y&c=",
        content=body.encode(),
        headers=[
            ("Authorization", f"Bearer {token}"),
            ("Content-Type", "application/json; charset=utf-8"),
            ("Cookie", "one=1; two=2"),
            ("X-Twice", "first"),
            ("X-Twice", "second"),
            ("User-Agent", "tests"),
        ],
    ).json()
    context = event.pop("requestContext")
    headers = event.pop("headers")
    assert event == {
        "version": "2.0",
        "routeKey": "POST /graphql",
        "rawPath": "/graphql",
        "rawQueryString": "a=1&a=2&b=x%20y&c=",
        "queryStringParameters": {"a": "1,2", "b": "x y", "c": ""},
        "cookies": ["one=1", "two=2"],
        "body": body,
        "isBase64Encoded": False,
    }
    assert headers.keys() >= {"host", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "x-amzn-trace-id"}
    assert headers["x-twice"] == "first,second"
    assert "cookie" not in headers
    assert context["http"] == {
        "method": "POST",
        "path": "/graphql",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "tests",
    }
    assert (context["stage"], context["routeKey"], context["domainName"]) == ("$default", "POST /graphql", "127.0.0.1")
    assert context.keys() >= {"accountId", "apiId", "domainPrefix", "requestId", "time", "timeEpoch"}
    assert time.time() * 1000 - context["timeEpoch"] < 60_000
    jwt = context["authorizer"]["jwt"]
    assert jwt["scopes"] is None
    assert jwt["claims"].keys() == {"iss", "aud", "sub", "iat", "exp", "scope"}
    assert (jwt["claims"]["scope"], jwt["claims"]["sub"]) == ("reports:read", "dashboard")
    assert all(isinstance(value, str) for value in jwt["claims"].values())


def test_what_has_no_value_is_not_in_the_event(start: Start) -> None:
    event = start().get("/health").json()
    assert not event.keys() & {"body", "cookies", "queryStringParameters", "pathParameters"}
    assert "authorizer" not in event["requestContext"]


def test_an_asset_has_its_rest_of_the_path_as_a_parameter_and_paths_come_decoded(start: Start) -> None:
    event = start().get("/assets/some%20dir/app.js").json()
    assert event["routeKey"] == "GET /assets/{proxy+}"
    assert event["pathParameters"] == {"proxy": "some dir/app.js"}
    assert event["rawPath"] == "/assets/some dir/app.js"


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/json"])
def test_a_body_that_is_not_text_travels_as_base64(start: Start, kind: str) -> None:
    event = start().post("/graphql", content=b"\xff\x00", headers={"Content-Type": kind}).json()
    assert (event["isBase64Encoded"], base64.b64decode(event["body"])) == (True, b"\xff\x00")


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer not.a.token", "Basic dXNlcjpwdw=="])
def test_graphql_without_a_good_token_is_401_and_never_reaches_the_function(start: Start, token: str) -> None:
    calls: list[Any] = []
    client = start(lambda event, _context: calls.append(event))
    for method in ("GET", "POST"):
        answer = client.request(method, "/graphql", headers={"Authorization": token})
        assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert calls == []


def test_a_token_of_another_key_issuer_audience_or_time_is_refused(start: Start, authorizer: Authorizer) -> None:
    client = start()
    past = int(time.time()) - 10
    bad = {
        "key": Authorizer().token(),
        "issuer": authorizer.token(claims={"iss": "https://elsewhere.test/"}),
        "audience": authorizer.token(claims={"aud": "another"}),
        "expired": authorizer.token(claims={"exp": past}),
        "not yet": authorizer.token(claims={"nbf": past + 3600}),
    }
    answers = {
        name: client.get("/graphql", headers={"Authorization": f"Bearer {token}"}) for name, token in bad.items()
    }
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(bad, 401)
    assert "the token has expired" in answers["expired"].headers["www-authenticate"]


def test_a_token_is_taken_without_the_word_bearer_too(start: Start, authorizer: Authorizer) -> None:
    assert start().get("/graphql", headers={"Authorization": authorizer.token()}).status_code == 200


def test_claims_that_are_no_strings_come_as_api_gateway_writes_them(start: Start, authorizer: Authorizer) -> None:
    token = authorizer.token(claims={"groups": ["a", "b"], "admin": True, "level": 3})
    event = start().get("/graphql", headers={"Authorization": token}).json()
    claims = event["requestContext"]["authorizer"]["jwt"]["claims"]
    assert (claims["groups"], claims["admin"], claims["level"]) == ("[a b]", "true", "3")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/"),
        ("GET", "/nothing"),
        ("PUT", "/graphql"),
        ("GET", "/graphql//"),
        ("GET", "/assets/"),
        ("HEAD", "/"),
    ],
)
def test_an_unknown_route_is_404(start: Start, method: str, path: str) -> None:
    answer = start().request(method, path)
    assert answer.status_code == 404
    assert method == "HEAD" or answer.json() == {"message": "Not Found"}


def test_a_preflight_is_answered_by_the_gateway_without_a_token(start: Start) -> None:
    asked = {
        "Origin": "https://dash.example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    with httpx.Client(base_url=start(answering(statusCode=500)).base_url) as other:
        answer = other.options("/graphql", headers=asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert {"authorization", "content-type"} <= set(answer.headers["access-control-allow-headers"].split(","))


def test_cors_headers_are_the_gateways_own_and_only_for_another_origin(start: Start) -> None:
    client = start(answering(statusCode=200, headers={"Access-Control-Allow-Origin": "https://only.test"}))
    assert client.get("/health", headers={"Origin": "https://dash.test"}).headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in client.get("/health").headers
    refused = client.get("/graphql", headers={"Origin": "https://dash.test", "Authorization": ""})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "*")


def test_an_answer_carries_status_headers_cookies_and_bytes(start: Start) -> None:
    body = base64.b64encode(b"\x00\xff").decode()
    client = start(
        answering(
            statusCode=202,
            headers={"Content-Type": "application/octet-stream", "X-Answer": "42"},
            cookies=["a=1; Path=/", "b=2"],
            body=body,
            isBase64Encoded=True,
        )
    )
    answer = client.get("/health")
    assert (answer.status_code, answer.content, answer.headers["x-answer"]) == (202, b"\x00\xff", "42")
    assert answer.headers.get_list("set-cookie") == ["a=1; Path=/", "b=2"]


def test_a_result_without_a_status_is_the_body_of_a_200(start: Start) -> None:
    answer = start(answering(hello="world")).get("/health")
    assert (answer.status_code, answer.json()) == (200, {"hello": "world"})
    assert answer.headers["content-type"] == "application/json"


def raising(_event: dict[str, Any], _context: Any) -> None:
    raise TimeoutError("its own, not the gateway's")


@pytest.mark.parametrize(
    "handler",
    [
        raising,
        answering(statusCode="no number"),
        answering(statusCode=200, body="%%%", isBase64Encoded=True),
        answering(statusCode=200, body=object()),
        answering(statusCode=200, body="x" * 6_291_556),
    ],
    ids=["raises", "no status", "no base64", "no json", "over 6 MB"],
)
def test_a_function_that_fails_is_500_and_the_next_call_is_served(start: Start, handler: Handler) -> None:
    def failing_for_assets(event: dict[str, Any], context: Any) -> Any:
        return echo(event, context) if event["rawPath"] == "/health" else handler(event, context)

    client = start(failing_for_assets)
    answer = client.get("/assets/app.js")
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal Server Error"})
    assert client.get("/health").status_code == 200


def test_an_answer_just_under_6_mb_passes(start: Start) -> None:
    assert len(start(answering(statusCode=200, body="x" * 6_200_000)).get("/health").content) == 6_200_000


def test_a_function_that_takes_too_long_is_503(start: Start) -> None:
    over = threading.Event()
    client = start(lambda _event, _context: over.wait(10) and {}, seconds=0.2)
    answer = client.get("/health")
    over.set()
    assert (answer.status_code, answer.json()) == (503, {"message": "Service Unavailable"})


def test_a_body_over_10_mb_is_413(start: Start) -> None:
    client = start()
    answer = client.post("/graphql", content=b"x" * (10 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Entity Too Large"})
    assert client.get("/health").status_code == 200


def test_the_function_gets_a_context_and_one_call_at_a_time_on_one_thread(start: Start) -> None:
    inside: list[int] = []
    seen: list[tuple[int, int, int]] = []

    def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
        inside.append(1)
        time.sleep(0.02)
        seen.append((len(inside), threading.get_ident(), context.get_remaining_time_in_millis()))
        inside.pop()
        names = ("aws_request_id", "function_name", "memory_limit_in_mb", "invoked_function_arn")
        return {name: getattr(context, name) for name in names}

    client = start(handler)
    callers = [threading.Thread(target=client.get, args=("/health",)) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    most, threads, remaining = (set(values) for values in zip(*seen, strict=True))
    assert (most, len(threads)) == ({1}, 1)
    assert all(28_000 < milliseconds <= 29_000 for milliseconds in remaining)
    assert all(client.get("/health").json().values())


def test_a_named_stage_is_a_prefix_of_every_path(start: Start) -> None:
    client = start(stage="dev")
    event = client.post("/dev/graphql", json={}).json()
    assert (event["rawPath"], event["routeKey"]) == ("/dev/graphql", "POST /graphql")
    assert event["requestContext"]["stage"] == "dev"
    assert client.get("/dev").json()["routeKey"] == "GET /"
    assert client.get("/graphql").status_code == 404
    assert client.get("/development/health").status_code == 404


PAGE = b"<html><head><title>Tally</title></head><body></body></html>"


@pytest.mark.parametrize("zipped", [False, True])
def test_the_explorers_page_is_given_a_token(start: Start, zipped: bool) -> None:
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "ETag": '"1"',
        **({"Content-Encoding": "gzip"} if zipped else {}),
    }
    body = base64.b64encode(gzip.compress(PAGE) if zipped else PAGE).decode()
    client = start(answering(statusCode=200, headers=headers, body=body, isBase64Encoded=True), page_token="the.token")
    page = client.get("/")
    assert '<meta name="tally-token" content="the.token"></head>' in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "etag" not in page.headers
    assert "the.token" not in client.get("/health").text


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.test"}, {"Host": "rebound.evil.test"}])
def test_no_other_page_can_read_the_explorers_token(start: Start, headers: dict[str, str]) -> None:
    html = {"Content-Type": "text/html"}
    client = start(answering(statusCode=200, headers=html, body=PAGE.decode()), page_token="the.token")
    page = client.get("/", headers=headers)
    assert page.content == PAGE
