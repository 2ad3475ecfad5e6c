"""Reads objects concurrently with obstore and discards them: the cost of S3 and its client alone."""

import asyncio
import os

import obstore
from obstore.store import S3Store

STORE = S3Store(
    os.environ["LEDGER_BUCKET"],
    endpoint=os.environ["AWS_ENDPOINT_URL"],
    virtual_hosted_style_request=False,
    client_options={"allow_http": True},
)
RUNNER = asyncio.Runner()


async def read(key):
    result = await obstore.get_async(STORE, key)
    return len(bytes(await result.bytes_async()))


async def read_all(keys):
    return sum(await asyncio.gather(*(read(key) for key in keys)))


def handler(event, _context):
    return RUNNER.run(read_all(event["keys"]))
