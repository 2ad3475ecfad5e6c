"""The figures of the contract: what one request may ask for, to the last one that may and the first that may not."""

import json
from typing import Any

import pytest
from graphql import Lexer, Source, TokenKind, get_introspection_query

import overview
from tests.support.api.frontend import EVERY_SCOPE, Frontend, StartFrontend, http_event

DAYS = '(from: "2019-11-05", to: "2019-12-03")'


def nested(depth: int) -> str:
    return "{ a " * (depth - 1) + "{ a }" + " }" * (depth - 1)


def aliased(count: int) -> str:
    names = " ".join(f"n{index}: totalCount" for index in range(count))
    return f"{{ reports{DAYS} {{ {names} }} }}"


def roots(count: int) -> str:
    return "{ " + "__typename " * count + "}"


def tokens(count: int) -> str:
    period = 'from: "2019-11-12T00:00:00Z", to: "2019-11-13T00:00:00Z"'
    around = f"{{ creditLog({period}, where: {{network: []}}) {{ totalCount }} }}"
    text = around.replace("[]", f"[{' '.join(['"O2"'] * (count - counted(around)))}]")
    assert counted(text) == count
    return text


def repeated(count: int) -> str:
    """One field, as often as there is room for it."""
    around = '{ creditLog(from: "2019-11-12T00:00:00Z", to: "2019-11-13T00:00:00Z") { totalCount } }'
    text = around.replace("totalCount", "totalCount " * (count - counted(around) + 1))
    assert counted(text) == count
    return text


def counted(text: str) -> int:
    lexer, count = Lexer(Source(text)), 0
    while lexer.advance().kind is not TokenKind.EOF:
        count += 1
    return count


@pytest.mark.parametrize(
    "query",
    [tokens(1000), repeated(1000), aliased(30), roots(15)],
    ids=["1,000 tokens", "1,000 tokens, most of them one field", "30 aliases", "15 roots"],
)
def test_the_last_that_may_is_answered(frontend: Frontend, query: str) -> None:
    assert frontend.ask(query).errors == []


@pytest.mark.parametrize(
    "wrong",
    ["nothing", "totalCount: pageInfo { hasNextPage }", "nodes", "...F } } fragment F on Report { name } { a: b { c"],
)
def test_repetition_hides_no_mistake(frontend: Frontend, wrong: str) -> None:
    query = repeated(900).removesuffix("} }") + f"{wrong} }} }}"
    assert frontend.ask(query).codes == ["GRAPHQL_VALIDATION_FAILED"] * len(frontend.ask(query).errors)
    assert frontend.ask(query).errors


@pytest.mark.parametrize(
    ("query", "what"),
    [
        (tokens(1001), "1000 tokens"),
        (aliased(31), "30 aliases"),
        (roots(16), "15 root fields"),
        (nested(13), "12 levels"),
    ],
    ids=["1,001 tokens", "31 aliases", "16 roots", "13 levels"],
)
def test_the_first_that_may_not_is_too_complex(frontend: Frontend, query: str, what: str, rde_simulator: Any) -> None:
    reply = frontend.ask(query)
    assert (reply.codes, reply.answer.status) == (["QUERY_TOO_COMPLEX"], 400)
    assert what in reply.errors[0]["message"]
    assert rde_simulator.requests == []


def test_twelve_levels_are_not_too_deep(frontend: Frontend) -> None:
    """The schema has no twelve levels, so they are invalid: the limits come first."""
    assert set(frontend.ask(nested(12)).codes) == {"GRAPHQL_VALIDATION_FAILED"}


def test_introspection_is_exempt_from_depth(frontend: Frontend) -> None:
    assert frontend.ask(get_introspection_query()).errors == []


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_request_has_100_kb_and_not_one_byte_more(frontend: Frontend, method: str) -> None:
    for size, status in ((100_000, 200), (100_001, 413)):
        answer = frontend.send(of_size(method, size))
        assert answer.status == status
        assert (status == 200) or answer.code() == "BAD_USER_INPUT"


def of_size(method: str, size: int) -> dict[str, Any]:
    claims = {"sub": "dashboard", "scope": EVERY_SCOPE}
    if method == "GET":
        filled = "query={__typename}%23".ljust(size, "a")
        return http_event("GET", "/graphql", query=filled, claims=claims)
    body = json.dumps({"query": "{ __typename } #"})
    filled = body.replace("#", "#" + "a" * (size - len(body)))
    return http_event("POST", "/graphql", headers={"content-type": "application/json"}, body=filled, claims=claims)


def test_without_the_overview_there_is_no_page_and_none_of_its_files(start: StartFrontend) -> None:
    def status(path: str, **settings: str) -> int:
        return start(**settings).send(http_event("GET", path, headers={"accept-encoding": "gzip"})).status

    files = [f"/assets/{name}" for name in overview.FILES.paths]
    own = [path for path in files if "/overview-" in path]
    assert {status(path) for path in ("/overview", *own[:2])} == {200}
    assert {status(path, OVERVIEW="off") for path in ("/overview", *own[:2])} == {404}
    (shared,) = (path for path in files if "/account-" in path)
    assert [status(shared, **off) for off in ({"OVERVIEW": "off"}, {"GRAPHIQL": "off"})] == [200, 200]
    assert status(shared, OVERVIEW="off", GRAPHIQL="off") == 404


def test_without_the_explorer_there_is_no_page_no_introspection_and_no_suggestion(start: StartFrontend) -> None:
    frontend = start(GRAPHIQL="off")
    assert frontend.send(http_event("GET", "/")).status == 404
    assert frontend.send(http_event("GET", "/assets/react-18.2.0.min.js")).status == 404
    for query in ("{ __schema { queryType { name } } }", '{ __type(name: "Query") { name } }'):
        assert frontend.ask(query).codes == ["BAD_USER_INPUT"]
    assert frontend.ask("{ __typename }").data == {"__typename": "Query"}
    assert "Did you mean" not in frontend.ask("{ report }").answer.body.decode()
    assert "Did you mean" in start().ask("{ report }").answer.body.decode()
