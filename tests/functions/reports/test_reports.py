"""`reports`, as the vendor's own document shows them, and links that are handed out only while they live."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from local.vendors.rde import RdeSimulator
from local.vendors.simulator import Fault
from schema.resolvers.relay.cursors import LONGEST_CURSOR
from tests.support.api.frontend import Frontend, StartFrontend
from tests.support.moving_clock import MovingClock

SEED = json.loads(Path(__file__).with_name("seed_reports.json").read_text())
"""The seven reports that the document prints, letter for letter."""
PERIOD = {"from": "2019-11-05", "to": "2019-12-03"}
QUERY = """
query Reports($from: Date!, $to: Date!, $format: ReportFormat, $first: Int, $after: String) {
  reports(from: $from, to: $to, format: $format, first: $first, after: $after) {
    totalCount
    nodes { name format rawFormat creationDate downloadUrl downloadUrlExpiresAt }
    edges { cursor node { name } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    freshness { source asOf stale }
  }
}"""


def reports(frontend: Frontend, **variables: Any) -> dict[str, Any]:
    listed: dict[str, Any] = frontend.data(QUERY, PERIOD | variables)["reports"]
    return listed


def test_the_document_s_seven_reports_come_back_field_by_field(frontend: Frontend, rde_simulator: RdeSimulator) -> None:
    rde_simulator.described = False
    newest_first = sorted(SEED, key=lambda report: report["creationDate"], reverse=True)
    assert reports(frontend)["nodes"] == [
        {
            "name": report["name"],
            "format": report["format"],
            "rawFormat": report["format"],
            "creationDate": report["creationDate"],
            "downloadUrl": report["downloadUrl"],
            "downloadUrlExpiresAt": None,
        }
        for report in newest_first
    ]


def test_every_format_is_answered_from_one_listing(frontend: Frontend, rde_simulator: RdeSimulator) -> None:
    counts = {wanted: reports(frontend, format=wanted)["totalCount"] for wanted in ("JSON", "XLSX", "CSV", "XML", None)}
    assert counts == {"JSON": 3, "XLSX": 4, "CSV": 0, "XML": 0, None: 7}
    (asked,) = [request for request in rde_simulator.requests if request.path.endswith("/reports")]
    assert "format" not in asked.query


def test_an_unknown_format_keeps_the_vendor_s_word(frontend: Frontend, rde_simulator: RdeSimulator) -> None:
    in_another_word = Fault(lambda due: replace(due, body=due.body.replace(b'"json"', b'"Parquet"')))
    rde_simulator.misbehave(in_another_word, path="/reports")
    newest = reports(frontend)["nodes"][0]
    assert (newest["name"], newest["format"], newest["rawFormat"]) == ("daily-dr1", None, "Parquet")


def test_one_report_in_two_formats_is_two_rows_on_any_page(frontend: Frontend, rde_simulator: RdeSimulator) -> None:
    for each in ("XLSX", "JSON"):
        rde_simulator.add_report("twice", each, "2019-12-02T10:00:00Z", link=f"https://blobs.example/{each}?sig=x")
    twice = [report for report in reports(frontend)["nodes"] if report["name"] == "twice"]
    assert [report["format"] for report in twice] == ["XLSX", "JSON"]
    first = reports(frontend, first=1)
    second = reports(frontend, first=1, after=first["pageInfo"]["endCursor"])
    assert first["nodes"] + second["nodes"] == twice


def test_both_days_count_and_a_period_may_be_one_day(frontend: Frontend) -> None:
    one_day = reports(frontend, **{"from": "2019-11-05", "to": "2019-11-05"})
    assert {report["name"] for report in one_day["nodes"]} == {"report", "dr-rep1", "dr-rep2"}


def test_pages_put_together_are_the_list(frontend: Frontend) -> None:
    whole = reports(frontend)
    assert whole["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": whole["edges"][0]["cursor"],
        "endCursor": whole["edges"][-1]["cursor"],
    }
    paged: list[dict[str, Any]] = []
    after = None
    for more, before in ((True, False), (True, True), (False, True)):
        page = reports(frontend, first=3, after=after)
        assert (page["pageInfo"]["hasNextPage"], page["pageInfo"]["hasPreviousPage"]) == (more, before)
        assert page["totalCount"] == 7
        paged += page["nodes"]
        after = page["pageInfo"]["endCursor"]
    assert paged == whole["nodes"]


def test_every_cursor_leads_on_whatever_the_vendor_calls_its_reports(
    frontend: Frontend, rde_simulator: RdeSimulator
) -> None:
    odd = ["in \x1f two", "\x1b", "\x1bU", "1" * 4000, "1" * 4001, "\U0001f600" * 3000, "b\0\n", "%00", " "]
    for number, name in enumerate(odd):
        for each in ("CSV", "JSON"):
            rde_simulator.add_report(
                name, each, "2019-12-02T10:00:00.123456Z", link=f"https://h.example/{number}?sig=x"
            )
    long = json.dumps("\U0001f600" * 3000).encode()
    rde_simulator.misbehave(Fault(lambda due: replace(due, body=due.body.replace(b'"JSON"', long))), path="/reports")
    whole = reports(frontend)
    assert {report["name"] for report in whole["nodes"]} >= set(odd)
    cursors = [None, *(edge["cursor"] for edge in whole["edges"])]
    assert max(len(cursor or "") for cursor in cursors) <= LONGEST_CURSOR
    following = [reports(frontend, first=1, after=cursor)["nodes"] for cursor in cursors]
    assert following == [*([report] for report in whole["nodes"]), []]


def test_a_page_beyond_the_last_report_is_empty(frontend: Frontend) -> None:
    end = reports(frontend)["pageInfo"]["endCursor"]
    page = reports(frontend, after=end)
    assert (page["nodes"], page["totalCount"]) == ([], 7)
    assert page["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": True, "startCursor": None, "endCursor": None}


def test_a_page_is_right_though_a_new_report_arrives_between_two(
    frontend: Frontend, rde_simulator: RdeSimulator, clock: MovingClock
) -> None:
    before = [report["creationDate"] for report in reports(frontend)["nodes"]]
    first = reports(frontend, first=3)
    rde_simulator.add_report("late", "JSON", "2019-12-03T23:00:00Z", link="https://blobs.example/late?sig=x")
    clock.advance(hours=7)
    second = reports(frontend, first=3, after=first["pageInfo"]["endCursor"])
    assert [report["creationDate"] for report in first["nodes"] + second["nodes"]] == before[:6]
    assert second["totalCount"] == 8


def test_an_answer_is_served_again_until_it_has_aged(
    frontend: Frontend, rde_simulator: RdeSimulator, clock: MovingClock
) -> None:
    rde_simulator.forget("withres2", "2019-11-12T09:51:14Z")
    asked_at = clock()
    first = reports(frontend)
    clock.advance(seconds=59)
    again = reports(frontend)
    assert rde_simulator.count("/reports") == 1
    assert first["freshness"] == {"source": "UPSTREAM", "asOf": f"{asked_at:%Y-%m-%dT%H:%M:%SZ}", "stale": False}
    assert again["freshness"] == {**first["freshness"], "source": "CACHE"}


def test_links_are_kept_until_a_minute_before_the_first_of_them_dies(
    frontend: Frontend, rde_simulator: RdeSimulator, clock: MovingClock
) -> None:
    """The document's own links do not say when they end; here are only links that do."""
    for report in SEED:
        rde_simulator.forget(report["name"], report["creationDate"])
    rde_simulator.link_life = timedelta(minutes=5)
    rde_simulator.add_report("signed", "JSON", "2019-11-20T10:00:00Z")
    link = reports(frontend)["nodes"][0]
    assert link["downloadUrlExpiresAt"] == "2019-12-05T12:05:00Z"
    clock.advance(minutes=3, seconds=59)
    assert reports(frontend)["nodes"][0] == link
    assert rde_simulator.count("/reports") == 1
    clock.advance(seconds=2)
    renewed = reports(frontend)["nodes"][0]
    assert rde_simulator.count("/reports") == 2
    assert renewed["downloadUrl"] != link["downloadUrl"]


def test_a_link_that_was_dead_already_has_no_list_asked_for_again(
    frontend: Frontend, rde_simulator: RdeSimulator, clock: MovingClock
) -> None:
    dead = "https://drrde3.blob.core.windows.net/c/x.json?sig=4J&se=2019-12-01T00%3A00%3A00Z&sp=rwd"
    for report in SEED:
        rde_simulator.forget(report["name"], report["creationDate"])
    rde_simulator.add_report("dead", "JSON", "2019-11-20T10:00:00Z", link=dead)
    rde_simulator.add_report("signed", "JSON", "2019-11-19T10:00:00Z")
    for _ in range(3):
        listed = reports(frontend)["nodes"]
        assert [report["downloadUrl"] is None for report in listed] == [True, False]
        clock.advance(seconds=30)
    assert rde_simulator.count("/reports") == 1


def test_a_report_that_is_listed_twice_is_one_report(frontend: Frontend, rde_simulator: RdeSimulator) -> None:
    for number in (1, 2):
        link = f"https://drrde3.blob.core.windows.net/c/{number}.json?sig=4J"
        rde_simulator.add_report("twice", "JSON", "2019-11-20T10:00:00Z", link=link)
    whole = reports(frontend)
    assert (whole["totalCount"], len(whole["nodes"])) == (8, 8)
    assert [report["downloadUrl"] for report in whole["nodes"] if report["name"] == "twice"] == [link]
    names, after = [], None
    while True:
        page = reports(frontend, first=1, after=after)
        names += [report["name"] for report in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert names == [report["name"] for report in whole["nodes"]]


def test_an_expired_link_is_never_served(frontend: Frontend, rde_simulator: RdeSimulator, clock: MovingClock) -> None:
    rde_simulator.link_life = timedelta(minutes=5)
    rde_simulator.add_report("signed", "JSON", "2019-12-02T10:00:00Z")
    assert reports(frontend)["nodes"][0]["downloadUrl"]
    clock.advance(minutes=6)
    rde_simulator.stop()
    stale = reports(frontend)
    assert stale["freshness"] == {"source": "CACHE", "asOf": "2019-12-05T12:00:00Z", "stale": True}
    assert [report["downloadUrl"] for report in stale["nodes"]] == [None] * 8


def test_an_answer_with_a_link_is_not_cached(frontend: Frontend) -> None:
    assert frontend.ask(QUERY, PERIOD).answer.headers["cache-control"] == "no-store"


def test_another_process_answers_from_what_this_one_has_asked(
    start: StartFrontend, rde_simulator: RdeSimulator
) -> None:
    first, second = reports(start()), reports(start())
    assert rde_simulator.count("/reports") == 1
    assert first["nodes"] == second["nodes"]
    assert second["freshness"]["source"] == "CACHE"
