"""Events from elsewhere than the HTTP API get a right and quiet answer: no exception, no data, one log line."""

import json
import logging
from typing import Any

import pytest

from deploy.expectations import EVENTS, check, event
from tests.support.api.frontend import Frontend, InvocationContext, http_event

NOT_REQUESTS = ("schedule", "warm-up", "test")
WITHOUT_VERIFIED_CLAIMS = ("load-balancer-graphql", "rest-api-graphql", "function-url-graphql")


def elsewhere(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / "elsewhere" / f"{name}.json").read_text())
    return loaded


def test_every_event_from_elsewhere_is_tried() -> None:
    names = {path.stem for path in (EVENTS / "elsewhere").glob("*.json")}
    assert names == {*NOT_REQUESTS, *WITHOUT_VERIFIED_CLAIMS, "load-balancer-health"}


@pytest.mark.parametrize("sent", [*map(elsewhere, NOT_REQUESTS), {}, [], "ping", None, {"requestContext": None}])
def test_an_event_that_is_not_a_request_does_nothing_and_logs_one_line(
    sent: Any, frontend: Frontend, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    assert frontend.handler(sent, InvocationContext()) == {"ignored": True}
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert capsys.readouterr().out == ""  # no request line: it would count as a request


@pytest.mark.parametrize("name", WITHOUT_VERIFIED_CLAIMS)
def test_a_request_whose_token_no_authorizer_has_verified_is_refused(name: str, frontend: Frontend) -> None:
    answer = frontend.send(elsewhere(name))
    assert (answer.status, answer.code()) == (401, "UNAUTHENTICATED")


def test_a_load_balancer_s_health_check_succeeds(frontend: Frontend) -> None:
    check("health", frontend.send(elsewhere("load-balancer-health")))


@pytest.mark.parametrize(
    "name", ["reports", "get-query", "explorer", "overview", "asset", "health", "health-head", "no-token"]
)
@pytest.mark.parametrize("prefix", ["/tally", "/reporting/v1"])
def test_a_custom_domain_s_path_stands_before_every_path(name: str, prefix: str, frontend: Frontend) -> None:
    """The event of a custom domain's mapping has its path in `rawPath`, and `$default` for a stage."""
    mapped = event(name)
    mapped["rawPath"] = mapped["requestContext"]["http"]["path"] = f"{prefix}{mapped['rawPath']}"
    check(name, frontend.send(mapped))


@pytest.mark.parametrize(("path", "base"), [("/tally", "/tally/"), ("/tally/", "/tally/"), ("/", "/")])
def test_the_explorer_s_page_finds_its_files_below_a_custom_domain_s_path(
    path: str, base: str, frontend: Frontend
) -> None:
    mapped = event("explorer")
    mapped["rawPath"] = mapped["requestContext"]["http"]["path"] = path
    assert f'<base href="{base}"'.encode() in frontend.send(mapped).body


@pytest.mark.parametrize("body", ["%%%", "e30", "e3\u00e9="])
def test_a_body_that_is_not_the_base64_it_claims_to_be_is_a_400(body: str, frontend: Frontend) -> None:
    sent = http_event("POST", "/graphql", headers={"content-type": "application/json"}, body=body, claims={"sub": "x"})
    answer = frontend.send(sent | {"isBase64Encoded": True})
    assert (answer.status, answer.code()) == (400, "BAD_USER_INPUT")
    assert b"not valid base64" in answer.body
    assert answer.headers["x-content-type-options"] == "nosniff"
