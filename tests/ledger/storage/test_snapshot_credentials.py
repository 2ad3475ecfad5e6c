"""A function that was started from a snapshot has no keys in its environment, and reaches its ledger all the same."""

import asyncio

import pytest

from deploy.snapshot import keys_on_request
from ledger.storage.credentials import snapshot_credentials
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import LedgerUnavailable, Store

KEYS = {"AWS_ACCESS_KEY_ID": "ASIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s3cret-Snapshot"}


def test_the_keys_are_asked_for_where_the_environment_says() -> None:
    with keys_on_request(KEYS) as environ:
        ask = snapshot_credentials(environ)
        assert ask is not None
        given = ask()
    assert (given["access_key_id"], given["secret_access_key"]) == tuple(KEYS.values())


def test_keys_in_the_environment_are_used_as_they_are() -> None:
    with keys_on_request(KEYS) as environ:
        assert snapshot_credentials(environ | KEYS) is None


@pytest.mark.parametrize("address", ["", "http://198.51.100.7/credentials", "file:///etc/passwd"])
def test_no_other_host_is_ever_asked_for_keys(address: str) -> None:
    assert snapshot_credentials({"AWS_CONTAINER_CREDENTIALS_FULL_URI": address}) is None


def test_a_refusal_of_keys_is_a_ledger_that_cannot_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    with keys_on_request(KEYS) as environ:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "wrong")
        with pytest.raises(LedgerUnavailable):
            asyncio.run(Store(S3Bucket("ledger", "http://127.0.0.1:9")).get("answers/x"))


@pytest.mark.anyio
async def test_a_link_says_when_the_keys_that_signed_it_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    with keys_on_request(KEYS) as environ:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        bucket = S3Bucket("ledger", "http://127.0.0.1:9")
        signed = await bucket.link("exports/x", 900)
        ask = snapshot_credentials(environ)
        assert ask is not None
        assert signed.keys_expire_at == ask()["expires_at"]
    assert KEYS["AWS_ACCESS_KEY_ID"] in signed.url
    assert "Signature" not in repr(signed)
