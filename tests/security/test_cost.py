"""What a query costs is counted before anything is asked, by the rows it asks for times the fields of each."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type

from local.vendors.openmarket import OpenMarketSimulator
from schema.errors import TooComplex
from schema.execution.bound_schema import bound_schema
from schema.execution.documents import Documents
from schema.limits.cost import FILTERED_DAY, LISTS, MOST_CELLS, OperationCost
from tests.support.api.frontend import Frontend

DAY = 'from: "2019-11-01T00:00:00Z", to: "2019-11-02T00:00:00Z"'
EVERY_FIELD = "creditId time msisdn network outcome rawOutcome amount currency"

SCHEMA = bound_schema()

type CostOf = Callable[..., OperationCost]


@pytest.fixture(scope="session")
def cost_of() -> CostOf:
    documents = Documents(SCHEMA, introspection=True)
    return lambda text, name=None: documents.prepare(text).operation(name).cost


def log(first: object = 10_000, fields: str = EVERY_FIELD, alias: str = "") -> str:
    return f"{alias}creditLog({DAY}, first: {first}) {{ nodes {{ {fields} }} pageInfo {{ endCursor }} totalCount }}"


def test_a_page_of_10_000_rows_with_every_field_passes(cost_of: CostOf) -> None:
    assert cost_of(f"{{ {log()} }}").cells({}) < MOST_CELLS


def test_two_such_pages_pass_and_three_do_not(cost_of: CostOf) -> None:
    pages = [log(alias=f"p{n}: ") for n in range(3)]
    assert cost_of("{ " + " ".join(pages[:2]) + " }").cells({}) < MOST_CELLS
    with pytest.raises(TooComplex, match=r"first.*exportCreditLog"):
        cost_of("{ " + " ".join(pages) + " }").cells({})


@pytest.mark.parametrize("fields", [EVERY_FIELD, "creditId"])
def test_fifteen_pages_of_10_000_rows_are_refused_and_no_vendor_is_called(
    fields: str, frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    query = "{ " + " ".join(log(fields=fields, alias=f"p{n}: ") for n in range(15)) + " }"
    assert frontend.ask(query).codes == ["QUERY_TOO_COMPLEX"]
    assert openmarket_simulator.requests == []


@pytest.mark.parametrize("value", [10_000, 10_000.0, 10**12])
def test_rows_asked_for_by_a_variable_count(value: object, cost_of: CostOf) -> None:
    query = "query ($n: Int) { " + " ".join(log("$n", alias=f"p{n}: ") for n in range(3)) + " }"
    assert cost_of(query).cells({"n": 10}) < 400
    with pytest.raises(TooComplex):
        cost_of(query).cells({"n": value})


def test_rows_asked_for_by_a_variable_s_default_count(cost_of: CostOf) -> None:
    query = "query ($n: Int = 10000) { " + " ".join(log("$n", alias=f"p{n}: ") for n in range(3)) + " }"
    assert cost_of(query).cells({"n": 1}) < 100
    with pytest.raises(TooComplex):
        cost_of(query).cells({})


def test_a_known_query_is_weighed_by_its_variables_as_well(frontend: Frontend) -> None:
    query = "query ($n: Int) { " + " ".join(log("$n", alias=f"p{n}: ") for n in range(3)) + " }"
    assert frontend.ask(query, {"n": 1}).codes == []
    assert frontend.ask(query, {"n": 10_000}).codes == ["QUERY_TOO_COMPLEX"]
    assert frontend.ask(query, {"n": 1}).codes == []


@pytest.mark.parametrize("value", ["many", None, -5, True, [], {}])
def test_what_is_not_a_number_of_rows_is_for_the_field_to_refuse(value: object, cost_of: CostOf) -> None:
    assert cost_of(f"query ($n: Int) {{ {log('$n')} }}").cells({"n": value}) < MOST_CELLS


def test_rows_hidden_in_fragments_count(cost_of: CostOf) -> None:
    query = (
        "{ " + " ".join(f"p{n}: creditLog({DAY}, first: 10000) {{ ...page }}" for n in range(3)) + " }"
        " fragment page on CreditLogConnection { ... { nodes { ...row } } }"
        f" fragment row on CreditLogEntry {{ {EVERY_FIELD} }}"
    )
    with pytest.raises(TooComplex):
        cost_of(query).cells({})


def test_a_field_that_several_fragments_ask_for_counts_once(cost_of: CostOf) -> None:
    fragments = " ".join(f"fragment f{n} on Query {{ {log()} }}" for n in range(5))
    merged = cost_of("{ " + " ".join(f"...f{n}" for n in range(5)) + " } " + fragments)
    assert merged.cells({}) == cost_of(f"{{ {log()} }}").cells({})


def test_a_dashboard_of_summaries_costs_little(cost_of: CostOf) -> None:
    asked = "summary(by: [DAY, OUTCOME]) { day outcome count amount } totalCount freshness { asOf }"
    query = "{ " + " ".join(f"d{n}: creditLog({DAY}) {{ {asked} }}" for n in range(15)) + " }"
    assert cost_of(query).cells({}) < MOST_CELLS / 10


YEAR = 'from: "2019-01-01T00:00:00Z", to: "2020-01-01T00:00:00Z"'


def filtered(alias: str, where: str = '{network: ["O2"]}', period: str = YEAR) -> str:
    return f"{alias}: creditLog({period}, first: 1, where: {where}) {{ totalCount }}"


def test_a_filter_costs_the_days_that_it_reads(cost_of: CostOf) -> None:
    without = cost_of(f"{{ {filtered('a', '{}')} }}").cells({})
    assert cost_of(f"{{ {filtered('a')} }}").cells({}) == without + 366 * FILTERED_DAY
    assert cost_of(f"{{ {filtered('a', period=DAY)} }}").cells({}) == without + 2 * FILTERED_DAY


def test_two_filtered_years_pass_and_three_do_not(cost_of: CostOf) -> None:
    assert cost_of(f"{{ {filtered('a')} {filtered('b')} }}").cells({}) < MOST_CELLS
    with pytest.raises(TooComplex, match="shorter period"):
        cost_of(f"{{ {filtered('a')} {filtered('b')} {filtered('c')} }}").cells({})


@pytest.mark.parametrize(
    "where", [{"network": ["O2"]}, {"msisdn": "447700900001"}, {"network": [], "currency": None}], ids=str
)
def test_a_filter_given_by_variables_costs_the_same(where: dict[str, Any], cost_of: CostOf) -> None:
    query = """query ($from: DateTime!, $to: DateTime!, $where: CreditLogFilter) {
        creditLog(from: $from, to: $to, first: 1, where: $where) { totalCount } }"""
    year = {"from": "2019-01-01T00:00:00Z", "to": "2020-01-01T00:00:00Z"}
    unfiltered = cost_of(query).cells(year | {"where": {"network": None}})
    assert cost_of(query).cells(year | {"where": where}) == unfiltered + 366 * FILTERED_DAY


@pytest.mark.parametrize("slip", ["yesterday", None, 7, "2099-01-01T00:00:00Z"])
def test_a_period_that_is_refused_anyway_costs_no_days(slip: object, cost_of: CostOf) -> None:
    query = """query ($from: DateTime!) { creditLog(from: $from, to: "2020-01-01T00:00:00Z", first: 1,
        where: {network: ["O2"]}) { totalCount } }"""
    assert cost_of(query).cells({"from": slip}) < FILTERED_DAY


def contents(field: str, reports: str = "") -> str:
    variables = "($n: Int!)" if "$n" in field else ""
    days = f'from: "2019-11-01", to: "2019-11-02"{reports}'
    return f"query{variables} {{ reports({days}) {{ nodes {{ name {field} }} }} }}"


@pytest.mark.parametrize("field", ["preview { rows }", "rows(first: 100) { rows }", "rows(first: $n) { rows }"])
def test_rows_inside_report_files_count_for_each_report(field: str, cost_of: CostOf) -> None:
    ten = cost_of(contents(field, ", first: 10")).cells({"n": 100})
    assert 10 * 70 <= ten <= 10 * 200
    assert cost_of(contents(field)).cells({"n": 100}) < MOST_CELLS / 10  # a listing has rarely more than a few dozen
    with pytest.raises(TooComplex):
        cost_of(contents(f"{field} b: {field} c: {field} d: {field}", ", first: 1000")).cells({"n": 100})


def test_large_or_filtered_pages_of_report_rows_are_for_few_reports(cost_of: CostOf) -> None:
    for field in ("rows(first: $n) { rows }", 'rows(where: {column: "a", equals: "b"}) { rows }'):
        cost_of(contents(field, ", first: 20")).cells({"n": 10_000})
        with pytest.raises(TooComplex):
            cost_of(contents(field, ", first: 200")).cells({"n": 10_000})


def test_the_rows_of_an_outcome_are_no_rows_of_a_file(cost_of: CostOf) -> None:
    assert cost_of(f"{{ creditOutcome({DAY}) {{ rows {{ brand }} }} }}").cells({}) == 3


def test_every_root_field_that_answers_pages_is_weighed_by_rows() -> None:
    assert SCHEMA.query_type is not None
    pages = {name for name, field in SCHEMA.query_type.fields.items() if "nodes" in fields_of(field.type)}
    assert pages == set(LISTS)


def fields_of(type_: Any) -> set[str]:
    named = get_named_type(type_)
    return set(named.fields) if isinstance(named, GraphQLObjectType) else set()
