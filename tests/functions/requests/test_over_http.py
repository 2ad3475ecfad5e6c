"""GraphQL over HTTP, by the draft: statuses, media types, methods, encodings, and every way of sending no query."""

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from deploy.expectations import ExpectedAnswer
from tests.support.api.frontend import EVERY_SCOPE, RESPONSE_TYPE, Frontend, http_event

JSON_TYPE = "application/json"
CLAIMS = {"sub": "dashboard", "scope": EVERY_SCOPE}
SCHEDULE = """mutation { scheduleReport(input: {name: "Daily", format: JSON, startDate: "2019-11-07T17:02:59Z",
  endDate: "2019-12-07T17:02:59Z"}) { report { name } } }"""

type Post = Callable[..., ExpectedAnswer]
type Get = Callable[..., ExpectedAnswer]


@pytest.fixture
def post(frontend: Frontend) -> Post:
    def send(body: str | bytes | None, method: str = "POST", **headers: str) -> ExpectedAnswer:
        sent = {"content-type": JSON_TYPE} | {name.replace("_", "-"): value for name, value in headers.items()}
        text = body.decode("latin-1") if isinstance(body, bytes) else body
        event = http_event(method, "/graphql", headers=sent, body=text, claims=CLAIMS)
        if isinstance(body, bytes):
            event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
        return frontend.send(event)

    return send


@pytest.fixture
def get(frontend: Frontend) -> Get:
    def send(query_string: str, method: str = "GET", **headers: str) -> ExpectedAnswer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return frontend.send(http_event(method, "/graphql", query=query_string, headers=sent, claims=CLAIMS))

    return send


def content_of(answer: ExpectedAnswer) -> Any:
    return json.loads(answer.body)


def query(text: str = "{ __typename }", **parameters: Any) -> str:
    return json.dumps({"query": text, **parameters}, ensure_ascii=False)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_slash_at_the_end_of_the_path_changes_nothing(method: str, frontend: Frontend) -> None:
    body, parameters = (query(), "") if method == "POST" else (None, "query={__typename}")
    headers = {"content-type": JSON_TYPE}
    answer = frontend.send(http_event(method, "/graphql/", query=parameters, headers=headers, body=body, claims=CLAIMS))
    assert (answer.status, content_of(answer)) == (200, {"data": {"__typename": "Query"}})
    unknown = frontend.send(http_event(method, "/graphql/", query=parameters, headers=headers, body=body))
    assert (unknown.status, unknown.code()) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, JSON_TYPE),
        ("", JSON_TYPE),
        ("*/*", JSON_TYPE),
        ("application/*", JSON_TYPE),
        (JSON_TYPE, JSON_TYPE),
        (RESPONSE_TYPE, RESPONSE_TYPE),
        ("Application/GraphQL-Response+JSON", RESPONSE_TYPE),
        (f"{RESPONSE_TYPE}; charset=utf-8", RESPONSE_TYPE),
        (f"{JSON_TYPE}, {RESPONSE_TYPE}", RESPONSE_TYPE),
        (f"{RESPONSE_TYPE}, {JSON_TYPE};q=0.9", RESPONSE_TYPE),
        (f"{RESPONSE_TYPE};q=0.5, {JSON_TYPE}", JSON_TYPE),
        (f"{RESPONSE_TYPE};q=0, {JSON_TYPE};q=0.001", JSON_TYPE),
        (f"{RESPONSE_TYPE};charset=utf-8;q=0.2, {JSON_TYPE};q=0.3", JSON_TYPE),
        (f"{JSON_TYPE};q=0.5, */*", RESPONSE_TYPE),
        ("text/html, */*;q=0.1", JSON_TYPE),
        (f"text/html;q=1, {RESPONSE_TYPE};q=0.1", RESPONSE_TYPE),
    ],
)
def test_the_client_says_in_which_media_type(post: Post, get: Get, accept: str | None, media_type: str) -> None:
    headers = {} if accept is None else {"accept": accept}
    for answer in (post(query(), **headers), get("query={__typename}", **headers)):
        assert (answer.status, answer.headers["content-type"]) == (200, f"{media_type}; charset=utf-8")
        assert content_of(answer) == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("accept", ["text/html", "application/xml, text/*", f"{JSON_TYPE};q=0", "*/*;q=0.0", "image/*"])
def test_a_client_that_takes_neither_learns_what_there_is(post: Post, accept: str) -> None:
    answer = post(query(), accept=accept)
    assert answer.status == 406
    assert RESPONSE_TYPE in content_of(answer)["errors"][0]["message"]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
        "application/json; odata=verbose",
    ],
)
def test_a_body_is_json_in_utf_8(post: Post, content_type: str) -> None:
    assert post(query("{ a: __typename } # é 🏊"), content_type=content_type).status == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=latin-1",
        "application/json-seq",
        "text/plain; application/json",
    ],
)
@pytest.mark.parametrize("accept", [JSON_TYPE, RESPONSE_TYPE])
def test_any_other_body_is_an_unsupported_media_type(post: Post, content_type: str, accept: str) -> None:
    answer = post(query(), content_type=content_type, accept=accept)
    assert (answer.status, answer.code()) == (415, "BAD_USER_INPUT")


NO_QUERY = {
    "an empty body": "",
    "no body": None,
    "blanks": "  \n",
    "broken JSON": '{"query": "{ __typename }"',
    "a trailing comma": '{"query": "{ __typename }",}',
    "two values": "{}{}",
    "bytes that are not utf-8": b'{"query": "{ __typename } # \xff"}',
    "a lone surrogate": '{"query": "{ __typename } # \\ud800"}',
    "NaN": '{"query": "{ __typename }", "variables": {"a": NaN}}',
    "nesting without end": '{"query": "{ __typename }", "variables": ' + '{"a":' * 5000 + "1" + "}" * 5000 + "}",
    "a string": '"{ __typename }"',
    "null": "null",
    "a number": "7",
    "a batch": '[{"query": "{ __typename }"}]',
    "an empty batch": "[]",
    "no query": "{}",
    "a null query": '{"query": null}',
    "an empty query": '{"query": ""}',
    "a query of blanks": '{"query": " \\t"}',
    "a query that is an object": '{"query": {}}',
    "a query that is a list": '{"query": ["{ __typename }"]}',
    "variables as text": '{"query": "{ __typename }", "variables": "{}"}',
    "variables as a list": '{"query": "{ __typename }", "variables": [1]}',
    "variables as a number": '{"query": "{ __typename }", "variables": 0}',
    "extensions as text": '{"query": "{ __typename }", "extensions": "{}"}',
    "extensions as a list": '{"query": "{ __typename }", "extensions": [1]}',
    "a document id that is a number": '{"documentId": 7}',
    "a name that is a number": '{"query": "{ __typename }", "operationName": 7}',
    "a name that is false": '{"query": "{ __typename }", "operationName": false}',
}


@pytest.mark.parametrize("accept", [JSON_TYPE, RESPONSE_TYPE])
@pytest.mark.parametrize("body", NO_QUERY.values(), ids=NO_QUERY.keys())
def test_what_is_not_a_request_is_400_in_both_media_types(post: Post, body: str | bytes | None, accept: str) -> None:
    answer = post(body, accept=accept)
    assert (answer.status, answer.code()) == (400, "BAD_USER_INPUT")
    assert answer.headers["content-type"] == f"{accept}; charset=utf-8"
    assert "data" not in content_of(answer)


@pytest.mark.parametrize(
    "parameters",
    [
        {"variables": None, "operationName": None, "extensions": None},
        {"variables": {}, "extensions": {"some": "value"}},
        {"variables": [], "extensions": ""},
        {"variables": "", "extensions": [], "documentId": None},
        {"variables": {"unused": [1, {"a": None}]}, "unknown": True},
    ],
)
def test_parameters_may_be_null_empty_or_more_than_needed(post: Post, parameters: dict[str, Any]) -> None:
    answer = post(query(**parameters))
    assert answer.status == 200
    assert content_of(answer) == {"data": {"__typename": "Query"}}


def test_a_byte_order_mark_before_the_json_is_ignored(post: Post) -> None:
    assert content_of(post("\ufeff" + query())) == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("charset", ["utf8", "UTF-8", '"utf-8"', "Utf8"])
def test_utf_8_may_be_spelled_as_clients_spell_it(post: Post, charset: str) -> None:
    assert post(query(), content_type=f"application/json; charset={charset}").status == 200


@pytest.mark.parametrize(("coding", "status"), [("gzip", 415), ("br", 415), ("identity", 200), ("", 200)])
def test_a_compressed_body_is_refused_for_what_it_is(frontend: Frontend, coding: str, status: int) -> None:
    headers = {"content-type": JSON_TYPE, "content-encoding": coding}
    event = http_event("POST", "/graphql", headers=headers, body=query(), claims={"scope": ""})
    assert frontend.send(event).status == status


REFUSED = {
    "a document that is none": ("{", {}, "GRAPHQL_PARSE_FAILED"),
    "a field that is not there": ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
    "a variable that is null": (
        "query($day: Date!) { reports(from: $day, to: $day) { totalCount } }",
        {"variables": {"day": None}},
        "BAD_USER_INPUT",
    ),
    "an operation that is not there": ("query A { __typename }", {"operationName": "B"}, "BAD_USER_INPUT"),
}


@pytest.mark.parametrize(("text", "parameters", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_a_request_that_cannot_be_executed_is_400_to_who_knows_the_newer_type(
    post: Post, text: str, parameters: dict[str, Any], code: str
) -> None:
    newer = post(query(text, **parameters), accept=RESPONSE_TYPE)
    older = post(query(text, **parameters), accept=JSON_TYPE)
    assert (newer.status, older.status) == (400, 200)
    assert (newer.code(), older.code()) == (code, code)
    assert "data" not in content_of(newer)
    assert "data" not in content_of(older)


def test_a_field_that_fails_is_200_with_its_data(post: Post) -> None:
    failing = '{ reports(from: "2019-12-03", to: "2019-11-05") { totalCount } __typename }'
    for accept in (JSON_TYPE, RESPONSE_TYPE):
        answer = post(query(failing), accept=accept)
        assert answer.status == 200
        assert content_of(answer)["data"] == {"reports": None, "__typename": "Query"}
        assert list(content_of(answer)) == ["errors", "data"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "TRACE"])
def test_other_methods_are_not_allowed(post: Post, method: str) -> None:
    answer = post(query(), method=method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, POST, OPTIONS")


def test_options_says_which_methods_there_are(frontend: Frontend) -> None:
    answer = frontend.send(http_event("OPTIONS", "/graphql"))
    assert (answer.status, answer.headers["allow"], answer.body) == (204, "GET, POST, OPTIONS", b"")


def test_a_query_may_come_by_get(get: Get) -> None:
    asked = {
        "query": "query Named($first: Date!) { reports(from: $first, to: $first) { totalCount } }",
        "variables": '{"first": "2019-11-05"}',
        "operationName": "Named",
        "extensions": "{}",
    }
    assert content_of(get(urlencode(asked))) == {"data": {"reports": {"totalCount": 3}}}
    assert content_of(get(urlencode(asked, quote_via=quote))) == {"data": {"reports": {"totalCount": 3}}}


@pytest.mark.parametrize(
    "query_string",
    [
        "",
        "query=",
        "variables={}",
        "query={__typename}&variables=x",
        "query={__typename}&variables=[1]",
        "query={__typename}&variables=%22x%22",
        "query={__typename}&extensions=1",
    ],
)
def test_a_get_without_a_query_is_400(get: Get, query_string: str) -> None:
    answer = get(query_string)
    assert (answer.status, answer.code()) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize("accept", [JSON_TYPE, RESPONSE_TYPE])
def test_a_mutation_by_get_is_not_allowed(get: Get, rde_simulator: Any, accept: str) -> None:
    answer = get(urlencode({"query": SCHEDULE}), accept=accept)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    among = get(
        urlencode({"query": f"query Q {{ __typename }} {SCHEDULE.replace('mutation', 'mutation M')}"})
        + "&operationName=M"
    )
    assert among.status == 405
    assert rde_simulator.requests == []


def test_a_large_answer_is_compressed_for_who_takes_it(post: Post) -> None:
    introspection = query("{ __schema { types { name description fields { name description } } } }")
    plain, zipped = post(introspection), post(introspection, accept_encoding="br, gzip;q=0.8")
    refused = post(introspection, accept_encoding="gzip;q=0, identity")
    assert plain.body == zipped.body == refused.body
    assert zipped.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in refused.headers
    assert {"accept", "accept-encoding"} <= set(plain.headers["vary"].lower().replace(" ", "").split(","))


@pytest.mark.parametrize(("letters", "compressed"), [(1024, True), (900, False)])
def test_answers_compress_from_1_kib_on(frontend: Frontend, letters: int, compressed: bool) -> None:
    """An alias sets the answer's length: `{"data":{"aaa…":"Query"}}`."""
    alias = "a" * (letters - len('{"data":{"":"Query"}}'))
    headers = {"content-type": JSON_TYPE, "accept-encoding": "gzip"}
    event = http_event("POST", "/graphql", headers=headers, body=query(f"{{ {alias}: __typename }}"), claims=CLAIMS)
    result = frontend.handler(event, None)
    assert result["isBase64Encoded"] is compressed
    body = base64.b64decode(result["body"]) if compressed else result["body"].encode()
    assert len(gzip.decompress(body) if compressed else body) == letters


def test_text_of_every_script_comes_back_whole(post: Post) -> None:
    name = 'Zoë 音楽 \U0001f3ca \u2028 \\ " \u0000'
    answer = post(query("query($name: String!) { __type(name: $name) { name } }", variables={"name": name}))
    assert content_of(answer) == {"data": {"__type": None}}
    unknown = post(query('{ reports(from: "日本", to: "2019-11-05") { totalCount } }'))
    assert content_of(unknown)["errors"]


def test_a_post_may_come_as_base64(post: Post) -> None:
    assert content_of(post(query("{ __typename } # é").encode())) == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("path", ["/graphq", "/graphql//", "/GraphQL", "/admin", "/assets/../functions/settings.py"])
def test_other_paths_are_not_found(frontend: Frontend, path: str) -> None:
    answer = frontend.send(http_event("POST", path, headers={"content-type": JSON_TYPE}, body=query(), claims=CLAIMS))
    assert answer.status == 404


@pytest.mark.parametrize("name", ["", None])
def test_an_empty_operation_name_is_none(post: Post, get: Get, name: str | None) -> None:
    expected = (200, {"data": {"__typename": "Query"}})
    for answer in (post(query(operationName=name)), get(urlencode({"query": "{ __typename }", "operationName": ""}))):
        assert (answer.status, content_of(answer)) == expected
