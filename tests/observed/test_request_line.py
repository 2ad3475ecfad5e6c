"""What an operator reads of one request: one JSON line, true in every field, and without anything private."""

import hashlib
import json
from typing import Any

import pytest

from functions.request_log import TRACE_VARIABLE
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.simulator import failing
from tests.support.api.frontend import EVERY_SCOPE, RESPONSE_TYPE, Frontend, StartFrontend, http_event
from tests.support.moving_clock import MovingClock

DAY = 'from: "2019-12-04T00:00:00Z", to: "2019-12-05T00:00:00Z"'
QUERY = f"query Totals {{ log: creditLog({DAY}, first: 10) {{ totalCount nodes {{ creditId }} }} }}"


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def requests(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [line for line in lines(capsys) if line.get("message") == "request"]


def test_a_request_is_one_line_that_says_what_it_was_and_what_it_took(
    frontend: Frontend, capsys: pytest.CaptureFixture[str]
) -> None:
    body = json.dumps({"query": QUERY, "operationName": "Totals"})
    headers = {"content-type": "application/json", "accept": RESPONSE_TYPE, "x-amzn-trace-id": "Root=1-5dd68c18-0a1b"}
    claims = {"sub": "dashboard", "scope": EVERY_SCOPE}
    answer = frontend.send(http_event("POST", "/graphql", headers=headers, body=body, claims=claims))
    (line,) = requests(capsys)
    assert line["requestId"] == "JKJaXmPLvHcESHA="
    assert line["traceId"] == "Root=1-5dd68c18-0a1b"
    assert line["tenant"] == "default"
    assert line["operation"] == "Totals"
    assert line["operationHash"] == hashlib.sha256(QUERY.encode()).hexdigest()
    assert line["fields"] == ["creditLog"]
    assert line["source"] == ["UPSTREAM"]
    assert line["stale"] is False
    assert line["status"] == 200
    assert line["bytes"] == len(answer.body)
    assert line["cost"] == 2 + 3 * 10
    assert line["errorCodes"] == []
    (call,) = line["upstreamCalls"]
    assert (call["upstream"], call["operation"], call["status"]) == ("openmarket", "log", 200)
    assert 0 < call["seconds"] <= line["seconds"]


@pytest.mark.parametrize(
    ("claims", "client"),
    [
        ({"client_id": "3n4b5u"}, "3n4b5u"),
        ({"azp": "dashboard"}, "dashboard"),
        ({"cid": "0oa1b2"}, "0oa1b2"),
        ({"appid": "aaaa-bbbb"}, "aaaa-bbbb"),
        ({}, None),
    ],
)
def test_a_request_s_line_says_which_client_asked_for_whom_and_from_where(
    claims: dict[str, str], client: str | None, frontend: Frontend, capsys: pytest.CaptureFixture[str]
) -> None:
    frontend.ask("{ __typename }", claims=claims)
    (line,) = requests(capsys)
    assert (line["client"], line["subject"], line["address"]) == (client, "dashboard", "203.0.113.7")


def test_an_answer_given_again_is_logged_for_the_one_who_asked(
    frontend: Frontend, capsys: pytest.CaptureFixture[str]
) -> None:
    for subject in ("ada", "ada", "grace"):
        frontend.ask(QUERY, claims={"sub": subject})
    assert [line["subject"] for line in requests(capsys)] == ["ada", "ada", "grace"]


def test_a_subject_that_is_a_phone_number_is_masked(frontend: Frontend, capsys: pytest.CaptureFixture[str]) -> None:
    frontend.ask("{ __typename }", claims={"sub": "447700900123"})
    assert "447700900123" not in json.dumps(requests(capsys))


def test_lambda_s_trace_id_comes_first(
    frontend: Frontend, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TRACE_VARIABLE, "Root=1-lambda")
    frontend.ask("{ __typename }")
    assert requests(capsys)[0]["traceId"] == "Root=1-lambda"


def test_only_the_first_request_of_a_process_is_cold(start: StartFrontend, capsys: pytest.CaptureFixture[str]) -> None:
    for frontend in (start(), start()):
        frontend.ask("{ __typename }")
        frontend.ask("{ __typename }")
    assert [line["coldStart"] for line in requests(capsys)] == [True, False, True, False]


def test_an_answer_given_again_is_logged_like_any_other(frontend: Frontend, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(4):
        frontend.ask(QUERY)
    first, *others = requests(capsys)
    assert first["source"] == ["UPSTREAM"]
    for line in others:
        assert line["source"] == ["CACHE"]
        assert line["upstreamCalls"] == []
        same = ("tenant", "operation", "operationHash", "fields", "cost")
        assert [line[name] for name in same] == [first[name] for name in same]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ " + "__typename " * 16 + "}", "QUERY_TOO_COMPLEX"),
        (f"{{ creditLog({DAY}, first: 0) {{ totalCount }} }}", "BAD_USER_INPUT"),
    ],
)
def test_error_codes_are_in_the_line(
    query: str, code: str, frontend: Frontend, capsys: pytest.CaptureFixture[str]
) -> None:
    reply = frontend.ask(query)
    (line,) = requests(capsys)
    assert line["errorCodes"] == [code]
    assert reply.errors[0]["extensions"]["requestId"] == line["requestId"]


def test_a_request_without_a_token_is_logged_without_a_tenant(
    frontend: Frontend, capsys: pytest.CaptureFixture[str]
) -> None:
    frontend.send(http_event("POST", "/graphql", body="{}"))
    (line,) = requests(capsys)
    assert line["errorCodes"] == ["UNAUTHENTICATED"]
    assert "tenant" not in line


def test_every_try_of_a_call_is_in_the_line(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    openmarket_simulator.misbehave(failing(503), times=1)
    frontend.data(QUERY)
    (line,) = requests(capsys)
    assert [call["status"] for call in line["upstreamCalls"]] == [503, 200]


def test_a_stale_answer_is_logged_as_such(
    frontend: Frontend,
    openmarket_simulator: OpenMarketSimulator,
    clock: MovingClock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    frontend.data(QUERY)
    clock.advance(hours=7)
    openmarket_simulator.misbehave(failing(400), times=None)
    frontend.data(QUERY)
    assert [line["stale"] for line in requests(capsys)] == [False, True]


def test_an_operation_s_name_cannot_carry_a_phone_number_into_the_log(
    frontend: Frontend, capsys: pytest.CaptureFixture[str]
) -> None:
    frontend.ask("query Of447700900001 { __typename }")
    frontend.ask(f"query {'N' * 5000} {{ __typename }}")
    first, second = requests(capsys)
    assert "447700900001" not in json.dumps(first)
    assert len(second["operation"]) < 100


def test_what_is_not_the_api_is_not_logged(frontend: Frontend, capsys: pytest.CaptureFixture[str]) -> None:
    for path in ("/health", "/", "/assets/x", "/favicon.ico"):
        frontend.send(http_event("GET", path))
    assert lines(capsys) == []
