"""What cannot be answered is refused with its code before a vendor is called: a test for each row of the table."""

from typing import Any

import pytest

from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from schema.resolvers.relay import cursors
from tests.support.api.frontend import Frontend
from tests.support.api.operations import DAYS, INPUT, LOG, OUTCOME, REPORTS, SCHEDULE, TIMES

type Table = dict[str, dict[str, Any]]

ELSEWHERE = cursors.encode(("creditLog", "globex", "", "all", ""), ("2019-11-12T00:00:00Z", "1"))
BEYOND = cursors.encode(("creditLog", "default", "", "all", ""), ("2020-01-01T00:00:00Z", "1"))
NO_PLACE = cursors.encode(("creditLog", "default", "", "all", ""), ("2019-11-12T00:00:00Z", "18446744073709551616"))

NO_INSTANT = cursors.encode(("reports", "default", "", "", "*", "*"), ("2019-11-12T00:00:00", "dr-rep1", "XLSX", ""))

LOG_AND_OUTCOME: Table = {
    "a naive from": {"from": "2019-11-12T00:00:00"},
    "a naive to": {"to": "2019-11-14T00:00:00"},
    "an hour that does not exist": {"from": "2019-11-12T25:00:00Z"},
    "a day that does not exist": {"from": "2019-02-30T00:00:00Z"},
    "a leap second": {"from": "2019-11-12T23:59:60Z"},
    "a year beyond reason": {"to": "9999-12-31T23:59:59Z"},
    "the year 1": {"from": "0001-01-01T00:00:00+14:00"},
    "a number instead of an instant": {"from": 1573516800},
    "no instant at all": {"from": None},
    "from after to": {"from": "2019-11-14T00:00:01Z"},
    "from after to by an offset": {"from": "2019-11-14T00:00:00-00:01"},
    "a second more than 366 days": {"from": "2018-11-13T00:00:00Z", "to": "2019-11-14T00:00:01Z"},
    "an empty brand": {"brand": ""},
    "a blank brand": {"brand": "   "},
    "a brand with a double quote": {"brand": 'My"Brand'},
    "a brand with a curly quote": {"brand": "My\u201cBrand"},
    "a brand with a slash": {"brand": "My/Brand"},
    "a brand with a backslash": {"brand": "My\\Brand"},
    "a brand with an emoji": {"brand": "My Brand \U0001f600"},
    "a brand with a control character": {"brand": "My\x00Brand"},
    "a brand with a line end": {"brand": "My\r\nBrand"},
    "a brand turned around": {"brand": "My\u202eBrand"},
    "a brand of 10 kB": {"brand": "b" * 10_000},
    "a brand that no S3 key could hold": {"brand": "\u4e2d" * 128},
    "a brand that is a number": {"brand": 7},
}
LOG_ONLY: Table = {
    "first 0": {"first": 0},
    "a negative first": {"first": -1},
    "first beyond 10,000": {"first": 10_001},
    "first beyond an integer": {"first": 2**31},
    "first beyond 64 bits": {"first": 2**64},
    "first with a fraction": {"first": 1.5},
    "first as a string": {"first": "10"},
    "a garbage cursor": {"after": "garbage"},
    "an empty cursor": {"after": ""},
    "a cursor of 10 kB": {"after": "A" * 10_000},
    "a cursor with an emoji": {"after": "\U0001f600"},
    "another tenant's cursor": {"after": ELSEWHERE},
    "a cursor beyond the period": {"after": BEYOND},
    "a cursor that names no place": {"after": NO_PLACE},
    "an unknown outcome": {"where": {"outcome": ["LOST"]}},
    "an outcome in lower case": {"where": {"outcome": ["success"]}},
    "an unknown condition": {"where": {"colour": "red"}},
    "an amount that is not a number": {"where": {"minAmount": "a lot"}},
    "an infinite amount": {"where": {"maxAmount": "Infinity"}},
    "an amount that is NaN": {"where": {"minAmount": "NaN"}},
    "an amount of a thousand digits": {"where": {"minAmount": "9" * 1000}},
}
REPORTS_ONLY: Table = {
    "a day that does not exist": {"from": "2019-02-29"},
    "an instant instead of a day": {"from": "2019-11-05T00:00:00Z"},
    "a day out of reason": {"from": "0001-01-01"},
    "from after to": {"from": "2019-12-04"},
    "367 days": {"from": "2018-12-02"},
    "an unknown format": {"format": "PDF"},
    "the vendor's spelling of a format": {"format": "xslx"},
    "first 0": {"first": 0},
    "first beyond 10,000": {"first": 10_001},
    "a garbage cursor": {"after": "garbage"},
    "a cursor of the log": {"after": ELSEWHERE},
    "a forged cursor with a naive time": {"after": NO_INSTANT},
}
SCHEDULE_ONLY: Table = {
    "no name": {"name": None},
    "an empty name": {"name": ""},
    "a blank name": {"name": " "},
    "a name of 10 kB": {"name": "n" * 10_000},
    "a name with a line end": {"name": "Daily\nreport"},
    "an unknown format": {"format": "PDF"},
    "a naive date": {"startDate": "2019-11-07T17:02:59"},
    "an end before its start": {"endDate": "2019-11-07T17:02:58Z"},
    "an unknown key": {"password": "x"},
    "an empty key": {"idempotencyKey": ""},
    "a key of 10 kB": {"idempotencyKey": "k" * 10_000},
    "an empty link": {"downloadUrl": ""},
}
IN_THE_QUERY = {
    "an unknown enum value": '{ reports(from: "2019-11-05", to: "2019-12-03", format: PDF) { totalCount } }',
    "an enum value in quotes": '{ reports(from: "2019-11-05", to: "2019-12-03", format: "JSON") { totalCount } }',
    "a naive instant": '{ creditLog(from: "2019-11-12T00:00:00", to: "2019-11-14T00:00:00Z") { totalCount } }',
    "a missing argument": '{ creditLog(from: "2019-11-12T00:00:00Z") { totalCount } }',
    "an unknown argument": "{ creditLogs(since: 1) { totalCount } }",
    "an unknown key of a summary": (
        '{ creditLog(from: "2019-11-12T00:00:00Z", to: "2019-11-14T00:00:00Z") { summary(by: [BRAND]) { count } } }'
    ),
    "an unknown field": '{ reports(from: "2019-11-05", to: "2019-12-03") { secrets } }',
    "no selection": '{ reports(from: "2019-11-05", to: "2019-12-03") }',
    "an undefined variable": "{ reports(from: $from, to: $to) { totalCount } }",
}


def table(query: str, good: dict[str, Any], rows: Table) -> list[Any]:
    field = "reports" if query is REPORTS else "creditLog" if query is LOG else "creditOutcome"
    return [pytest.param(query, good | bad, id=f"{field}, {name}") for name, bad in rows.items()]


@pytest.fixture(autouse=True)
def _no_vendor_is_asked(rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator) -> Any:
    yield
    assert rde_simulator.requests == []
    assert openmarket_simulator.requests == []


@pytest.fixture
def refused(frontend: Frontend) -> Any:
    def ask(query: str, variables: dict[str, Any]) -> list[str]:
        reply = frontend.ask(query, variables)
        assert reply.data is None or set(reply.data.values()) == {None}
        assert all(len(error["message"]) < 600 for error in reply.errors)
        assert reply.answer.status in {200, 400}
        return sorted(set(reply.codes))

    return ask


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        *table(LOG, TIMES, LOG_AND_OUTCOME | LOG_ONLY),
        *table(OUTCOME, TIMES, LOG_AND_OUTCOME),
        *table(REPORTS, DAYS, REPORTS_ONLY),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(refused: Any, query: str, variables: dict[str, Any]) -> None:
    assert refused(query, variables) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("bad", SCHEDULE_ONLY.values(), ids=SCHEDULE_ONLY.keys())
def test_a_report_that_cannot_be_made_is_not_ordered(refused: Any, bad: dict[str, Any]) -> None:
    assert refused(SCHEDULE, {"input": INPUT | bad}) == ["BAD_USER_INPUT"]


@pytest.mark.parametrize("query", IN_THE_QUERY.values(), ids=IN_THE_QUERY.keys())
def test_what_the_schema_does_not_have_is_refused(refused: Any, query: str) -> None:
    assert refused(query, {}) == ["GRAPHQL_VALIDATION_FAILED"]


def test_a_query_that_is_not_graphql_is_refused(refused: Any) -> None:
    assert refused("{ reports(", {}) == ["GRAPHQL_PARSE_FAILED"]


def test_several_operations_need_a_name_to_choose_by(refused: Any) -> None:
    assert refused("{ __typename } { __typename }", {}) == ["GRAPHQL_VALIDATION_FAILED"]
    assert refused("query A { __typename } query B { __typename }", {}) == ["BAD_USER_INPUT"]


def test_an_id_of_thousands_of_digits_is_an_id_like_any_other(frontend: Frontend) -> None:
    query = f"query($id: ID! = {'9' * 5000}) {{ creditLogExport(id: $id) {{ id }} }}"
    assert frontend.data(query) == {"creditLogExport": None}


@pytest.mark.parametrize(
    ("query", "argument", "literal"),
    [
        ('{ creditLog(from: "2019-11-12", to: "2019-11-14T00:00:00Z") { totalCount } }', "from", '"2019-11-12"'),
        ('{ reports(from: "yesterday", to: "2019-12-03") { totalCount } }', "from", '"yesterday"'),
        (
            '{creditLog(from: "2019-11-12T00:00Z", to: "2019-11-13T00:00Z", where: {minAmount: "lots"}) {totalCount}}',
            "where.minAmount",
            '"lots"',
        ),
    ],
)
def test_an_error_about_a_literal_names_its_argument_and_where_it_stands(
    frontend: Frontend, query: str, argument: str, literal: str
) -> None:
    (error,) = frontend.ask(query).errors
    assert error["message"].startswith(f"{argument}: ")
    assert error["locations"] == [{"line": 1, "column": query.index(literal) + 1}]
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
