import asyncio
import json
import logging

import pytest

from local.aws import Aws
from tests.support.s3.recorded_aws import listening
from tests.support.vendors.planted_secrets import OPENMARKET, RDE, PutSecret
from tests.support.vendors.scripted_vendor import ScriptedAnswer, ScriptedVendor, in_turn
from upstreams.errors import UpstreamUnauthorized
from upstreams.secrets import OpenMarketSecret, RdeSecret, SecretStore, SecretsUnavailable

pytestmark = pytest.mark.anyio


async def test_a_tenants_secrets_become_typed_values(secrets: SecretStore, tenant: str) -> None:
    assert await secrets.read(tenant, "rde") == RdeSecret("resel", "rde-p4ss", "k3y-one", "eu")
    assert await secrets.read(tenant, "openmarket") == OpenMarketSecret("Acc-1", "om:p4ss-ü")


async def test_a_secret_never_prints_itself(secrets: SecretStore, tenant: str) -> None:
    printed = f"{await secrets.read(tenant, 'rde')!r} {await secrets.read(tenant, 'openmarket')}"
    assert printed == "RdeSecret() OpenMarketSecret()"


async def test_many_readers_of_one_secret_make_one_call(aws: Aws, tenant: str) -> None:
    with listening(aws.endpoint) as targets:
        store = SecretStore("tally", targets.url)
        await asyncio.gather(*(store.read(tenant, "rde") for _ in range(8)))
        await store.read(tenant, "rde")
        assert targets.secrets == [f"tally/{tenant}/rde"]
        await asyncio.gather(*(store.read(tenant, "rde", refresh=True) for _ in range(8)))
        assert targets.secrets == [f"tally/{tenant}/rde"] * 2


async def test_a_rotated_secret_is_seen_when_read_again(
    secrets: SecretStore, tenant: str, put_secret: PutSecret
) -> None:
    await secrets.read(tenant, "openmarket")
    put_secret(tenant, "openmarket", OPENMARKET | {"password": "new"})
    assert (await secrets.read(tenant, "openmarket")).password == OPENMARKET["password"]
    assert (await secrets.read(tenant, "openmarket", refresh=True)).password == "new"
    assert (await secrets.read(tenant, "openmarket")).password == "new"


@pytest.mark.parametrize(
    "value",
    [
        "rde-p4ss, not JSON",
        "[]",
        '"rde-p4ss"',
        "[" * 20_000,
        json.dumps(RDE | {"password": 7.5}),
        json.dumps(RDE | {"password": True}),
        json.dumps(RDE | {"username": ""}),
        json.dumps(RDE | {"subscriptionKey": "k3y\r\nX-Other: 1"}),
        json.dumps({key: value for key, value in RDE.items() if key != "marketplace"}),
        json.dumps(OPENMARKET),
    ],
    ids=lambda value: value[:40],
)
async def test_a_malformed_secret_is_named_in_the_log_and_never_quoted(
    secrets: SecretStore, tenant: str, put_secret: PutSecret, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    put_secret(f"{tenant}-odd", "rde", value)
    with pytest.raises(UpstreamUnauthorized, match="malformed") as caught:
        await secrets.read(f"{tenant}-odd", "rde")
    assert f"tally/{tenant}-odd/rde is malformed" in caplog.text
    assert "p4ss" not in caplog.text + str(caught.value)


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (RDE | {"password": ""}, "password is missing"),
        (RDE | {"subscriptionKey": "k3y one"}, "subscriptionKey holds a character"),
        (RDE | {"grant": "code"}, "grant is neither"),
        (RDE | {"grant": "password", "clientId": "c", "clientSecret": "s"}, "tokenUrl is missing"),
        (RDE | {"grant": "password", "tokenUrl": "http://realm.example/", "clientId": "c"}, "tokenUrl is not an https"),
        ({key: value for key, value in RDE.items() if key != "marketplace"}, "marketplace is missing"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
async def test_the_log_says_which_key_of_a_malformed_secret_is_wrong(
    secrets: SecretStore, tenant: str, put_secret: PutSecret, caplog: pytest.LogCaptureFixture, value: object, key: str
) -> None:
    put_secret(f"{tenant}-odd", "rde", value)
    with pytest.raises(UpstreamUnauthorized):
        await secrets.read(f"{tenant}-odd", "rde")
    assert f"tally/{tenant}-odd/rde is malformed: {key}" in caplog.text


async def test_a_binary_secret_is_read_as_text(aws: Aws, secrets: SecretStore) -> None:
    body = b"\xef\xbb\xbf" + json.dumps(RDE).encode()
    aws.client("secretsmanager").create_secret(Name="tally/binary/rde", SecretBinary=body)
    assert (await secrets.read("binary", "rde")).username == RDE["username"]


async def test_a_binary_secret_that_is_not_text_is_named_as_what_it_is(
    aws: Aws, secrets: SecretStore, caplog: pytest.LogCaptureFixture
) -> None:
    aws.client("secretsmanager").create_secret(Name="tally/garbage/rde", SecretBinary=b"\xff\xfe\x00")
    with pytest.raises(UpstreamUnauthorized, match="malformed"):
        await secrets.read("garbage", "rde")
    assert "tally/garbage/rde is malformed: it is binary" in caplog.text


async def test_a_number_is_read_as_its_digits_and_white_space_is_sent_but_mentioned(
    secrets: SecretStore, tenant: str, put_secret: PutSecret, caplog: pytest.LogCaptureFixture
) -> None:
    put_secret(f"{tenant}-odd", "openmarket", {"accountId": 17, "password": "om:p4ss\n"})
    assert await secrets.read(f"{tenant}-odd", "openmarket") == OpenMarketSecret("17", "om:p4ss\n")
    assert "the value of password begins or ends with white space" in caplog.text
    assert "p4ss" not in caplog.text


async def test_a_missing_secret_is_named_in_the_log(secrets: SecretStore, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(UpstreamUnauthorized, match="no credentials"):
        await secrets.read("nobody", "openmarket")
    assert "tally/nobody/openmarket does not exist" in caplog.text


async def test_a_secret_that_could_not_be_read_is_asked_for_again(
    secrets: SecretStore, tenant: str, put_secret: PutSecret
) -> None:
    late = f"{tenant}-late"
    with pytest.raises(UpstreamUnauthorized):
        await secrets.read(late, "rde")
    put_secret(late, "rde", RDE)
    assert (await secrets.read(late, "rde")).username == "resel"


async def test_openmarkets_keys_are_checked_too(secrets: SecretStore, tenant: str, put_secret: PutSecret) -> None:
    put_secret(f"{tenant}-odd", "openmarket", {"accountId": ["17"], "password": "om:p4ss"})
    with pytest.raises(UpstreamUnauthorized, match="malformed"):
        await secrets.read(f"{tenant}-odd", "openmarket")


@pytest.mark.usefixtures("aws")
async def test_a_secrets_manager_that_refuses_is_named_with_its_code(caplog: pytest.LogCaptureFixture) -> None:
    denial = ScriptedAnswer(
        400, b'{"__type": "AccessDeniedException", "Message": "User arn:aws:iam::1:x is not authorized"}'
    )
    async with ScriptedVendor(in_turn(denial)) as manager:
        with pytest.raises(UpstreamUnauthorized, match="could not be read"):
            await SecretStore("tally", manager.base_url).read("acme", "rde")
    assert "tally/acme/rde could not be read: AccessDeniedException" in caplog.text


@pytest.mark.usefixtures("aws")
async def test_a_secrets_manager_that_is_not_there_has_a_reason_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    nowhere = SecretStore("tally", "http://127.0.0.1:1")
    with pytest.raises(UpstreamUnauthorized, match="could not be read"):
        await nowhere.read("acme", "rde")
    assert "tally/acme/rde could not be read: EndpointConnectionError" in caplog.text
    with pytest.raises(SecretsUnavailable):
        await nowhere.tenants()


@pytest.mark.usefixtures("aws")
async def test_credentials_of_our_own_that_cannot_be_refreshed_are_the_vendors_refusal_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expired = {"AccessKeyId": "AKIA", "SecretAccessKey": "x", "Token": "x", "Expiration": "2019-12-04T00:00:00Z"}
    async with ScriptedVendor(lambda _: ScriptedAnswer(200, json.dumps(expired).encode())) as snapshot:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{snapshot.base_url}/credentials")
        with pytest.raises(UpstreamUnauthorized, match="could not be read"):
            await SecretStore("tally", "http://127.0.0.1:2").read("acme", "rde")
    assert "tally/acme/rde could not be read: Credentials were refreshed, but" in caplog.text


async def test_botocore_is_not_heard_below_a_warning(aws: Aws, tenant: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await SecretStore("tally", aws.endpoint).read(tenant, "rde")
    assert not [record.getMessage() for record in caplog.records if record.name.startswith("botocore")]


async def test_even_at_debug_no_log_line_holds_a_secret(
    aws: Aws, tenant: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await SecretStore("tally", aws.endpoint).read(tenant, "rde")
    assert "p4ss" not in caplog.text


async def test_tenants_are_those_with_a_secret_under_the_prefix(aws: Aws) -> None:
    names = ["a/rde", "a/openmarket", "b-2_X/openmarket", "c/other", "d", "e/rde/old", f"{'x' * 65}/rde"]
    for name in [f"house/{name}" for name in names] + ["household/z/rde", "in/house/y/rde"]:
        aws.put_secret(name, "{}")
    both, one = frozenset({"rde", "openmarket"}), frozenset({"openmarket"})
    assert await SecretStore("house", aws.endpoint).tenants() == {"a": both, "b-2_X": one}


async def test_tenants_beyond_one_page_are_found(aws: Aws) -> None:
    wanted = [f"t{number:03}" for number in range(105)]
    for tenant in wanted:
        aws.put_secret(f"many/{tenant}/rde", "{}")
    assert sorted(await SecretStore("many", aws.endpoint).tenants()) == wanted
