"""`scheduleReport`: what is sent to the vendor, and its answer as the vendor's document shows it."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from local.vendors.rde import RdeSimulator
from local.vendors.simulator import Fault
from tests.support.api.frontend import Frontend, StartFrontend
from tests.support.moving_clock import MovingClock

MUTATION = """
mutation Schedule($input: ScheduleReportInput!) {
  scheduleReport(input: $input) {
    replayed
    report {
      id name customizationName status type format rawFormat
      creationDate startDate endDate downloadUrl downloadUrlExpiresAt
    }
  }
}"""
LINK = (
    "https://report-storage1.blob.core.windows.net/rdecontainer/Customer1.e1...12d.2019-11-21.14-02-20.551+0100.json"
    "?sig=4JbyvWJAUwwN7R...3D&api-version=2016-05-31&st=2019-11-21T12%3A52%&se=202...0-02-19T12=2016-05-31&sp=rwd&sr=b"
)
"""The document's own link, cut as it is printed there."""
ANSWER = {
    "id": "f40c942d-ebec-41b9-b604-5ed9ffb6d4f2",
    "name": "Daily report",
    "customizationName": "string",
    "status": "completed",
    "type": "onetime",
    "format": "json",
    "creationDate": "2020-11-07T17:02:59.000Z",
    "startDate": "2019-11-07T17:02:59.000Z",
    "endDate": "2019-12-07T17:02:59.000Z",
    "downloadUrl": LINK,
}
INPUT = {
    "name": "Daily report",
    "format": "JSON",
    "startDate": "2019-11-07T17:02:59Z",
    "endDate": "2019-12-07T18:02:59+01:00",
}


def schedule(frontend: Frontend, **given: Any) -> dict[str, Any]:
    payload: dict[str, Any] = frontend.data(MUTATION, {"input": INPUT | given})["scheduleReport"]
    return payload


def test_the_document_s_answer_comes_back_field_by_field(frontend: Frontend, rde_simulator: RdeSimulator) -> None:
    rde_simulator.misbehave(Fault(lambda due: replace(due, body=json.dumps(ANSWER).encode())), path="/reports")
    assert schedule(frontend) == {
        "replayed": False,
        "report": {
            "id": "f40c942d-ebec-41b9-b604-5ed9ffb6d4f2",
            "name": "Daily report",
            "customizationName": "string",
            "status": "completed",
            "type": "onetime",
            "format": "JSON",
            "rawFormat": "json",
            "creationDate": "2020-11-07T17:02:59Z",
            "startDate": "2019-11-07T17:02:59Z",
            "endDate": "2019-12-07T17:02:59Z",
            "downloadUrl": LINK,
            "downloadUrlExpiresAt": None,
        },
    }


@pytest.mark.parametrize("given", [{}, {"customizationName": "string"}, {"downloadUrl": LINK}])
def test_the_vendor_is_sent_the_keys_that_were_given_and_no_query_string(
    frontend: Frontend, rde_simulator: RdeSimulator, given: dict[str, str]
) -> None:
    schedule(frontend, **given)
    (sent,) = [request for request in rde_simulator.requests if request.path.endswith("/reports")]
    assert (sent.method, sent.query_string) == ("POST", "")
    assert json.loads(sent.body) == {
        "name": "Daily report",
        "format": "json",
        "startDate": "2019-11-07T17:02:59.000Z",
        "endDate": "2019-12-07T17:02:59.000Z",
        **given,
    }


def test_a_null_is_as_good_as_nothing(frontend: Frontend, rde_simulator: RdeSimulator) -> None:
    schedule(frontend, customizationName=None, downloadUrl=None, idempotencyKey=None)
    (sent,) = [request for request in rde_simulator.requests if request.path.endswith("/reports")]
    assert set(json.loads(sent.body)) == {"name", "format", "startDate", "endDate"}


def test_a_spreadsheet_is_asked_for_as_the_vendor_spells_it(frontend: Frontend, rde_simulator: RdeSimulator) -> None:
    assert schedule(frontend, format="XLSX")["report"]["format"] == "XLSX"
    (sent,) = [request for request in rde_simulator.requests if request.path.endswith("/reports")]
    assert json.loads(sent.body)["format"] == "xlsx"


def test_a_list_asked_for_afterwards_shows_the_report(frontend: Frontend) -> None:
    listing = '{ reports(from: "2019-11-05", to: "2019-12-05") { nodes { name } } }'
    assert "Daily report" not in str(frontend.data(listing))
    schedule(frontend)
    assert "Daily report" in str(frontend.data(listing))


def test_no_list_kept_before_is_good_afterwards_whatever_its_days_and_whichever_process_kept_it(
    start: StartFrontend, rde_simulator: RdeSimulator
) -> None:
    """The vendor alone knows under which date it lists a report; its document's answer has one of another year."""
    listing = '{ reports(from: "2019-08-05", to: "2019-09-03") { totalCount } }'
    other, frontend = start(FRESH_SECONDS="0"), start()
    before = other.data(listing), frontend.data(listing)
    asked = rde_simulator.count("/reports", "GET")
    assert (frontend.data(listing), other.data(listing)) == before
    assert rde_simulator.count("/reports", "GET") == asked
    schedule(frontend)
    frontend.data(listing)
    assert rde_simulator.count("/reports", "GET") == asked + 1
    other.data(listing)
    assert rde_simulator.count("/reports", "GET") == asked + 1


def test_a_later_report_makes_no_list_good_again_that_an_earlier_one_has_dropped(
    frontend: Frontend, rde_simulator: RdeSimulator, clock: MovingClock
) -> None:
    """Around midnight: the second report is too late for the list of the day before, the first one is not."""
    listing = '{ reports(from: "2019-12-04", to: "2019-12-04") { totalCount } }'
    clock.moment = datetime(2019, 12, 5, 23, 58, tzinfo=UTC)
    assert frontend.data(listing) == {"reports": {"totalCount": 0}}
    for _ in range(2):
        clock.advance(minutes=1.5)
        schedule(frontend)
    asked = rde_simulator.count("/reports", "GET")
    frontend.data(listing)
    assert rde_simulator.count("/reports", "GET") == asked + 1


def test_a_link_in_the_answer_is_for_no_cache(frontend: Frontend) -> None:
    assert frontend.ask(MUTATION, {"input": INPUT}).answer.headers["cache-control"] == "no-store"
