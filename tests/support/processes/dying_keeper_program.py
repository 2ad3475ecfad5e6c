"""A keeper that dies at a given write, and is started again; the program runs it once for each death it is told.

Its children are forked with everything loaded and before anything has begun a thread, so that each starts in no time.
Every death has a bucket of its own, so that each ends in a state that can be compared.
"""

import asyncio
import json
import os
import sys
import traceback
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from functions.settings import Settings
from ledger.keeper.run import KeeperRun
from ledger.storage.bucket import ABSENT, PART_BYTES
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from runtime.clock import Clock
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.exporting_process import DyingBucket, QuickParts
from upstreams.secrets import SecretStore
from upstreams.transport import trusted

AT_ONCE = 4


class DyingOnTheWay(DyingBucket):
    """Dies in the middle of a large file as well: each half of a part counts as a write; a lease's renewal does not."""

    async def put(self, key: str, body: bytes, attributes: Mapping[str, str], condition: str | None) -> str | None:
        renewal = condition not in {None, ABSENT}  # how many there are is a matter of speed
        put = partial(S3Bucket.put, self) if renewal else super().put
        return await put(key, body, attributes, condition)

    async def upload(self, key: str, chunks: AsyncIterator[bytes], attributes: Mapping[str, str]) -> None:
        await super().upload(key, self._counted(chunks), attributes)

    async def _counted(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        passed = 0
        async for chunk in chunks:
            yield chunk
            halves = (passed + len(chunk)) // (PART_BYTES // 2) - passed // (PART_BYTES // 2)
            passed += len(chunk)
            for _ in range(halves):
                await self.mortal(_nothing)


async def _nothing() -> None:
    """A place to die at."""


class KnownSecrets(QuickParts):
    """Parts whose credentials have been read already: making a client for that is most of a child's life."""

    def __init__(self, settings: Settings, clock: Clock, store: Store, secrets: SecretStore) -> None:
        super().__init__(settings, clock, store)
        self.secrets = secrets


async def known_secrets() -> SecretStore:
    """The tenant's credentials, kept for every child."""
    secrets = SecretStore(os.environ["SECRET_PREFIX"], os.environ["AWS_ENDPOINT_URL"])
    await secrets.read("default", "rde")
    await secrets.read("default", "openmarket")
    return secrets


async def tenants() -> dict[str, frozenset[str]]:
    """Who they are, without asking."""
    return {"default": frozenset({"rde", "openmarket"})}


async def only_reports() -> dict[str, frozenset[str]]:
    """The tenant, as one who has no credits."""
    return {"default": frozenset({"rde"})}


async def keep(secrets: SecretStore, bucket: str, death: int, days: int, moment: datetime) -> DyingOnTheWay:
    """One run that dies right after its nth write, or not at all when that is zero."""
    settings = Settings.read({**os.environ, "LEDGER_BUCKET": bucket})
    objects = DyingOnTheWay(bucket, settings.aws_endpoint_url)
    objects.death = death
    keeper = KnownSecrets(settings, MovingClock(moment), Store(objects), secrets).keeper
    run = KeeperRun(Deadline.after(120))
    who = tenants if days > 1 else only_reports
    await replace(keeper, credit_days=replace(keeper.credit_days, days=days), tenants=who).keep(run)
    if run.failed or not run.complete:
        raise RuntimeError(f"not kept: {run}")
    return objects


def fork(secrets: SecretStore, bucket: str, death: int, days: int, moment: datetime) -> int:
    """A child that keeps the deployment."""
    child = os.fork()
    if child:
        return child
    try:
        asyncio.run(keep(secrets, bucket, death, days, moment))
    except Exception:  # noqa: BLE001 - the forked copy of everything must not go on, whatever happens
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main(buckets: dict[str, int], days: int, moment: datetime) -> None:
    """Die and rise in each bucket, some at once; print how each of the two ended."""
    trusted()
    secrets = asyncio.run(known_secrets())
    ended: dict[str, list[int]] = {bucket: [] for bucket in buckets}
    for at in range(0, len(buckets), AT_ONCE):
        some = list(buckets.items())[at : at + AT_ONCE]
        for dying in (True, False):
            children = {bucket: fork(secrets, bucket, death if dying else 0, days, moment) for bucket, death in some}
            for bucket, child in children.items():
                ended[bucket].append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(json.dumps(ended))  # noqa: T201 - the answer to whoever started us


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), int(sys.argv[2]), datetime.fromisoformat(sys.argv[3]))
