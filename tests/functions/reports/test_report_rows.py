"""Paging through what is inside a report's file, by GraphQL, as the keeper has stored it."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from functions.settings import Settings
from functions.wiring import keeper_of
from ledger.keeper.run import KeeperRun
from local.vendors.rde import RdeSimulator
from runtime.deadline import Deadline
from tests.support.api.frontend import EVERY_SCOPE, Frontend, Reply, StartFrontend
from tests.support.moving_clock import MovingClock
from tests.support.report_files import Table, csv_bytes, xlsx_bytes

HEADER = ["customer", "amount", "note"]
ROWS: Table = [[f"Customer {number:02}", number, "even" if number % 2 == 0 else None] for number in range(25)]
ROWS_OF = """query Rows($sheet: String, $where: [ReportCellFilter!], $first: Int! = 10, $after: String) {
  reports(from: "2024-06-10", to: "2024-06-10", name: "usage") { nodes {
    rows(sheet: $sheet, where: $where, first: $first, after: $after) {
      columns rows totalCount pageInfo { hasNextPage endCursor hasPreviousPage startCursor } } } } }"""


type Open = Callable[[Mapping[str, bytes]], Frontend]


@pytest.fixture
def open_reports(
    start: StartFrontend, settings_environ: dict[str, str], rde_simulator: RdeSimulator, clock: MovingClock
) -> Open:
    """Has the keeper open reports with these files; then there is a frontend."""

    def open_(files: Mapping[str, bytes]) -> Frontend:
        clock.moment = datetime(2024, 6, 11, 12, tzinfo=UTC)
        for name, content in files.items():
            rde_simulator.add_report(name, "CSV", "2024-06-10T12:00:00Z", file=partial(bytes, content))
        keeper = keeper_of(Settings.read(settings_environ), clock)

        async def keep() -> None:
            run = KeeperRun(Deadline.after(600))
            await keeper.report_files.collect("default", run)
            await keeper.report_contents.open("default", run)
            assert (run.archived, run.opened, run.failed) == (len(files), len(files), 0)

        asyncio.run(keep())
        return start()

    return open_


@pytest.fixture
def asked(open_reports: Open) -> Frontend:
    """A frontend, after the keeper has opened two reports: CSV, and a workbook."""
    return open_reports({"usage": csv_bytes(HEADER, ROWS), "book": xlsx_bytes(HEADER, ROWS, "Invoices")})


def rows(frontend: Frontend, **variables: Any) -> dict[str, Any]:
    [node] = frontend.data(ROWS_OF, variables)["reports"]["nodes"]
    found: dict[str, Any] = node["rows"]
    return found


def test_pages_go_through_every_row_once_and_say_where_they_lie(asked: Frontend) -> None:
    pages: list[dict[str, Any]] = []
    after = None
    while not pages or pages[-1]["pageInfo"]["hasNextPage"]:
        pages.append(rows(asked, after=after))
        after = pages[-1]["pageInfo"]["endCursor"]
    assert [len(page["rows"]) for page in pages] == [10, 10, 5]
    assert [page["pageInfo"]["hasPreviousPage"] for page in pages] == [False, True, True]
    assert {page["totalCount"] for page in pages} == {25}
    assert [tuple(page["columns"]) for page in pages] == [tuple(HEADER)] * 3
    assert [row for page in pages for row in page["rows"]] == [
        [f"Customer {number:02}", str(number), "even" if number % 2 == 0 else None] for number in range(25)
    ]


def test_filters_are_joined_by_and_and_counted_over_all_rows(asked: Frontend) -> None:
    where = [{"column": "note", "equals": "even"}, {"column": "amount", "min": "3.5", "max": 20}]
    page = rows(asked, where=where, first=2)
    assert (page["totalCount"], [row[1] for row in page["rows"]]) == (9, ["4", "6"])
    following = rows(asked, where=where, first=100, after=page["pageInfo"]["endCursor"])
    assert [row[1] for row in following["rows"]] == ["8", "10", "12", "14", "16", "18", "20"]
    assert rows(asked, where=[{"column": "customer", "startsWith": "Customer 1"}])["totalCount"] == 10
    assert rows(asked, where=[{"column": "note", "equals": ""}])["totalCount"] == 12
    nothing = rows(asked, where=[{"column": "customer", "equals": "nobody"}])
    assert (nothing["rows"], nothing["totalCount"], nothing["pageInfo"]["endCursor"]) == ([], 0, None)


def test_a_cursor_belongs_to_its_report_sheet_and_filters(asked: Frontend) -> None:
    cursor = rows(asked)["pageInfo"]["endCursor"]
    for other in ({"where": [{"column": "note", "equals": "even"}]}, {"after": cursor[:-2]}, {"after": "x"}):
        assert asked.ask(ROWS_OF, {"after": cursor, **other}).codes == ["BAD_USER_INPUT"]
    book = asked.ask(ROWS_OF.replace("usage", "book"), {"after": cursor})
    assert book.codes == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    "variables",
    [
        {"sheet": "nowhere"},
        {"first": 0},
        {"where": [{"column": "nobody", "equals": "x"}]},
        {"where": [{"column": "nobody", "equals": None}]},
        {"where": [{"column": "note", "min": 1}]},
    ],
)
def test_what_the_file_does_not_have_is_the_callers_mistake(asked: Frontend, variables: dict[str, Any]) -> None:
    reply = asked.ask(ROWS_OF, variables)
    assert reply.codes == ["BAD_USER_INPUT"]
    assert reply.data == {"reports": {"nodes": [{"rows": None}]}}


def test_a_sheet_is_chosen_by_its_name(asked: Frontend) -> None:
    query = """{ reports(from: "2024-06-10", to: "2024-06-10", name: "book") { nodes {
      preview(sheet: "Invoices", first: 1) { state sheets rows rowCount }
      rows(sheet: "Invoices", first: 1) { rows } } } }"""
    [node] = asked.data(query)["reports"]["nodes"]
    assert node == {
        "preview": {"state": "READY", "sheets": ["Invoices"], "rows": [["Customer 00", "0", "even"]], "rowCount": 25},
        "rows": {"rows": [["Customer 00", "0", "even"]]},
    }


def test_rows_need_the_scope_of_what_is_inside(asked: Frontend) -> None:
    reply = asked.ask(ROWS_OF, scope=EVERY_SCOPE.replace("reports:content ", ""))
    assert (reply.codes, reply.data) == (["FORBIDDEN"], {"reports": {"nodes": [{"rows": None}]}})


def test_rows_of_a_report_that_is_not_archived_are_null(frontend: Frontend) -> None:
    query = '{ reports(from: "2019-11-19", to: "2019-11-19") { nodes { rows { totalCount } } } }'
    assert frontend.data(query) == {"reports": {"nodes": [{"rows": None}]}}


@pytest.mark.slow
def test_one_request_opens_at_most_three_hundred_files(open_reports: Open) -> None:
    frontend = open_reports({f"usage {number}": b"a,b\n1,2\n" for number in range(11)})

    def reply(times: int) -> Reply:
        fields = " ".join(f"p{number}: preview(first: 1) {{ state }}" for number in range(times))
        return frontend.ask(
            f'{{ reports(from: "2024-06-10", to: "2024-06-10") {{ totalCount nodes {{ {fields} }} }} }}'
        )

    few, many = reply(27), reply(28)
    assert few.data is not None
    assert (few.data["reports"]["totalCount"], few.codes) == (11, [])
    assert set(many.codes) == {"RESULT_TOO_LARGE"}
    assert "ask for fewer reports" in many.errors[0]["message"]


def test_rows_and_previews_count_by_their_bytes(open_reports: Open) -> None:
    """A frontend that takes no gzip gets at most 5 MB."""
    frontend = open_reports({"usage": csv_bytes(["text"], [["x" * 20_000]] * 400)})
    assert len(rows(frontend, first=200)["rows"]) == 200
    assert frontend.ask(ROWS_OF, {"first": 400}).codes == ["RESULT_TOO_LARGE"]
    previews = " ".join(f"p{number}: preview {{ rows }}" for number in range(25))
    query = f'{{ reports(from: "2024-06-10", to: "2024-06-10", name: "usage") {{ nodes {{ {previews} }} }} }}'
    assert set(frontend.ask(query).codes) == {"RESULT_TOO_LARGE"}
