import base64
import datetime as dt

import pytest

from runtime.deadline import Deadline
from tests.support.vendors.planted_secrets import OPENMARKET, PutSecret
from tests.support.vendors.scripted_vendor import ScriptedAnswer, ScriptedVendor, Seen, in_turn
from upstreams.errors import UpstreamBadResponse, UpstreamUnauthorized
from upstreams.openmarket.client import CsvAnswer, LogRow, OpenMarket, OutcomeRow
from upstreams.secrets import SecretStore

pytestmark = pytest.mark.anyio

START = dt.datetime(2013, 9, 15, 13, 57, tzinfo=dt.UTC)
END = dt.datetime(2013, 10, 15, 16, 57, tzinfo=dt.timezone(dt.timedelta(hours=3)))
LOG = (
    b"Credit ID,Time (UTC),MSISDN,Network,Outcome,Amount,Currency\r\n"
    b"18446744073709551615,2013-09-20 10:11:12,447700900001,O2,SUCCESS,1.5,GBP\r\n"
)


def openmarket(vendor: ScriptedVendor, secrets: SecretStore) -> OpenMarket:
    return OpenMarket(base_url=vendor.base_url, upstream_seconds=5, secrets=secrets)


def basic(account: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{account}:{password}".encode()).decode()


async def test_the_log_is_asked_for_in_utc_with_every_character_escaped(secrets: SecretStore, tenant: str) -> None:
    async with ScriptedVendor(in_turn(ScriptedAnswer(body=LOG))) as vendor:
        answer = await openmarket(vendor, secrets).log(tenant, START, END, "A&B /+ü", Deadline.after(5))
    assert isinstance(answer, CsvAnswer)
    assert vendor.seen[0].target == (
        "/csv/log?fromTime=2013-09-15%2013%3A57%3A00%20UTC&toTime=2013-10-15%2013%3A57%3A00%20UTC"
        "&brand=A%26B%20%2F%2B%C3%BC"
    )
    assert vendor.seen[0].headers["authorization"] == basic(OPENMARKET["accountId"], OPENMARKET["password"])
    time = dt.datetime(2013, 9, 20, 10, 11, 12, tzinfo=dt.UTC)
    assert answer.rows == [LogRow(2**64 - 1, time, "447700900001", "O2", "SUCCESS", "1.5", "GBP")]


async def test_all_brands_are_asked_for_without_a_brand(secrets: SecretStore, tenant: str) -> None:
    body = b"Brand,Amount,Currency,Success,Failed,Credit Applied\nMyBrand,1.5,GBP,17,2,25.5000\n"
    async with ScriptedVendor(in_turn(ScriptedAnswer(body=body))) as vendor:
        answer = await openmarket(vendor, secrets).outcome(tenant, START, END, None, Deadline.after(5))
    assert vendor.seen[0].path == "/csv/outcome"
    assert "brand" not in vendor.seen[0].target
    assert answer.rows == [OutcomeRow("MyBrand", "1.5", "GBP", 17, 2, "25.5000")]


async def test_a_rotated_password_is_read_again_and_the_call_made_once_more(
    secrets: SecretStore, tenant: str, put_secret: PutSecret
) -> None:
    await secrets.read(tenant, "openmarket")
    put_secret(tenant, "openmarket", OPENMARKET | {"password": "rotated"})

    def script(seen: Seen) -> ScriptedAnswer:
        new = seen.headers["authorization"] == basic(OPENMARKET["accountId"], "rotated")
        return ScriptedAnswer(body=LOG) if new else ScriptedAnswer(status=401)

    async with ScriptedVendor(script) as vendor:
        answer = await openmarket(vendor, secrets).log(tenant, START, END, None, Deadline.after(5))
    assert isinstance(answer, CsvAnswer)
    assert len(answer.rows) == 1
    assert len(vendor.seen) == 2


async def test_a_second_refusal_is_final(secrets: SecretStore, tenant: str) -> None:
    async with ScriptedVendor(in_turn(ScriptedAnswer(status=401))) as vendor:
        with pytest.raises(UpstreamUnauthorized):
            await openmarket(vendor, secrets).log(tenant, START, END, None, Deadline.after(5))
    assert len(vendor.seen) == 2


async def test_a_tenant_without_a_secret_reaches_no_vendor(secrets: SecretStore) -> None:
    async with ScriptedVendor(in_turn(ScriptedAnswer(body=LOG))) as vendor:
        with pytest.raises(UpstreamUnauthorized):
            await openmarket(vendor, secrets).log("nobody", START, END, None, Deadline.after(5))
    assert vendor.seen == []


async def test_a_page_instead_of_a_file_is_not_an_answer(secrets: SecretStore, tenant: str) -> None:
    page = ScriptedAnswer(body=b"<html>Service maintenance</html>", headers={"Content-Type": "text/html"})
    async with ScriptedVendor(in_turn(page)) as vendor:
        with pytest.raises(UpstreamBadResponse):
            await openmarket(vendor, secrets).log(tenant, START, END, None, Deadline.after(5))
    assert len(vendor.seen) == 1


@pytest.mark.parametrize("status", [200, 204])
async def test_an_empty_body_means_no_credits(secrets: SecretStore, tenant: str, status: int) -> None:
    async with ScriptedVendor(in_turn(ScriptedAnswer(status=status))) as vendor:
        answer = await openmarket(vendor, secrets).log(tenant, START, END, None, Deadline.after(5))
    assert answer == CsvAnswer([], proven_whole=True)
