"""Scheduling a report at RDE: what is sent, and whether it may have been carried out."""

import datetime as dt
import json
import socket
from dataclasses import replace

import pytest

from runtime.deadline import Deadline
from tests.support.vendors.scripted_rde import LISTING, SCHEDULED, listing, rde, scripted, token
from tests.support.vendors.scripted_vendor import ScriptedAnswer, in_turn
from upstreams.errors import (
    UpstreamBadResponse,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnauthorized,
    UpstreamUnavailable,
)
from upstreams.rde.client import ReportFormat, ScheduleRequest
from upstreams.secrets import SecretStore

pytestmark = pytest.mark.anyio
REQUEST = ScheduleRequest(
    name="Daily report",
    customization_name=None,
    format=ReportFormat.JSON,
    start_date=dt.datetime(2019, 11, 7, 17, 2, 59, tzinfo=dt.UTC),
    end_date=dt.datetime(2019, 12, 7, 19, 2, 59, 5000, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    download_url=None,
)


@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
async def test_scheduling_sends_only_what_was_given(secrets: SecretStore, tenant: str, method: str) -> None:
    async with scripted(in_turn(ScriptedAnswer(body=json.dumps(SCHEDULED).encode()))) as vendor:
        report = await rde(vendor, secrets, method).schedule(tenant, REQUEST, Deadline.after(5))
    sent = vendor.seen[-1]
    assert (sent.method, sent.target) == (method, "/reports")
    assert sent.headers["content-type"] == "application/json"
    assert json.loads(sent.body) == {
        "name": "Daily report",
        "format": "json",
        "startDate": "2019-11-07T17:02:59.000Z",
        "endDate": "2019-12-07T17:02:59.005Z",
    }
    assert report.report_id == "f40c942d-ebec-41b9-b604-5ed9ffb6d4f2"
    assert (report.customization_name, report.raw_status, report.raw_type) == ("string", "completed", "onetime")
    assert (report.raw_format, report.format) == ("json", ReportFormat.JSON)
    assert report.creation_date == dt.datetime(2020, 11, 7, 17, 2, 59, tzinfo=dt.UTC)
    assert report.download_url_expires_at == dt.datetime(2020, 2, 19, 12, tzinfo=dt.UTC)
    assert "sig=" not in repr(report)


async def test_scheduling_spells_out_everything_that_was_given(secrets: SecretStore, tenant: str) -> None:
    request = replace(REQUEST, customization_name="mine", format=ReportFormat.XLSX, download_url="https://x/y?sig=1")
    async with scripted(in_turn(ScriptedAnswer(201, body=json.dumps(SCHEDULED).encode()))) as vendor:
        await rde(vendor, secrets).schedule(tenant, request, Deadline.after(5))
    body = json.loads(vendor.seen[-1].body)
    assert (body["customizationName"], body["format"], body["downloadUrl"]) == ("mine", "xlsx", "https://x/y?sig=1")
    assert "sig=1" not in repr(request)


async def test_a_schedule_needs_a_name_and_a_start_date_only(secrets: SecretStore, tenant: str) -> None:
    answer = ScriptedAnswer(202, b'{"name": "Daily report", "startDate": "2019-11-07T17:02:59.000Z"}')
    async with scripted(in_turn(answer)) as vendor:
        request = ScheduleRequest(name="Daily report", start_date=REQUEST.start_date)
        report = await rde(vendor, secrets).schedule(tenant, request, Deadline.after(5))
    assert json.loads(vendor.seen[-1].body) == {"name": "Daily report", "startDate": "2019-11-07T17:02:59.000Z"}
    assert (report.name, report.start_date, report.report_id) == ("Daily report", REQUEST.start_date, None)


@pytest.mark.parametrize(("setting", "spelled"), [("xlsx", ["xlsx", "xslx"]), ("xslx", ["xslx", "xlsx"])])
async def test_a_refused_spelling_of_the_spreadsheet_format_is_followed_by_the_other_one(
    secrets: SecretStore, tenant: str, setting: str, spelled: list[str]
) -> None:
    answers = in_turn(ScriptedAnswer(400), ScriptedAnswer(body=json.dumps(SCHEDULED).encode()))
    async with scripted(answers) as vendor:
        api = rde(vendor, secrets, xlsx_name=setting)
        await api.schedule(tenant, replace(REQUEST, format=ReportFormat.XLSX), Deadline.after(5))
    assert [json.loads(seen.body)["format"] for seen in vendor.seen if seen.path == "/reports"] == spelled


@pytest.mark.parametrize(
    ("wanted", "status", "posts"),
    [(ReportFormat.XLSX, 400, 2), (ReportFormat.XLSX, 403, 1), (ReportFormat.XLSX, 500, 1), (ReportFormat.CSV, 400, 1)],
)
async def test_the_other_spelling_is_tried_once_and_after_a_400_only(
    secrets: SecretStore, tenant: str, wanted: ReportFormat, status: int, posts: int
) -> None:
    async with scripted(in_turn(ScriptedAnswer(status))) as vendor:
        with pytest.raises(UpstreamError):
            await rde(vendor, secrets).schedule(tenant, replace(REQUEST, format=wanted), Deadline.after(5))
    assert vendor.paths().count("/reports") == posts


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "error", "sent"),
    [
        (ScriptedAnswer(503), UpstreamUnavailable, True),
        (ScriptedAnswer(500), UpstreamUnavailable, True),
        (ScriptedAnswer(hang_up=True), UpstreamUnavailable, True),
        (ScriptedAnswer(body=b'{"id": "f4', declared=300), UpstreamUnavailable, True),
        (ScriptedAnswer(seconds_before=30), UpstreamTimeout, True),
        (ScriptedAnswer(body=b"<html>"), UpstreamBadResponse, True),
        (ScriptedAnswer(body=b"{}"), UpstreamBadResponse, True),
        (ScriptedAnswer(400), UpstreamBadResponse, False),
        (ScriptedAnswer(302, headers={"Location": "/"}), UpstreamBadResponse, False),
        (ScriptedAnswer(403), UpstreamUnauthorized, False),
        (ScriptedAnswer(429, headers={"Retry-After": "0"}), UpstreamUnavailable, False),
    ],
    ids=str,
)
async def test_scheduling_is_sent_once_and_says_whether_it_may_have_happened(
    secrets: SecretStore, tenant: str, answer: ScriptedAnswer, error: type[UpstreamError], sent: bool
) -> None:
    async with scripted(in_turn(answer)) as vendor:
        with pytest.raises(error) as caught:
            await rde(vendor, secrets, seconds=1).schedule(tenant, REQUEST, Deadline.after(1))
    assert vendor.paths() == ["/token", "/reports"]
    assert caught.value.sent is sent


async def test_a_schedule_never_goes_over_a_connection_that_was_kept(secrets: SecretStore, tenant: str) -> None:
    answers = in_turn(LISTING, LISTING, ScriptedAnswer(body=json.dumps(SCHEDULED).encode()))
    async with scripted(answers) as vendor:
        api = rde(vendor, secrets)
        await listing(api, tenant)
        await listing(api, tenant)
        await api.schedule(tenant, REQUEST, Deadline.after(5))
    assert [(seen.path, seen.connection) for seen in vendor.seen] == [
        ("/token", 0),
        ("/reports", 0),
        ("/reports", 0),
        ("/reports", 1),
    ]


async def test_a_refused_schedule_is_sent_once_more(secrets: SecretStore, tenant: str) -> None:
    answers = in_turn(ScriptedAnswer(401), ScriptedAnswer(body=json.dumps(SCHEDULED).encode()))
    async with scripted(answers) as vendor:
        await rde(vendor, secrets).schedule(tenant, REQUEST, Deadline.after(5))
    assert vendor.paths() == ["/token", "/reports"] * 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "tokens", [ScriptedAnswer(503), ScriptedAnswer(seconds_before=30), ScriptedAnswer(401)], ids=str
)
async def test_a_schedule_that_got_no_token_was_not_sent(
    secrets: SecretStore, tenant: str, tokens: ScriptedAnswer
) -> None:
    async with scripted(in_turn(LISTING), in_turn(tokens)) as vendor:
        with pytest.raises(UpstreamError) as caught:
            await rde(vendor, secrets, seconds=1).schedule(tenant, REQUEST, Deadline.after(1))
    assert not caught.value.sent
    assert "/reports" not in vendor.paths()


@pytest.mark.slow
async def test_a_schedule_refused_first_and_without_a_second_token_was_not_sent(
    secrets: SecretStore, tenant: str
) -> None:
    async with scripted(
        in_turn(ScriptedAnswer(401)), in_turn(token("t0k3n"), ScriptedAnswer(seconds_before=30))
    ) as vendor:
        with pytest.raises(UpstreamTimeout) as caught:
            await rde(vendor, secrets, seconds=1).schedule(tenant, REQUEST, Deadline.after(1))
    assert not caught.value.sent


async def test_a_schedule_that_cannot_connect_was_not_sent(secrets: SecretStore, tenant: str) -> None:
    async with scripted(in_turn(LISTING)) as vendor:
        api = rde(vendor, secrets)
        await listing(api, tenant)
    with socket.socket() as unused:
        unused.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        unused.bind(("127.0.0.1", vendor.port))
        with pytest.raises(UpstreamUnavailable) as caught:
            await api.schedule(tenant, REQUEST, Deadline.after(5))
    assert not caught.value.sent
