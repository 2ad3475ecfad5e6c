"""Automatic persisted queries as Apollo's clients use them, over POST and GET, in any process of one tenant."""

import hashlib
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from deploy.expectations import ExpectedAnswer
from local.aws import Aws
from tests.support.api.frontend import EVERY_SCOPE, RESPONSE_TYPE, Frontend, StartFrontend, http_event

QUERY = "query Kind { __typename }"
JSON = "application/json"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def extensions(text: str, **changes: Any) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": digest(text)} | changes}


def post(frontend: Frontend, body: dict[str, Any], accept: str = RESPONSE_TYPE, **claims: str) -> ExpectedAnswer:
    headers = {"content-type": JSON, "accept": accept}
    verified = {"sub": "dashboard", "scope": EVERY_SCOPE, **claims}
    return frontend.send(http_event("POST", "/graphql", headers=headers, body=json.dumps(body), claims=verified))


def get(frontend: Frontend, parameters: dict[str, str]) -> ExpectedAnswer:
    claims = {"sub": "dashboard", "scope": EVERY_SCOPE}
    headers = {"accept": RESPONSE_TYPE}
    return frontend.send(http_event("GET", "/graphql", query=urlencode(parameters), headers=headers, claims=claims))


def data(answer: ExpectedAnswer) -> Any:
    content = json.loads(answer.body)
    assert "errors" not in content, content
    return content["data"]


def codes(answer: ExpectedAnswer) -> list[str]:
    return [error["extensions"]["code"] for error in json.loads(answer.body)["errors"]]


def kept(aws: Aws, bucket: str) -> list[str]:
    found = aws.client("s3").list_objects_v2(Bucket=bucket, Prefix="persisted-queries/")
    return [item["Key"] for item in found.get("Contents", [])]


@pytest.mark.parametrize("accept", [RESPONSE_TYPE, JSON, "*/*"])
def test_an_unknown_hash_is_answered_as_clients_expect_it(accept: str, frontend: Frontend) -> None:
    """With 200, or a browser would print an error for each new query."""
    answer = post(frontend, {"extensions": extensions(QUERY)}, accept)
    assert answer.status == 200
    assert codes(answer) == ["PERSISTED_QUERY_NOT_FOUND"]
    assert json.loads(answer.body)["errors"][0]["message"] == "PersistedQueryNotFound"
    assert answer.headers["cache-control"] == "no-store"


def test_a_query_sent_once_is_known_by_its_hash_in_every_process(start: StartFrontend, aws: Aws, bucket: str) -> None:
    first, second, third = start(), start(), start()
    assert data(post(first, {"query": QUERY, "extensions": extensions(QUERY)})) == {"__typename": "Query"}
    for body in ({}, {"query": None}, {"query": ""}):
        assert data(post(first, body | {"extensions": extensions(QUERY)})) == {"__typename": "Query"}
    assert data(post(second, {"extensions": extensions(QUERY)})) == {"__typename": "Query"}
    named = {"extensions": json.dumps(extensions(QUERY)), "operationName": "Kind"}
    assert data(get(third, named)) == {"__typename": "Query"}
    assert data(get(third, named | {"query": ""})) == {"__typename": "Query"}
    assert kept(aws, bucket) == [f"persisted-queries/tenant=default/{digest(QUERY)}.graphql"]


@pytest.mark.parametrize("query", ["", None])
def test_an_empty_query_beside_an_unknown_hash_is_not_a_query(query: str | None, frontend: Frontend) -> None:
    assert codes(post(frontend, {"query": query, "extensions": extensions(QUERY)})) == ["PERSISTED_QUERY_NOT_FOUND"]


@pytest.mark.parametrize("query", [" ", 0, False, [], {}])
def test_what_is_not_a_query_is_refused_beside_a_hash_too(query: object, frontend: Frontend) -> None:
    answer = post(frontend, {"query": query, "extensions": extensions(QUERY)})
    assert (answer.status, codes(answer)) == (400, ["BAD_USER_INPUT"])


def test_a_query_sent_by_get_is_kept_too(start: StartFrontend) -> None:
    sent = {"query": QUERY, "extensions": json.dumps(extensions(QUERY))}
    assert data(get(start(), sent)) == {"__typename": "Query"}
    assert data(post(start(), {"extensions": extensions(QUERY)})) == {"__typename": "Query"}


def test_the_same_hash_takes_other_variables(start: StartFrontend) -> None:
    query = "query ($yes: Boolean!) { __typename @include(if: $yes) }"
    body = {"query": query, "variables": {"yes": True}, "extensions": extensions(query)}
    assert data(post(start(), body)) == {"__typename": "Query"}
    assert data(post(start(), {"variables": {"yes": False}, "extensions": extensions(query)})) == {}


def test_a_document_id_names_a_stored_query(start: StartFrontend) -> None:
    named = f"sha256:{digest(QUERY)}"
    assert codes(post(start(), {"documentId": named})) == ["PERSISTED_QUERY_NOT_FOUND"]
    assert data(post(start(), {"query": QUERY, "documentId": named})) == {"__typename": "Query"}
    assert data(post(start(), {"documentId": named})) == {"__typename": "Query"}
    assert data(get(start(), {"documentId": named})) == {"__typename": "Query"}
    assert data(post(start(), {"extensions": extensions(QUERY)})) == {"__typename": "Query"}


@pytest.mark.parametrize("named", ["sha256:abc", "md5:" + "0" * 32, "../x", "sha256:" + "0" * 64])
def test_a_document_id_that_is_not_the_query_s_hash_is_bad_input(named: str, frontend: Frontend) -> None:
    answer = post(frontend, {"query": QUERY, "documentId": named})
    assert (answer.status, codes(answer)) == (400, ["BAD_USER_INPUT"])


def test_a_wrong_hash_is_bad_input_and_keeps_nothing(frontend: Frontend, aws: Aws, bucket: str) -> None:
    answer = post(frontend, {"query": QUERY, "extensions": extensions(QUERY + " ")})
    assert (answer.status, codes(answer)) == (400, ["BAD_USER_INPUT"])
    assert kept(aws, bucket) == []


@pytest.mark.parametrize(
    "asked",
    [
        {"version": 2},
        {"version": None},
        {"sha256Hash": "abc"},
        {"sha256Hash": 7},
        {"sha256Hash": "../" * 21 + "x"},
        {"sha256Hash": None},
    ],
)
def test_another_protocol_or_no_hash_is_bad_input(asked: dict[str, Any], frontend: Frontend) -> None:
    answer = post(frontend, {"extensions": extensions(QUERY, **asked)})
    assert (answer.status, codes(answer)) == (400, ["BAD_USER_INPUT"])


@pytest.mark.parametrize("asked", ["x", 1, [], True])
def test_what_is_not_a_description_of_a_query_is_bad_input(asked: object, frontend: Frontend) -> None:
    answer = post(frontend, {"extensions": {"persistedQuery": asked}})
    assert (answer.status, codes(answer)) == (400, ["BAD_USER_INPUT"])


def test_another_tenant_does_not_learn_what_one_has_kept(start: StartFrontend) -> None:
    frontend = start(TENANT_CLAIM="org")
    assert data(post(frontend, {"query": QUERY, "extensions": extensions(QUERY)}, org="acme"))
    assert codes(post(frontend, {"extensions": extensions(QUERY)}, org="other")) == ["PERSISTED_QUERY_NOT_FOUND"]
    assert data(post(frontend, {"extensions": extensions(QUERY)}, org="acme"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{ reports", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ " + "__typename " * 16 + "}", "QUERY_TOO_COMPLEX"),
        ("query A { __typename } query B { __typename }", "BAD_USER_INPUT"),
    ],
)
def test_what_cannot_be_executed_is_not_kept(text: str, code: str, frontend: Frontend, aws: Aws, bucket: str) -> None:
    assert set(codes(post(frontend, {"query": text, "extensions": extensions(text)}))) == {code}
    assert kept(aws, bucket) == []


def test_a_very_long_query_is_answered_but_not_kept(frontend: Frontend, aws: Aws, bucket: str) -> None:
    text = QUERY + " #" + "x" * 50_000
    assert data(post(frontend, {"query": text, "extensions": extensions(text)}))
    assert kept(aws, bucket) == []


def test_an_object_that_is_not_what_its_hash_says_counts_as_unknown(frontend: Frontend, aws: Aws, bucket: str) -> None:
    key = f"persisted-queries/tenant=default/{digest(QUERY)}.graphql"
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"mutation { other }")
    assert codes(post(frontend, {"extensions": extensions(QUERY)})) == ["PERSISTED_QUERY_NOT_FOUND"]


def test_without_s3_a_query_sent_along_is_still_answered(start: StartFrontend) -> None:
    frontend = start(LEDGER_BUCKET="there-is-no-such-bucket")
    assert codes(post(frontend, {"extensions": extensions(QUERY)})) == ["PERSISTED_QUERY_NOT_FOUND"]
    assert data(post(frontend, {"query": QUERY, "extensions": extensions(QUERY)})) == {"__typename": "Query"}


def test_a_mutation_known_by_its_hash_is_not_executed_by_get(start: StartFrontend) -> None:
    when = "2019-11-07T00:00:00Z"
    text = (
        f'mutation {{ scheduleReport(input: {{name: "r", format: JSON, startDate: "{when}", endDate: "{when}"}})'
        " { replayed } }"
    )
    assert data(post(start(), {"query": text, "extensions": extensions(text)}))
    assert get(start(), {"extensions": json.dumps(extensions(text))}).status == 405
