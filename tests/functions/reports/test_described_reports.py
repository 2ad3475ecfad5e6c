"""`reports` of an installation as the vendor describes it: pages, unfinished reports, filters, global ids."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from local.vendors.rde import RdeSimulator
from local.vendors.simulator import Fault, SimulatorResponse, failing, json_answer
from tests.support.api.frontend import Frontend, StartFrontend
from tests.support.moving_clock import MovingClock

PERIOD = {"from": "2019-11-05", "to": "2019-12-05"}
QUERY = """
query Reports($from: Date!, $to: Date!, $format: ReportFormat, $first: Int, $after: String, $name: String,
    $status: [ReportStatus!], $type: [ReportType!]) {
  reports(from: $from, to: $to, format: $format, first: $first, after: $after, name: $name, status: $status,
      type: $type) {
    totalCount unreadable
    nodes { id reportId name status type customizationName startDate endDate creationDate downloadUrl format }
    pageInfo { hasNextPage endCursor }
    freshness { source stale }
  }
}"""
LINK = "https://blobs.example/x?sig=x"
NODE = "query Node($id: ID!) { node(id: $id) { id __typename ... on Report { name status archiveUrl } } }"


def reports(frontend: Frontend, **variables: Any) -> dict[str, Any]:
    listed: dict[str, Any] = frontend.data(QUERY, PERIOD | variables)["reports"]
    return listed


def names(listed: dict[str, Any]) -> list[str]:
    return [node["name"] for node in listed["nodes"]]


@pytest.fixture
def vendor(rde_simulator: RdeSimulator, clock: MovingClock) -> RdeSimulator:
    """The vendor with reports of some kinds, beside the document's seven."""
    del clock
    link = "https://blobs.example/x?sig=x"
    rde_simulator.add_report("Every Invoice - A", "XLSX", "2019-12-01T10:00:00Z", link=link, type="on_invoice")
    rde_simulator.add_report("every invoice - b", "CSV", "2019-12-02T10:00:00Z", link=link, type="on_invoice")
    rde_simulator.add_report("Daily", "CSV", "2019-12-03T10:00:00Z", link=link, type="daily")
    rde_simulator.add_report("odd", "CSV", "2019-12-04T10:00:00Z", link=link, type="weekly", status="queued")
    return rde_simulator


def test_every_page_of_a_listing_is_fetched(frontend: Frontend, vendor: RdeSimulator) -> None:
    vendor.largest_page = 4
    listed = reports(frontend)
    assert (listed["totalCount"], len({node["id"] for node in listed["nodes"]})) == (11, 11)
    asked = [request.query for request in vendor.requests if request.path.endswith("/reports")]
    assert [(query["limit"], query["offset"]) for query in asked] == [("1000", "0"), ("1000", "4"), ("1000", "8")]


@pytest.mark.parametrize("says_total", [True, False])
@pytest.mark.parametrize("described", [True, False])
def test_both_kinds_of_installation_list_every_report_with_and_without_pagination(
    frontend: Frontend, vendor: RdeSimulator, described: bool, says_total: bool
) -> None:
    vendor.described, vendor.says_total, vendor.largest_page = described, says_total, 3
    assert reports(frontend)["totalCount"] == 11


def test_a_listing_that_cannot_be_completed_is_an_error_with_what_the_vendors_support_asks_for(
    frontend: Frontend, vendor: RdeSimulator
) -> None:
    def first_page_only(due: SimulatorResponse) -> SimulatorResponse:
        body = {
            "data": [{"name": "x", "startDate": "2019-11-05"}],
            "pagination": {"offset": 0, "limit": 1, "total": 3423},
        }
        return replace(json_answer(body), headers=due.headers)

    vendor.misbehave(Fault(first_page_only), times=None, path="/reports")
    reply = frontend.ask(QUERY, PERIOD)
    assert reply.data == {"reports": None}
    [error] = reply.errors
    assert (error["extensions"]["code"], error["extensions"]["upstream"]) == ("UPSTREAM_BAD_RESPONSE", "rde")
    assert len(error["extensions"]["upstreamCorrelationId"]) == 36


def test_a_later_listing_that_cannot_be_completed_leaves_the_older_one_marked_as_stale(
    frontend: Frontend, vendor: RdeSimulator, clock: MovingClock
) -> None:
    assert reports(frontend)["totalCount"] == 11
    clock.advance(hours=7)
    vendor.largest_page = 4
    vendor.misbehave(failing(500), times=1, path="/reports")
    stale = reports(frontend)
    assert (stale["totalCount"], stale["freshness"]["stale"]) == (11, True)


def test_seconds_to_wait_are_in_the_error_also_while_the_breaker_is_open(
    start: StartFrontend, vendor: RdeSimulator
) -> None:
    vendor.misbehave(failing(503, retry_after=90), times=None, path="/reports")
    frontend = start(FRESH_SECONDS="0")
    waits = [frontend.ask(QUERY, PERIOD).errors[0]["extensions"]["retryAfterSeconds"] for _ in range(6)]
    assert waits[0] == 90
    assert 1 <= waits[-1] <= 30, "the breaker's own pause"
    assert vendor.count("/reports") == 5


def test_one_unreadable_element_costs_nothing_else(frontend: Frontend, vendor: RdeSimulator) -> None:
    broken = Fault(lambda due: replace(due, body=due.body.replace(b'"name": "Daily"', b'"name": 5')))
    vendor.misbehave(broken, path="/reports")
    listed = reports(frontend)
    assert (listed["unreadable"], listed["totalCount"]) == (1, 10)
    assert "Daily" not in names(listed)
    again = reports(frontend)
    assert (again["unreadable"], again["freshness"]["source"]) == (1, "CACHE")


def test_a_report_that_is_being_made_is_shown_by_its_start_and_completes_while_one_looks(
    frontend: Frontend, vendor: RdeSimulator, clock: MovingClock
) -> None:
    vendor.making = timedelta(minutes=10)
    report_id = vendor.add_schedule("pending", "XLSX")
    seen = []
    for _ in range(3):
        [node] = [node for node in reports(frontend)["nodes"] if node["name"] == "pending"]
        seen.append(node)
        clock.advance(minutes=5)
    assert [node["status"] for node in seen] == ["SUBMITTED", "PROCESSING", "COMPLETED"]
    assert [node["creationDate"] for node in seen] == [None, None, "2019-12-05T12:10:00Z"]
    assert {node["reportId"] for node in seen} == {report_id}
    assert len({node["id"] for node in seen}) == 1, "its global id stays"
    assert [node["downloadUrl"] is None for node in seen] == [True, True, False]
    assert (seen[0]["type"], seen[0]["startDate"]) == ("ONETIME", "2019-12-05T12:00:00Z")


def test_a_settled_period_with_an_unfinished_report_is_not_settled(
    frontend: Frontend, vendor: RdeSimulator, clock: MovingClock
) -> None:
    vendor.making = timedelta(days=30)
    vendor.add_schedule("slow", "CSV")
    clock.advance(hours=24 * 20)
    assert "SUBMITTED" not in {node["status"] for node in reports(frontend)["nodes"] if node["name"] != "slow"}
    clock.advance(hours=24 * 20)
    [node] = [node for node in reports(frontend, to="2020-01-31")["nodes"] if node["name"] == "slow"]
    assert node["status"] == "COMPLETED"


@pytest.mark.parametrize(
    "before",
    [
        {"startDate": "2018-01-01T00:00:00Z"},
        {"startDate": "2018-01-01T00:00:00Z", "status": "queued"},
        {"startDate": "2018-01-01T00:00:00Z", "status": "completed"},
        {"creationDate": None},
    ],
    ids=["no status", "unknown status", "completed without a file", "unreadable"],
)
def test_a_report_whose_file_may_still_appear_keeps_an_old_listing_from_being_final(
    frontend: Frontend, rde_simulator: RdeSimulator, clock: MovingClock, before: dict[str, object]
) -> None:
    """A vendor is certain to give only a name and a start, and may spell a status as it likes."""
    after: dict[str, object] = {"creationDate": "2019-12-05T12:00:00Z", "downloadUrl": LINK}

    def listing(more: dict[str, object]) -> Fault:
        body = {"data": [{"name": "slow"} | more], "pagination": {"offset": 0, "limit": 1000, "total": 1}}
        return Fault(lambda due: replace(json_answer(body), headers=due.headers))

    period = {"from": "2018-01-01", "to": "2018-01-05"}
    rde_simulator.misbehave(listing(before), times=1, path="/reports")
    rde_simulator.misbehave(listing(after), times=None, path="/reports")
    first = reports(frontend, **period)
    assert all(node["downloadUrl"] is None for node in first["nodes"])
    clock.advance(minutes=2)
    second = reports(frontend, **period)
    assert [(node["status"], node["downloadUrl"]) for node in second["nodes"]] == [("COMPLETED", LINK)]
    assert second["unreadable"] == 0


@pytest.mark.parametrize("report_id", [".", ".."])
def test_an_id_that_leads_to_another_path_is_not_asked_for(
    frontend: Frontend, rde_simulator: RdeSimulator, report_id: str
) -> None:
    reply = frontend.ask("query ($id: ID!) { scheduledReport(id: $id) { name } }", {"id": report_id})
    assert reply.codes == ["BAD_USER_INPUT"]
    assert rde_simulator.requests == []


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({"name": "every INVOICE"}, ["every invoice - b", "Every Invoice - A"]),
        ({"name": ""}, 11),
        ({"name": "invoice"}, []),
        ({"type": ["ON_INVOICE", "DAILY"]}, ["Daily", "every invoice - b", "Every Invoice - A"]),
        ({"type": ["UNKNOWN"]}, ["odd"]),
        ({"status": ["UNKNOWN"]}, ["odd"]),
        ({"status": []}, []),
        ({"status": ["COMPLETED"], "type": ["ON_INVOICE"], "format": "CSV"}, ["every invoice - b"]),
    ],
    ids=str,
)
def test_filters_are_answered_from_the_one_listing(
    frontend: Frontend, vendor: RdeSimulator, variables: dict[str, Any], found: list[str] | int
) -> None:
    reports(frontend)
    listed = reports(frontend, **variables)
    assert listed["totalCount"] == found if isinstance(found, int) else names(listed) == found
    assert vendor.count("/reports") == 1


@pytest.mark.usefixtures("vendor")
def test_a_cursor_belongs_to_its_filter(frontend: Frontend) -> None:
    cursor = reports(frontend, first=1, name="every")["pageInfo"]["endCursor"]
    assert names(reports(frontend, first=1, after=cursor, name="EVERY")) == ["Every Invoice - A"]
    for other in ({}, {"name": "every", "status": ["COMPLETED"]}, {"name": "daily"}):
        assert frontend.ask(QUERY, PERIOD | {"after": cursor} | other).codes == ["BAD_USER_INPUT"]


def test_two_reports_of_one_name_second_and_format_are_two_by_the_vendors_id(
    frontend: Frontend, vendor: RdeSimulator
) -> None:
    for number in ("a", "b"):
        link = f"https://blobs.example/{number}?sig=x"
        vendor.add_report("twin", "CSV", "2019-12-04T10:00:00Z", link=link, id=f"id-{number}")
    pages = [reports(frontend, name="twin", first=1)]
    pages.append(reports(frontend, name="twin", first=1, after=pages[0]["pageInfo"]["endCursor"]))
    assert sorted(page["nodes"][0]["reportId"] for page in pages) == ["id-a", "id-b"]
    assert not pages[1]["pageInfo"]["hasNextPage"]


def test_a_link_is_not_given_out_before_it_works(frontend: Frontend, vendor: RdeSimulator, clock: MovingClock) -> None:
    link = "https://blobs.example/x?sig=x&st=2019-12-05T12%3A10%3A00Z&se=2020-02-05T12%3A00%3A00Z"
    vendor.add_report("early", "CSV", "2019-12-05T11:00:00Z", link=link)
    assert reports(frontend, name="early")["nodes"][0]["downloadUrl"] is None
    clock.advance(minutes=10)
    assert reports(frontend, name="early")["nodes"][0]["downloadUrl"] == link


@pytest.mark.parametrize("described", [True, False])
def test_a_reports_global_id_finds_it_again(frontend: Frontend, vendor: RdeSimulator, described: bool) -> None:
    vendor.described = described
    for node in reports(frontend)["nodes"]:
        found = frontend.data(NODE, {"id": node["id"]})["node"]
        assert (found["id"], found["__typename"], found["name"]) == (node["id"], "Report", node["name"])
        assert found["status"] == node["status"]


def test_a_global_id_of_no_report_is_null_and_one_that_is_not_ours_is_refused(
    frontend: Frontend, vendor: RdeSimulator
) -> None:
    node = reports(frontend)["nodes"][0]
    vendor.forget(node["name"], node["creationDate"])
    assert frontend.data(NODE, {"id": node["id"]})["node"] is None
    assert frontend.ask(NODE, {"id": node["reportId"]}).codes == ["BAD_USER_INPUT"]
    assert frontend.ask(NODE, {"id": node["id"]}, scope="credits:read").codes == ["FORBIDDEN"]
