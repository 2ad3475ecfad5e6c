import asyncio
import base64
import datetime as dt
import json
import socket
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from runtime.deadline import Deadline
from tests.support.vendors.planted_secrets import RDE, PutSecret
from tests.support.vendors.scripted_vendor import Script, ScriptedAnswer, ScriptedVendor, Seen, by_path, in_turn
from upstreams.errors import (
    UpstreamBadResponse,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnauthorized,
    UpstreamUnavailable,
)
from upstreams.rde.client import Rde, Report, ReportFormat, ScheduleRequest
from upstreams.secrets import SecretStore

pytestmark = pytest.mark.anyio

FIRST, LAST = dt.date(2019, 11, 5), dt.date(2019, 12, 3)
LISTING = ScriptedAnswer(body=b'{"data": [], "pagination": {"offset": 0, "limit": 0, "total": 0}}')
REQUEST = ScheduleRequest(
    name="Daily report",
    customization_name=None,
    format=ReportFormat.JSON,
    start_date=dt.datetime(2019, 11, 7, 17, 2, 59, tzinfo=dt.UTC),
    end_date=dt.datetime(2019, 12, 7, 19, 2, 59, 5000, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    download_url=None,
)
SCHEDULED = {
    "id": "f40c942d-ebec-41b9-b604-5ed9ffb6d4f2",
    "name": "Daily report",
    "customizationName": "string",
    "status": "completed",
    "type": "onetime",
    "format": "json",
    "creationDate": "2020-11-07T17:02:59.000Z",
    "startDate": "2019-11-07T17:02:59.000Z",
    "endDate": "2019-12-07T17:02:59.000Z",
    "downloadUrl": "https://report-storage1.blob.core.windows.net/c/x.json?sig=4J&se=2020-02-19T12%3A00%3A00Z&sp=rwd",
}


def token(value: str, **more: object) -> ScriptedAnswer:
    return ScriptedAnswer(body=json.dumps({"token": value} | more).encode())


def scripted(reports: Script, tokens: Script | None = None) -> ScriptedVendor:
    return ScriptedVendor(by_path({"/token": tokens or in_turn(token("t0k3n")), "/reports": reports}))


def rde(vendor: ScriptedVendor, secrets: SecretStore, method: str = "POST", seconds: float = 5) -> Rde:
    return Rde(
        base_url=vendor.base_url,
        token_path="token",
        schedule_method=method,
        xlsx_name="xlsx",
        upstream_seconds=seconds,
        secrets=secrets,
    )


async def listing(api: Rde, tenant: str) -> list[Report]:
    return (await api.reports(tenant, FIRST, LAST, Deadline.after(5))).reports


async def test_reports_are_asked_for_as_the_vendor_documents_it_in_all_formats_and_with_a_limit(
    secrets: SecretStore, tenant: str
) -> None:
    async with scripted(in_turn(LISTING)) as vendor:
        assert await listing(rde(vendor, secrets), tenant) == []
    asked, call = vendor.seen
    assert (asked.method, asked.target, json.loads(asked.body)) == ("POST", "/token", {"marketplace": "eu"})
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"resel:rde-p4ss").decode()
    assert call.target == "/reports?from=2019-11-05&to=2019-12-03&limit=1000&offset=0"
    assert call.headers["authorization"] == "Bearer t0k3n"
    assert {seen.headers["x-subscription-key"] for seen in vendor.seen} == {"k3y-one"}


async def test_many_calls_at_once_share_one_token(secrets: SecretStore, tenant: str) -> None:
    async with scripted(in_turn(LISTING), in_turn(replace(token("t0k3n"), seconds_before=0.1))) as vendor:
        api = rde(vendor, secrets)
        await asyncio.gather(*(listing(api, tenant) for _ in range(6)))
    assert vendor.paths().count("/token") == 1
    assert vendor.paths().count("/reports") == 6


@pytest.mark.parametrize("expires_in", [1500, "1500", None, "soon", 0, -5, 10**9])
async def test_a_token_is_used_again_whatever_odd_life_it_claims(
    secrets: SecretStore, tenant: str, expires_in: object
) -> None:
    answer = ScriptedAnswer(body=json.dumps({"access_token": "other-name", "expires_in": expires_in}).encode())
    async with scripted(in_turn(LISTING), in_turn(answer)) as vendor:
        api = rde(vendor, secrets)
        await listing(api, tenant)
        await listing(api, tenant)
    assert vendor.paths().count("/token") == 1
    assert vendor.seen[-1].headers["authorization"] == "Bearer other-name"


@pytest.mark.slow
async def test_the_descriptions_name_for_a_tokens_life_goes_first(secrets: SecretStore, tenant: str) -> None:
    tokens = in_turn(token("first", expiresInSeconds=1, expires_in=1500), token("second"))
    async with scripted(in_turn(LISTING), tokens) as vendor:
        api = rde(vendor, secrets)
        await listing(api, tenant)
        await asyncio.sleep(0.92)
        await listing(api, tenant)
    assert vendor.seen[-1].headers["authorization"] == "Bearer second"


@pytest.mark.slow
async def test_a_token_is_renewed_before_it_dies(secrets: SecretStore, tenant: str) -> None:
    async with scripted(in_turn(LISTING), in_turn(token("first", expires_in=1), token("second"))) as vendor:
        api = rde(vendor, secrets)
        await listing(api, tenant)
        await asyncio.sleep(0.92)
        await listing(api, tenant)
    assert vendor.seen[-1].headers["authorization"] == "Bearer second"


async def test_each_tenant_has_its_own_token_and_key(secrets: SecretStore, tenant: str, put_secret: PutSecret) -> None:
    put_secret(f"{tenant}-b", "rde", RDE | {"username": "other", "subscriptionKey": "k3y-two"})

    def own(seen: Seen) -> ScriptedAnswer:
        return token("for-" + seen.headers["x-subscription-key"])

    async with scripted(in_turn(LISTING), own) as vendor:
        api = rde(vendor, secrets)
        for each in (tenant, f"{tenant}-b", tenant):
            await listing(api, each)
    calls = [seen.headers for seen in vendor.seen if seen.path == "/reports"]
    assert [(call["authorization"], call["x-subscription-key"]) for call in calls] == [
        ("Bearer for-k3y-one", "k3y-one"),
        ("Bearer for-k3y-two", "k3y-two"),
        ("Bearer for-k3y-one", "k3y-one"),
    ]


async def test_a_refused_call_gets_a_new_secret_and_token_and_is_made_once_more(
    secrets: SecretStore, tenant: str, put_secret: PutSecret
) -> None:
    async with scripted(in_turn(LISTING, ScriptedAnswer(401), LISTING), in_turn(token("old"), token("new"))) as vendor:
        api = rde(vendor, secrets)
        await listing(api, tenant)
        put_secret(tenant, "rde", RDE | {"subscriptionKey": "rotated"})
        assert await listing(api, tenant) == []
    assert vendor.paths() == ["/token", "/reports", "/reports", "/token", "/reports"]
    assert vendor.seen[-1].headers["authorization"] == "Bearer new"
    assert vendor.seen[-1].headers["x-subscription-key"] == "rotated"


async def test_a_realm_with_a_password_grant_is_asked_with_a_form_at_its_own_url(
    secrets: SecretStore, tenant: str, put_secret: PutSecret
) -> None:
    realm = in_turn(ScriptedAnswer(body=b'{"access_token": "t0k3n", "expires_in": 300}'))
    async with ScriptedVendor(by_path({"/realm/token": realm, "/reports": in_turn(LISTING)})) as vendor:
        grant = {"grant": "password", "tokenUrl": f"{vendor.base_url}/realm/token", "clientId": "tally"}
        account = {key: value for key, value in RDE.items() if key != "marketplace"}
        put_secret(tenant, "rde", account | grant | {"clientSecret": "cl+ient s3cret"})
        await secrets.read(tenant, "rde", refresh=True)
        await listing(rde(vendor, secrets), tenant)
    asked, call = vendor.seen
    assert (asked.method, asked.headers["content-type"]) == ("POST", "application/x-www-form-urlencoded")
    assert dict(parse_qsl(asked.body.decode())) == {
        "grant_type": "password",
        "username": RDE["username"],
        "password": RDE["password"],
        "client_id": "tally",
        "client_secret": "cl+ient s3cret",
    }
    assert "authorization" not in asked.headers
    assert (call.headers["authorization"], call.headers["x-subscription-key"]) == ("Bearer t0k3n", "k3y-one")


async def test_calls_refused_together_renew_the_token_once(secrets: SecretStore, tenant: str) -> None:
    def only_new(seen: Seen) -> ScriptedAnswer:
        return LISTING if seen.headers["authorization"] == "Bearer new" else ScriptedAnswer(401, seconds_before=0.1)

    async with scripted(only_new, in_turn(token("old"), token("new"))) as vendor:
        api = rde(vendor, secrets)
        await asyncio.gather(*(listing(api, tenant) for _ in range(4)))
    assert vendor.paths().count("/token") == 2


async def test_a_second_refusal_is_final(secrets: SecretStore, tenant: str) -> None:
    async with scripted(in_turn(ScriptedAnswer(401))) as vendor:
        with pytest.raises(UpstreamUnauthorized):
            await listing(rde(vendor, secrets), tenant)
    assert vendor.paths() == ["/token", "/reports"] * 2


@pytest.mark.parametrize("status", [401, 403])
async def test_a_rotated_password_is_noticed_when_the_token_is_refused(
    secrets: SecretStore, tenant: str, put_secret: PutSecret, status: int
) -> None:
    await secrets.read(tenant, "rde")
    put_secret(tenant, "rde", RDE | {"password": "rotated"})
    new = "Basic " + base64.b64encode(b"resel:rotated").decode()

    def only_new(seen: Seen) -> ScriptedAnswer:
        return token("t0k3n") if seen.headers["authorization"] == new else ScriptedAnswer(status)

    async with scripted(in_turn(LISTING), only_new) as vendor:
        await listing(rde(vendor, secrets), tenant)
    assert vendor.paths() == ["/token", "/token", "/reports"]


@pytest.mark.parametrize(
    ("answer", "error", "tries"),
    [
        (ScriptedAnswer(401), UpstreamUnauthorized, 2),
        (ScriptedAnswer(403), UpstreamUnauthorized, 2),
        (ScriptedAnswer(404), UpstreamUnauthorized, 1),
        (ScriptedAnswer(body=b"<html>"), UpstreamUnauthorized, 1),
        (ScriptedAnswer(body=b"[]"), UpstreamUnauthorized, 1),
        (ScriptedAnswer(body=b'{"token": ""}'), UpstreamUnauthorized, 1),
        (ScriptedAnswer(body=b'{"token": "two\\r\\nlines"}'), UpstreamUnauthorized, 1),
        (ScriptedAnswer(500), UpstreamUnavailable, 1),
        (ScriptedAnswer(503), UpstreamUnavailable, 3),
    ],
    ids=str,
)
async def test_without_a_token_nothing_is_asked(
    secrets: SecretStore, tenant: str, answer: ScriptedAnswer, error: type[UpstreamError], tries: int
) -> None:
    async with scripted(in_turn(LISTING), in_turn(answer)) as vendor:
        with pytest.raises(error):
            await listing(rde(vendor, secrets), tenant)
    assert vendor.paths() == ["/token"] * tries


async def test_a_caller_that_gives_up_while_fetching_the_token_blocks_no_other(
    secrets: SecretStore, tenant: str
) -> None:
    slow_once = in_turn(ScriptedAnswer(seconds_before=30), token("t0k3n"))
    async with scripted(in_turn(LISTING), slow_once) as vendor:
        api = rde(vendor, secrets)
        waiting = asyncio.create_task(listing(api, tenant))
        with pytest.raises(UpstreamTimeout):
            await api.reports(tenant, FIRST, LAST, Deadline.after(0.2))
        assert await asyncio.wait_for(waiting, 5) == []


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
        api = replace(rde(vendor, secrets), xlsx_name=setting)
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


async def test_one_report_is_asked_for_by_its_id(secrets: SecretStore, tenant: str) -> None:
    path = "/reports/a%2Fb"
    answers = {"/token": in_turn(token("t")), path: in_turn(ScriptedAnswer(body=json.dumps(SCHEDULED).encode()))}
    async with ScriptedVendor(by_path(answers)) as vendor:
        report = await rde(vendor, secrets).report(tenant, "a/b", Deadline.after(5))
    assert report.report_id == SCHEDULED["id"]
    assert vendor.seen[-1].headers["x-subscription-key"] == "k3y-one"


async def test_a_report_that_the_vendor_does_not_know_is_told_by_the_errors_status(
    secrets: SecretStore, tenant: str
) -> None:
    answers = {"/token": in_turn(token("t")), "/reports/x": in_turn(ScriptedAnswer(404))}
    async with ScriptedVendor(by_path(answers)) as vendor:
        with pytest.raises(UpstreamBadResponse) as caught:
            await rde(vendor, secrets).report(tenant, "x", Deadline.after(5))
    assert caught.value.status == 404


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


@pytest.mark.parametrize(
    "refusal",
    [
        ScriptedAnswer(400, b'{"message": "no such period, Bearer t0k3n.abc"}', {"X-Correlation-ID": "c-17"}),
        ScriptedAnswer(400, b'{"message": "no such period, Bearer t0k3n.abc", "correlationId": "c-17"}'),
    ],
    ids=["in the header", "in the body"],
)
async def test_what_the_vendors_support_asks_for_is_in_the_error_and_in_the_log(
    secrets: SecretStore, tenant: str, refusal: ScriptedAnswer, caplog: pytest.LogCaptureFixture
) -> None:
    async with scripted(in_turn(refusal)) as vendor:
        with pytest.raises(UpstreamBadResponse) as caught:
            await listing(rde(vendor, secrets), tenant)
    assert (caught.value.correlation_id, caught.value.status) == ("c-17", 400)
    assert "no such period" not in caught.value.reason
    [line] = [record.getMessage() for record in caplog.records if record.name == "tally.upstreams"]
    assert "status 400, correlation id c-17" in line
    assert "no such period" in line
    assert "t0k3n" not in line


async def test_an_answer_that_cannot_be_read_has_its_correlation_id_too(secrets: SecretStore, tenant: str) -> None:
    async with scripted(in_turn(ScriptedAnswer(body=b"<html>", headers={"X-Correlation-ID": "c-18"}))) as vendor:
        with pytest.raises(UpstreamBadResponse) as caught:
            await listing(rde(vendor, secrets), tenant)
    assert caught.value.correlation_id == "c-18"


async def test_seconds_to_wait_are_in_the_error(secrets: SecretStore, tenant: str) -> None:
    async with scripted(in_turn(ScriptedAnswer(503, headers={"Retry-After": "120"}))) as vendor:
        with pytest.raises(UpstreamUnavailable) as caught:
            await listing(rde(vendor, secrets), tenant)
    assert caught.value.retry_after == 120
