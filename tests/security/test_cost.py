"""What a query costs is counted before anything is asked, by the rows it asks for times the fields of each."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type

from local.openmarket import OpenMarketSimulator
from schema.errors import TooComplex
from schema.execution.documents import Documents
from schema.execution.stock import GRAPHQL
from schema.limits.profile import MOST_CELLS, Profile
from schema.limits.weighing import LISTS
from tests.support.api.frontend import Frontend

DAY = 'from: "2019-11-01T00:00:00Z", to: "2019-11-02T00:00:00Z"'
EVERY_FIELD = "creditId time msisdn network outcome rawOutcome amount currency"

type Weigh = Callable[..., Profile]


@pytest.fixture(scope="session")
def profile() -> Weigh:
    documents = Documents(GRAPHQL, introspection=True)
    return lambda text, name=None: documents.prepare(text).profile(name)


def log(first: object = 10_000, fields: str = EVERY_FIELD, alias: str = "") -> str:
    return f"{alias}creditLog({DAY}, first: {first}) {{ nodes {{ {fields} }} pageInfo {{ endCursor }} totalCount }}"


def test_a_page_of_10_000_rows_with_every_field_passes(profile: Weigh) -> None:
    assert profile(f"{{ {log()} }}").cost({}) < MOST_CELLS


def test_two_such_pages_pass_and_three_do_not(profile: Weigh) -> None:
    pages = [log(alias=f"p{n}: ") for n in range(3)]
    assert profile("{ " + " ".join(pages[:2]) + " }").cost({}) < MOST_CELLS
    with pytest.raises(TooComplex, match=r"first.*exportCreditLog"):
        profile("{ " + " ".join(pages) + " }").cost({})


@pytest.mark.parametrize("fields", [EVERY_FIELD, "creditId"])
def test_fifteen_pages_of_10_000_rows_are_refused_and_nobody_is_asked(
    fields: str, frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    query = "{ " + " ".join(log(fields=fields, alias=f"p{n}: ") for n in range(15)) + " }"
    assert frontend.ask(query).codes == ["QUERY_TOO_COMPLEX"]
    assert openmarket_simulator.requests == []


@pytest.mark.parametrize("value", [10_000, 10_000.0, 10**12])
def test_rows_asked_for_by_a_variable_count(value: object, profile: Weigh) -> None:
    query = "query ($n: Int) { " + " ".join(log("$n", alias=f"p{n}: ") for n in range(3)) + " }"
    assert profile(query).cost({"n": 10}) < 400
    with pytest.raises(TooComplex):
        profile(query).cost({"n": value})


def test_rows_asked_for_by_a_variable_s_default_count(profile: Weigh) -> None:
    query = "query ($n: Int = 10000) { " + " ".join(log("$n", alias=f"p{n}: ") for n in range(3)) + " }"
    assert profile(query).cost({"n": 1}) < 100
    with pytest.raises(TooComplex):
        profile(query).cost({})


def test_a_known_query_is_weighed_by_its_variables_as_well(frontend: Frontend) -> None:
    query = "query ($n: Int) { " + " ".join(log("$n", alias=f"p{n}: ") for n in range(3)) + " }"
    assert frontend.ask(query, {"n": 1}).codes == []
    assert frontend.ask(query, {"n": 10_000}).codes == ["QUERY_TOO_COMPLEX"]
    assert frontend.ask(query, {"n": 1}).codes == []


@pytest.mark.parametrize("value", ["many", None, -5, True, [], {}])
def test_what_is_no_number_of_rows_is_for_the_field_to_refuse(value: object, profile: Weigh) -> None:
    assert profile(f"query ($n: Int) {{ {log('$n')} }}").cost({"n": value}) < MOST_CELLS


def test_rows_hidden_in_fragments_count(profile: Weigh) -> None:
    query = (
        "{ " + " ".join(f"p{n}: creditLog({DAY}, first: 10000) {{ ...page }}" for n in range(3)) + " }"
        " fragment page on CreditLogConnection { ... { nodes { ...row } } }"
        f" fragment row on CreditLogEntry {{ {EVERY_FIELD} }}"
    )
    with pytest.raises(TooComplex):
        profile(query).cost({})


def test_a_field_that_several_fragments_ask_for_counts_once(profile: Weigh) -> None:
    fragments = " ".join(f"fragment f{n} on Query {{ {log()} }}" for n in range(5))
    merged = profile("{ " + " ".join(f"...f{n}" for n in range(5)) + " } " + fragments)
    assert merged.cost({}) == profile(f"{{ {log()} }}").cost({})


def test_a_dashboard_of_summaries_costs_little(profile: Weigh) -> None:
    asked = "summary(by: [DAY, OUTCOME]) { day outcome count amount } totalCount freshness { asOf }"
    query = "{ " + " ".join(f"d{n}: creditLog({DAY}) {{ {asked} }}" for n in range(15)) + " }"
    assert profile(query).cost({}) < MOST_CELLS / 10


def test_every_root_field_that_answers_pages_is_weighed_by_rows() -> None:
    assert GRAPHQL.query_type is not None
    pages = {name for name, field in GRAPHQL.query_type.fields.items() if "nodes" in fields_of(field.type)}
    assert pages == set(LISTS)


def fields_of(type_: Any) -> set[str]:
    named = get_named_type(type_)
    return set(named.fields) if isinstance(named, GraphQLObjectType) else set()
