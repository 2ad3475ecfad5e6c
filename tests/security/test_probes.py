"""The thirteen probes of graphql-cop, and bombs: what a scanner or an attacker sends first, and what it gets.

A refusal has to come before a vendor is asked, and takes about as much processor time as an ordinary answer.
"""

import json
import time
from urllib.parse import quote, urlencode

import pytest

from deploy.expectations import ExpectedAnswer
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from tests.support.api.frontend import EVERY_SCOPE, RESPONSE_TYPE, Frontend, Reply, StartFrontend, http_event

CLAIMS = {"sub": "scanner", "scope": EVERY_SCOPE}
MOST_TIMES_AN_ANSWER = 5
"""Of the processor time that `OVERLAPPING` takes; most refusals take less than it, none twice as much."""

CIRCLE = "{ __schema { types { " + "fields { type { " * 4 + "name" + " } }" * 4 + " } } }"
REPORTS = 'reports(from: "2019-11-05", to: "2019-12-03")'
BINARY_BOMB = "{ ...f0 } " + " ".join(f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(90))
LOOPS = " ".join(f"fragment f{n} on Query {{ ...f{(n + 1) % 60} ...f{(n + 2) % 60} }}" for n in range(60))
DEEP_BOMB = (
    f"{{ {REPORTS} {{ ...f0 }} }} "
    + " ".join(f"fragment f{n} on ReportConnection {{ ...f{n + 1} ...f{n + 1} ...f{n + 1} }}" for n in range(60))
    + " fragment f60 on ReportConnection { totalCount }"
)
OVERLAPPING = "{ " + " ".join(f"{REPORTS} {{ nodes {{ name }} }}" for _ in range(14)) + " }"

REFUSED = {
    "aliases overloaded": ("{ " + " ".join(f"a{n}: __typename" for n in range(101)) + " }", "QUERY_TOO_COMPLEX"),
    "directives overloaded": ("query { __typename " + "@aa" * 10 + " }", "QUERY_TOO_COMPLEX"),
    "fields duplicated": ("query { " + "__typename \n" * 500 + " }", "QUERY_TOO_COMPLEX"),
    "circular introspection": (CIRCLE, "GRAPHQL_VALIDATION_FAILED"),
    "too many tokens": ("{ " + "__typename " * 1000 + "}", "QUERY_TOO_COMPLEX"),
    "too deep": ("{ reports " * 13 + "}" * 13, "QUERY_TOO_COMPLEX"),
    "too many root fields": ("{ " + "__typename " * 16 + "}", "QUERY_TOO_COMPLEX"),
    "a bomb of fragments": (BINARY_BOMB, "QUERY_TOO_COMPLEX"),
    "a bomb below a field": (DEEP_BOMB, "QUERY_TOO_COMPLEX"),
    "fragments in a circle": ("{ ...f0 } " + LOOPS, "QUERY_TOO_COMPLEX"),
    "a fragment in itself": ("{ ...f } fragment f on Query { ...f }", "GRAPHQL_VALIDATION_FAILED"),
    "brackets without end": ("{ a(b: " + "[" * 900, "QUERY_TOO_COMPLEX"),
    "objects without end": ("{ a(b: " + "{c:" * 300, "QUERY_TOO_COMPLEX"),
    "selections without end": ("{a" * 900, "QUERY_TOO_COMPLEX"),
    "selections in each other": ("{a" * 450 + "}" * 450, "QUERY_TOO_COMPLEX"),
    "no end": ("{ reports", "GRAPHQL_PARSE_FAILED"),
    "a long string": ('{ a(b: "' + "x" * 90_000 + '") }', "QUERY_TOO_COMPLEX"),
    "a long name": ("{ " + "x" * 90_000 + " }", "QUERY_TOO_COMPLEX"),
    "long words side by side": ("{ " + ("x" * 9_999 + " ") * 9 + " }", "QUERY_TOO_COMPLEX"),
    "escapes": ('{ a(b: "' + r"\n" * 22_000 + '") }', "QUERY_TOO_COMPLEX"),
    "as long a name as there may be": ("{ " + "x" * 19_990 + " }", "GRAPHQL_VALIDATION_FAILED"),
    "unknown fields": ("{ " + " ".join(f"x{n}" for n in range(15)) + " }", "GRAPHQL_VALIDATION_FAILED"),
}


def processor_seconds(frontend: Frontend, text: str) -> tuple[float, list[Reply]]:
    """The least of three times, and the replies; the text is another one each time, since answers are remembered."""
    taken, replies = [], []
    for attempt in range(3):
        began = time.process_time()
        replies.append(frontend.ask(f"{text} # {attempt}"))
        taken.append(time.process_time() - began)
    return min(taken), replies


@pytest.fixture
def quiet_vendors(
    rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator
) -> tuple[RdeSimulator, OpenMarketSimulator]:
    return rde_simulator, openmarket_simulator


@pytest.mark.parametrize("probe", REFUSED)
def test_what_overloads_is_refused_at_once_and_calls_no_vendor(
    probe: str, frontend: Frontend, quiet_vendors: tuple[RdeSimulator, OpenMarketSimulator]
) -> None:
    text, code = REFUSED[probe]
    frontend.ask(OVERLAPPING)  # the first query of a process loads modules, and asks the vendor
    answering, answers = processor_seconds(frontend, OVERLAPPING)
    requests = [len(vendor.requests) for vendor in quiet_vendors]
    refusing, refusals = processor_seconds(frontend, text)
    for reply in refusals:
        assert set(reply.codes) == {code}, reply.errors
        assert reply.data is None
    assert [answer.codes for answer in answers] == [[]] * 3
    assert refusing < MOST_TIMES_AN_ANSWER * answering
    assert [len(vendor.requests) for vendor in quiet_vendors] == requests


def test_what_merges_is_answered_though_it_is_spelled_often(frontend: Frontend) -> None:
    assert frontend.data(OVERLAPPING)["reports"]["nodes"]


@pytest.mark.parametrize("padding", [" " * 90_000, "\n" * 40_000, "#" + "x" * 90_000, ", " * 40_000])
def test_comments_and_white_space_do_not_count_as_text(padding: str, frontend: Frontend) -> None:
    assert frontend.data("{ __typename }" + padding) == {"__typename": "Query"}


def test_a_batch_is_refused(frontend: Frontend) -> None:
    body = json.dumps([{"query": "{ __typename }"}] * 12)
    answer = post(frontend, body)
    assert answer.status == 400
    assert codes(answer) == ["BAD_USER_INPUT"]


def test_a_form_is_not_a_request(frontend: Frontend) -> None:
    answer = post(frontend, urlencode({"query": "{ __typename }"}), "application/x-www-form-urlencoded")
    assert answer.status == 415


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data; boundary=x", ""])
def test_what_a_browser_sends_without_asking_is_not_a_request(content_type: str, frontend: Frontend) -> None:
    assert post(frontend, json.dumps({"query": "{ __typename }"}), content_type).status == 415


def test_a_mutation_by_get_is_refused_and_calls_no_vendor(frontend: Frontend, rde_simulator: RdeSimulator) -> None:
    when = "2019-11-07T00:00:00Z"
    scheduling = f'{{name: "r", format: JSON, startDate: "{when}", endDate: "{when}"}}'
    answer = get(frontend, f"mutation {{ scheduleReport(input: {scheduling}) {{ replayed }} }}")
    assert answer.status == 405
    assert rde_simulator.requests == []


def test_nothing_is_answered_without_a_token_which_no_other_site_can_make_a_browser_send(frontend: Frontend) -> None:
    """So there is no CSRF check: the gateway admits nothing without `Authorization`, and neither do we."""
    query = '{ creditOutcome(from: "2019-11-01T00:00:00Z", to: "2019-11-02T00:00:00Z") { rows { brand } } }'
    assert [get(frontend, query).status for _ in range(3)] == [200, 200, 200]
    forged = http_event("GET", "/graphql", query=f"query={quote(query)}", headers={"sec-fetch-site": "cross-site"})
    assert frontend.send(forged).status == 401


def test_no_trace_or_debug_information_is_given(frontend: Frontend) -> None:
    body = json.dumps({"query": "{ __typename }", "extensions": {"tracing": True, "debug": True}})
    answer = post(frontend, body, headers={"x-apollo-tracing": "1", "apollo-federation-include-trace": "ftv1"})
    assert json.loads(answer.body) == {"data": {"__typename": "Query"}}


def test_an_error_says_nothing_of_the_program(frontend: Frontend) -> None:
    for query in ("{ abc", "queryy { __typename }", "{ reports }", "query { __typename @abc }"):
        for error in frontend.ask(query).errors:
            assert set(error["extensions"]) == {"code", "requestId"}
            assert "Traceback" not in error["message"]
            assert ".py" not in error["message"]


def test_with_the_explorer_off_there_is_no_page_no_introspection_and_no_suggestion(start: StartFrontend) -> None:
    frontend = start(GRAPHIQL="off")
    for path in ("/", "/graphiql", "/playground", "/console", "/graphql/console", "/altair"):
        answer = frontend.send(http_event("GET", path, headers={"accept": "text/html"}))
        assert answer.status == 404
        assert b"<html" not in answer.body.lower()
    for query in ("{ __schema { queryType { name } } }", '{ __type(name: "Query") { name } }'):
        assert frontend.ask(query).codes == ["BAD_USER_INPUT"]
        assert frontend.ask(f"{{ ...f }} fragment f on Query {query}").codes == ["BAD_USER_INPUT"]
    messages = [error["message"] for error in frontend.ask("{ report }").errors]
    messages += [error["message"] for error in frontend.ask("{ reports(form: 1) { totalCount } }").errors]
    assert messages
    assert not [message for message in messages if "Did you mean" in message or "reports?" in message]


def test_a_variable_gets_no_suggestion_with_the_explorer_off(start: StartFrontend) -> None:
    query = 'query ($f: ReportFormat) { reports(from: "2019-11-05", to: "2019-11-06", format: $f) { totalCount } }'
    reply = start(GRAPHIQL="off").ask(query, {"f": "JSONN"})
    assert reply.codes == ["BAD_USER_INPUT"]
    assert "Did you mean" not in reply.errors[0]["message"]


def test_the_page_is_html_only_where_it_belongs(frontend: Frontend) -> None:
    page = get(frontend, "{ __typename }", {"accept": "text/html"})
    assert page.status == 406
    assert page.headers["content-type"].startswith("application/json")


def post(
    frontend: Frontend, body: str, content_type: str = "application/json", headers: dict[str, str] | None = None
) -> ExpectedAnswer:
    sent = {"content-type": content_type, "accept": RESPONSE_TYPE, **(headers or {})}
    return frontend.send(http_event("POST", "/graphql", headers=sent, body=body, claims=CLAIMS))


def get(frontend: Frontend, query: str, headers: dict[str, str] | None = None) -> ExpectedAnswer:
    sent = {"accept": RESPONSE_TYPE, **(headers or {})}
    return frontend.send(http_event("GET", "/graphql", query=f"query={quote(query)}", headers=sent, claims=CLAIMS))


def codes(answer: ExpectedAnswer) -> list[str]:
    return [error["extensions"]["code"] for error in json.loads(answer.body)["errors"]]
