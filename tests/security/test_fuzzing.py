"""Whatever is sent: no 500, no INTERNAL_SERVER_ERROR, and only the codes of the contract.

Queries are schemathesis's, drawn from the schema, while both vendors misbehave; events and cursors are hypothesis's.
"""

import base64
import contextlib
import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes, strategies

from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from local.vendors.simulator import Fault, answering_html, cut_off, failing, hanging_up, shortened
from schema.errors import BadUserInput
from schema.resolvers.relay import cursors
from schema.types.sdl import sdl
from tests.support.api.frontend import EVERY_SCOPE, RESPONSE_TYPE, Frontend, InvocationContext, http_event

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
CODES = {
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "BAD_USER_INPUT",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "QUERY_TOO_COMPLEX",
    "RESULT_TOO_LARGE",
    "LEDGER_UNAVAILABLE",
    "UPSTREAM_UNAUTHORIZED",
    "UPSTREAM_UNAVAILABLE",
    "UPSTREAM_TIMEOUT",
    "UPSTREAM_BAD_RESPONSE",
    "PERSISTED_QUERY_NOT_FOUND",
}
STATUSES = {200, 204, 400, 401, 403, 404, 405, 406, 413, 415}
FAULTS: list[Fault | None] = [
    None,
    failing(400),
    failing(401),
    failing(429, 600),
    failing(500),
    answering_html(),
    cut_off(),
    shortened(0.7),
    hanging_up(),
]

days = st.sampled_from(["2019-11-05", "2019-11-07", "2019-12-03", "2019-13-01", "yesterday", ""])
instants = st.sampled_from(
    ["2019-11-01T00:00:00Z", "2019-11-02T12:00:00+02:00", "2019-11-03T00:00:00Z", "2019-11-03T00:00:00", "now"]
)
decimals = st.sampled_from(["1.5", "-1", "1e3", "NaN", "0.0000"])
SCALARS = {
    "Date": days.map(nodes.String),
    "DateTime": instants.map(nodes.String),
    "Decimal": decimals.map(nodes.String),
}
QUIETLY = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=2000 if NIGHTLY else 40, deadline=None, suppress_health_check=QUIETLY)
@given(data=st.data())
@pytest.mark.parametrize("operations", [strategies.queries, strategies.mutations])
def test_no_query_of_the_schema_breaks_the_api_though_both_vendors_misbehave(
    operations: Any,
    data: st.DataObject,
    frontend: Frontend,
    rde_simulator: RdeSimulator,
    openmarket_simulator: OpenMarketSimulator,
) -> None:
    for vendor in (rde_simulator, openmarket_simulator):
        vendor.behave()
        fault = data.draw(st.sampled_from(FAULTS))
        if fault is not None:
            vendor.misbehave(fault, times=None)
    reply = frontend.ask(data.draw(operations(sdl(), custom_scalars=SCALARS)), seconds=2.5)
    assert reply.answer.status in {200, 400}
    assert set(reply.codes) <= CODES
    assert all(error["extensions"]["requestId"] for error in reply.errors)


def sent(frontend: Frontend, event: dict[str, Any]) -> None:
    result = frontend.handler(event, InvocationContext())
    json.dumps(result)
    assert result["statusCode"] in STATUSES, result
    assert "INTERNAL_SERVER_ERROR" not in result["body"]


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    """Events as API Gateway may make them of anything; what it marks as base64 it has encoded itself."""
    methods = st.sampled_from(["GET", "POST", "OPTIONS", "HEAD", "PUT", "DELETE", "TRACE", "X"])
    paths = st.sampled_from(["/graphql", "/", "/assets/x", "/health", "//", "/graphql/"]) | texts.map("/{}".format)
    queries = st.sampled_from(["query={__typename}", "query=%", "extensions={", "variables=[]&query={a}", "&&=&"])
    names = st.sampled_from(["accept", "content-type", "accept-encoding", "authorization", "sec-fetch-site"])
    values = st.sampled_from(["application/json", "gzip", "*/*;q=0", "application/json; charset=x", ";;q=,"])
    bodies = st.none() | texts | jsons.map(json.dumps) | jsons.map(lambda value: json.dumps({"query": value}))
    claims = st.none() | st.dictionaries(st.sampled_from(["scope", "sub", "org"]), jsons)
    event = http_event(
        draw(methods),
        draw(paths),
        query=draw(queries | texts),
        headers=draw(st.dictionaries(names, values | texts)),
        body=draw(bodies),
        claims=draw(claims),
    )
    if "body" in event and draw(st.booleans()):
        event |= {"body": base64.b64encode(event["body"].encode()).decode(), "isBase64Encoded": True}
    return event


@settings(max_examples=5000 if NIGHTLY else 150, deadline=None, suppress_health_check=QUIETLY)
@given(event=events())
def test_no_event_breaks_the_adapter(event: dict[str, Any], frontend: Frontend) -> None:
    sent(frontend, event)


@settings(max_examples=5000 if NIGHTLY else 150, deadline=None, suppress_health_check=QUIETLY)
@given(sent_body=st.dictionaries(st.sampled_from(["query", "variables", "operationName", "extensions"]), jsons))
def test_no_parameters_break_the_api(sent_body: dict[str, Any], frontend: Frontend) -> None:
    headers = {"content-type": "application/json", "accept": RESPONSE_TYPE}
    claims = {"scope": EVERY_SCOPE}
    body = {"query": "query Q($n: Int) { __typename }", **sent_body}
    sent(frontend, http_event("POST", "/graphql", headers=headers, body=json.dumps(body), claims=claims))


@given(binding=st.lists(texts, max_size=4).map(tuple), place=st.lists(st.integers().map(str), min_size=1, max_size=3))
def test_a_cursor_leads_back_to_its_place(binding: tuple[str, ...], place: list[str]) -> None:
    assert cursors.decode(binding, cursors.encode(binding, tuple(place))) == place


@given(binding=st.lists(texts, max_size=3).map(tuple), cursor=st.text(max_size=100) | st.binary().map(repr))
def test_what_is_not_a_cursor_is_bad_input(binding: tuple[str, ...], cursor: str) -> None:
    with pytest.raises(BadUserInput):
        cursors.decode(binding, cursor)


@given(binding=st.tuples(texts), other=st.tuples(texts), place=texts, at=st.integers(0, 200), bit=st.integers(0, 7))
def test_a_cursor_of_another_list_or_a_changed_one_is_bad_input(
    binding: tuple[str], other: tuple[str], place: str, at: int, bit: int
) -> None:
    cursor = cursors.encode(binding, (place,))
    if binding != other:
        with pytest.raises(BadUserInput):
            cursors.decode(other, cursor)
    at %= len(cursor)
    changed = cursor[:at] + chr(ord(cursor[at]) ^ (1 << bit)) + cursor[at + 1 :]
    with contextlib.suppress(BadUserInput):
        assert cursors.decode(binding, changed) == [place]  # the last character has bits that mean nothing
