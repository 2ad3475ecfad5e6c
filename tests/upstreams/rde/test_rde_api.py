"""RDE's listings and reports as requests, and what an error of it holds."""

import base64
import json

import pytest

from runtime.deadline import Deadline
from tests.support.vendors.scripted_rde import LISTING, SCHEDULED, listing, rde, scripted, token
from tests.support.vendors.scripted_vendor import ScriptedAnswer, ScriptedVendor, by_path, in_turn
from upstreams.errors import (
    UpstreamBadResponse,
    UpstreamUnavailable,
)
from upstreams.secrets import SecretStore

pytestmark = pytest.mark.anyio


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


async def test_one_report_is_asked_for_by_its_id(secrets: SecretStore, tenant: str) -> None:
    path = "/reports/a%2Fb"
    answers = {"/token": in_turn(token("t")), path: in_turn(ScriptedAnswer(body=json.dumps(SCHEDULED).encode()))}
    async with ScriptedVendor(by_path(answers)) as vendor:
        report = await rde(vendor, secrets).report(tenant, "a/b", Deadline.after(5))
    assert report.report_id == SCHEDULED["id"]
    assert vendor.seen[-1].headers["x-subscription-key"] == "k3y-one"


async def test_a_report_that_the_vendor_does_not_know_is_an_error_with_its_status(
    secrets: SecretStore, tenant: str
) -> None:
    answers = {"/token": in_turn(token("t")), "/reports/x": in_turn(ScriptedAnswer(404))}
    async with ScriptedVendor(by_path(answers)) as vendor:
        with pytest.raises(UpstreamBadResponse) as caught:
            await rde(vendor, secrets).report(tenant, "x", Deadline.after(5))
    assert caught.value.status == 404


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
