"""RDE's access tokens: shared by calls, renewed in time and after a refusal, one for each tenant."""

import asyncio
import base64
import json
from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from runtime.deadline import Deadline
from tests.support.vendors.planted_secrets import RDE, PutSecret
from tests.support.vendors.scripted_rde import FIRST, LAST, LISTING, listing, rde, scripted, token
from tests.support.vendors.scripted_vendor import ScriptedAnswer, ScriptedVendor, Seen, by_path, in_turn
from upstreams.errors import (
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnauthorized,
    UpstreamUnavailable,
)
from upstreams.secrets import SecretStore

pytestmark = pytest.mark.anyio


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
    put_secret(f"{tenant}-b", "rde", RDE | {"username": "second-reseller", "subscriptionKey": "k3y-two"})

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
