"""The simulated RDE answers as its document says."""

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.vendors.rde import RdeSimulator
from tests.support.vendors.simulator_client import signed_in, token_response, utc

SAMPLE = json.loads((Path(__file__).parent / "rde_sample.json").read_text())
SCHEDULE = {
    "name": "Daily report",
    "customizationName": "string",
    "format": "json",
    "startDate": "2019-11-07T17:02:59.000Z",
    "endDate": "2019-12-07T17:02:59.000Z",
}
EVERYTHING = "from=2000-01-01&to=2099-12-31&limit=1000"


def test_the_older_kind_of_installation_answers_with_the_documents_seven_reports_field_by_field(
    rde_simulator: RdeSimulator,
) -> None:
    rde_simulator.described = False
    with signed_in(rde_simulator) as client:
        answer = client.get(f"{rde_simulator.base_url}/reports?from=2019-11-05&to=2019-12-03")
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json() == {"data": SAMPLE, "pagination": {"offset": 0, "limit": 7, "total": 7}}


@pytest.mark.parametrize(("asked", "listed"), [("json", "JSON"), ("xslx", "XLSX"), ("csv", "CSV"), ("xml", "XML")])
def test_with_the_older_kind_a_format_goes_in_in_lower_case_and_comes_back_in_upper_case(
    rde_simulator: RdeSimulator, asked: str, listed: str
) -> None:
    rde_simulator.described, rde_simulator.xlsx_name = False, "xslx"
    with signed_in(rde_simulator) as client:
        data = client.get(f"{rde_simulator.base_url}/reports?{EVERYTHING}&format={asked}").json()["data"]
    assert {report["format"] for report in data} == {listed}


def test_both_days_of_a_period_count(rde_simulator: RdeSimulator) -> None:
    with signed_in(rde_simulator) as client:
        data = client.get(f"{rde_simulator.base_url}/reports?from=2019-11-12&to=2019-11-14").json()["data"]
    assert [report["name"] for report in data] == ["withres2", "daily-dr1"]


@pytest.mark.parametrize("query", ["", "from=2019-11-05", "from=05.11.2019&to=2019-12-03", f"{EVERYTHING}&format=XLSX"])
def test_a_listing_without_days_or_of_an_unknown_format_is_refused(rde_simulator: RdeSimulator, query: str) -> None:
    with signed_in(rde_simulator) as client:
        assert client.get(f"{rde_simulator.base_url}/reports?{query}").status_code == 400


def test_generated_reports_reach_from_ninety_days_ago_to_now_in_no_order(rde_simulator: RdeSimulator) -> None:
    now = datetime.now(UTC)
    with signed_in(rde_simulator) as client:
        data = client.get(f"{rde_simulator.base_url}/reports?{EVERYTHING}").json()["data"]
    dates = [datetime.fromisoformat(report["creationDate"]) for report in data][7:]
    assert len(dates) > 90
    assert now - timedelta(days=90) <= min(dates) < now - timedelta(days=88)
    assert now - timedelta(days=1, hours=1) <= max(dates) <= now
    assert dates not in (sorted(dates), sorted(dates, reverse=True))


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"password": "s3cret-rde"}, 401),
        ({"username": "x"}, 401),
        ({"subscriptionKey": "x"}, 401),
        ({"marketplace": "us"}, 400),
    ],
)
def test_a_token_is_given_for_the_right_credentials_only(
    rde_simulator: RdeSimulator, changed: dict[str, str], status: int
) -> None:
    assert token_response(rde_simulator).json().keys() == {"token", "expiresInSeconds"}
    assert token_response(rde_simulator, **changed).status_code == status


def test_reports_need_a_token_that_is_known_and_alive(rde_simulator: RdeSimulator) -> None:
    url = f"{rde_simulator.base_url}/reports?{EVERYTHING}"
    with signed_in(rde_simulator) as client:
        assert client.get(url, headers={"Authorization": "Bearer made-up"}).status_code == 401
        assert client.get(url, headers={"X-Subscription-Key": "made-up"}).status_code == 401
        rde_simulator.clock = lambda: datetime.now(UTC) + timedelta(seconds=1499)
        assert client.get(url).status_code == 200
        rde_simulator.clock = lambda: datetime.now(UTC) + timedelta(seconds=1501)
        assert client.get(url).status_code == 401


def test_a_revoked_token_is_refused(rde_simulator: RdeSimulator) -> None:
    with signed_in(rde_simulator) as client:
        rde_simulator.revoke_tokens()
        assert client.get(f"{rde_simulator.base_url}/reports?{EVERYTHING}").status_code == 401


def test_scheduling_answers_in_the_documents_shape_and_the_report_is_listed_from_then_on(
    rde_simulator: RdeSimulator,
) -> None:
    rde_simulator.clock = lambda: utc("2020-11-07T17:02:59")
    link = "https://report-storage1.blob.core.windows.net/rdecontainer/Customer1.json?sig=4Jby3D&sp=rwd&sr=b"
    with signed_in(rde_simulator) as client:
        answer = client.post(f"{rde_simulator.base_url}/reports", json={**SCHEDULE, "downloadUrl": link}).json()
        listed = client.get(f"{rde_simulator.base_url}/reports?from=2020-11-07&to=2020-11-07").json()["data"]
    created = "2020-11-07T17:02:59.000Z"
    scheduled_id = answer.pop("id")
    assert len(scheduled_id) == 36
    assert answer == {
        **SCHEDULE,
        "status": "completed",
        "type": "onetime",
        "creationDate": created,
        "downloadUrl": link,
    }
    assert listed == [answer | {"id": scheduled_id}]


def test_a_schedule_without_its_start_is_refused(rde_simulator: RdeSimulator) -> None:
    with signed_in(rde_simulator) as client:
        assert client.post(f"{rde_simulator.base_url}/reports", json={"name": "x", "format": "json"}).status_code == 400
    assert rde_simulator.schedules == []


def test_the_verb_of_scheduling_and_the_spreadsheets_spelling_are_settings(rde_simulator: RdeSimulator) -> None:
    rde_simulator.schedule_method, rde_simulator.xlsx_name = "GET", "xslx"
    with signed_in(rde_simulator) as client:
        url = f"{rde_simulator.base_url}/reports"
        assert client.request("GET", url, json={**SCHEDULE, "format": "xslx"}).json()["format"] == "xslx"
        assert client.post(url, json=SCHEDULE).status_code == 405


def _link(vendor: RdeSimulator, name: str) -> str:
    with signed_in(vendor) as client:
        data = client.get(f"{vendor.base_url}/reports?{EVERYTHING}").json()["data"]
    return next(str(report["downloadUrl"]) for report in data[7:] if report["name"] == name)


def test_a_link_serves_real_files(rde_simulator: RdeSimulator) -> None:
    rows = json.loads(gzip.decompress(httpx.get(_link(rde_simulator, "daily-dr1")).content))
    assert rows[0].keys() >= {"subscription", "company", "price"}
    assert httpx.get(_link(rde_simulator, "usage")).text.startswith("subscription,")
    assert httpx.get(_link(rde_simulator, "Every Invoice - Contoso")).text.startswith("<?xml")
    workbook = zipfile.ZipFile(io.BytesIO(httpx.get(_link(rde_simulator, "resellers")).content))
    assert workbook.testzip() is None
    assert "xl/worksheets/sheet1.xml" in workbook.namelist()


def test_a_link_lives_48_hours_and_is_refused_when_it_was_changed(rde_simulator: RdeSimulator) -> None:
    link = _link(rde_simulator, "usage")
    assert set(httpx.URL(link).params) == {"sig", "api-version", "st", "se", "sv", "sp", "sr"}
    assert httpx.URL(link).params["sp"] == "rwd"
    assert httpx.get(link.replace("se=20", "se=30")).status_code == 403
    rde_simulator.clock = lambda: datetime.now(UTC) + timedelta(hours=47, minutes=59)
    assert httpx.get(link).status_code == 200
    rde_simulator.clock = lambda: datetime.now(UTC) + timedelta(hours=48, minutes=1)
    assert httpx.get(link).status_code == 403


def test_a_link_can_write_and_delete_as_its_permissions_say(rde_simulator: RdeSimulator) -> None:
    link = _link(rde_simulator, "usage")
    assert httpx.put(link, content=b"replaced").status_code == 201
    assert httpx.get(link).content == b"replaced"
    assert httpx.delete(link).status_code == 202
    assert httpx.get(link).status_code == 404


def test_a_report_can_be_added_and_forgotten(rde_simulator: RdeSimulator) -> None:
    rde_simulator.add_report("late", "CSV", "2024-02-03T04:05:06Z", file=lambda: b"a,b\r\n")
    url = f"{rde_simulator.base_url}/reports?from=2024-02-03&to=2024-02-03"
    with signed_in(rde_simulator) as client:
        (report,) = client.get(url).json()["data"]
        assert httpx.get(report["downloadUrl"]).content == b"a,b\r\n"
        rde_simulator.forget("late", "2024-02-03T04:05:06Z")
        assert client.get(url).json()["data"] == []


def listed(vendor: RdeSimulator, query: str) -> dict[str, Any]:
    with signed_in(vendor) as client:
        answer: dict[str, Any] = client.get(f"{vendor.base_url}/reports?{query}").json()
    return answer


def test_a_caller_that_names_no_limit_is_given_ten_reports(rde_simulator: RdeSimulator) -> None:
    whole = listed(rde_simulator, "from=2000-01-01&to=2099-12-31&limit=1000")
    first = listed(rde_simulator, "from=2000-01-01&to=2099-12-31")
    second = listed(rde_simulator, "from=2000-01-01&to=2099-12-31&offset=10&limit=4")
    total = len(whole["data"])
    assert first["pagination"] == {"offset": 0, "limit": 10, "total": total}
    assert second["pagination"] == {"offset": 10, "limit": 4, "total": total}
    plain = [[row["id"] for row in answer["data"]] for answer in (whole, first, second)]
    assert plain[1] + plain[2] == plain[0][:14]


def test_the_older_kind_ignores_limit_and_offset(rde_simulator: RdeSimulator) -> None:
    rde_simulator.described = False
    whole = listed(rde_simulator, "from=2000-01-01&to=2099-12-31&offset=10&limit=4")
    total = len(whole["data"])
    assert total > 90
    assert whole["pagination"] == {"offset": 0, "limit": total, "total": total}


def test_a_described_report_has_an_id_a_status_a_type_and_a_period(rde_simulator: RdeSimulator) -> None:
    [row] = listed(rde_simulator, "from=2019-11-12&to=2019-11-12")["data"]
    assert row.pop("id")
    assert row == {
        "name": "withres2",
        "status": "completed",
        "type": "periodic",
        "format": "xlsx",
        "creationDate": "2019-11-12T09:51:14Z",
        "startDate": "2019-11-11T00:00:00Z",
        "endDate": "2019-11-12T00:00:00Z",
        "downloadUrl": SAMPLE[0]["downloadUrl"],
    }


def test_a_scheduled_report_is_submitted_then_processed_then_completed(rde_simulator: RdeSimulator) -> None:
    now = utc("2020-11-07T17:00:00")
    rde_simulator.clock, rde_simulator.making = (lambda: now), timedelta(seconds=20)
    with signed_in(rde_simulator) as client:
        url = f"{rde_simulator.base_url}/reports"
        answer = client.post(url, json={"name": "x", "startDate": "2019-11-07T00:00:00.000Z"}).json()
        seen = []
        for seconds in (0, 10, 20):
            rde_simulator.clock = lambda seconds=seconds: now + timedelta(seconds=seconds)  # type: ignore[misc]  # bound
            seen.append(client.get(f"{url}/{answer['id']}").json())
        assert client.get(f"{url}/no-such-report").status_code == 404
    assert answer["status"] == "submitted"
    assert answer.keys() == {"id", "name", "status", "type", "format", "startDate"}
    assert [row["status"] for row in seen] == ["submitted", "processing", "completed"]
    assert seen[2]["creationDate"] == "2020-11-07T17:00:20.000Z"
    assert httpx.get(seen[2]["downloadUrl"]).status_code == 200


def test_every_answer_has_a_correlation_id_and_an_error_the_described_body(rde_simulator: RdeSimulator) -> None:
    fine = token_response(rde_simulator)
    refused = token_response(rde_simulator, password="x")
    body = refused.json()
    assert fine.headers["x-correlation-id"] != refused.headers["x-correlation-id"] == body["correlationId"]
    assert (body["status"], body["path"]) == (401, "/marketplace/eu/token")
    assert body.keys() == {"timeStamp", "status", "message", "path", "correlationId"}


def test_a_demonstration_has_reports_in_every_status(rde_simulator: RdeSimulator) -> None:
    rde_simulator.show_every_status()
    data = listed(rde_simulator, EVERYTHING)["data"]
    assert {row["status"] for row in data} == {"submitted", "processing", "completed", "error", "verifying"}
