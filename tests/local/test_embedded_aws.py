"""The embedded AWS keeps what S3 promises about writes that race."""

import asyncio
import io
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from obstore.exceptions import AlreadyExistsError
from obstore.store import S3Store

from functions.settings import Settings
from local.aws import Aws, one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def test_of_many_racing_conditional_writes_exactly_one_wins(aws: Aws, bucket: str) -> None:
    store = S3Store(
        bucket, endpoint=aws.endpoint, client_options={"allow_http": True}, virtual_hosted_style_request=False
    )

    async def write(key: str) -> bool:
        try:
            await store.put_async(key, b"mine", mode="create")
        except AlreadyExistsError:
            return False
        return True

    async def race(key: str) -> int:
        return sum(await asyncio.gather(*(write(key) for _ in range(16))))

    async def races() -> list[int]:
        return [await race(f"lease-{number}") for number in range(10)]

    assert asyncio.run(races()) == [1] * 10


def test_requests_are_let_in_one_at_a_time() -> None:
    inside, most = 0, 0
    counting = threading.Lock()

    def app(_environ: "WSGIEnvironment", _start: "StartResponse") -> "Iterable[bytes]":
        nonlocal inside, most
        with counting:
            inside += 1
            most = max(most, inside)
        time.sleep(0.005)
        with counting:
            inside -= 1
        return [b""]

    serialised = one_at_a_time(app)
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(lambda _: serialised({"wsgi.input": io.BytesIO()}, lambda *_: lambda _: None), range(16)))
    assert most == 1


def test_a_secret_that_is_put_again_has_its_new_value(aws: Aws) -> None:
    aws.put_secret("rotated", {"password": "old"})
    aws.put_secret("rotated", {"password": "new"})
    assert json.loads(aws.client("secretsmanager").get_secret_value(SecretId="rotated")["SecretString"]) == {
        "password": "new"
    }


def test_the_settings_fixture_is_a_usable_environment(settings_environ: dict[str, str]) -> None:
    settings = Settings.read(settings_environ)
    assert settings.ledger_bucket == settings_environ["LEDGER_BUCKET"]
    assert settings.aws_endpoint_url
