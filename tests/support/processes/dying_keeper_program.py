"""A keeper that is killed at its nth write and started again, once for each n.

A first keeper runs undisturbed and counts its writes. Each of the others has a bucket of its own, so that the final
states can be compared.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cached_property, partial

from functions.settings import Settings
from ledger.credits.settlement import SettlementRule
from ledger.keeper.run import KeeperRun
from ledger.storage.bucket import ABSENT, PART_BYTES
from ledger.storage.lease_records import GIVEN_BACK_BYTES
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from runtime.clock import Clock
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.exporting_process import LEASE_SECONDS, DyingBucket, QuickParts
from tests.support.processes.forks import in_groups, result_of_first
from tests.support.processes.short_months import one_day
from upstreams.openmarket.client import OpenMarket
from upstreams.secrets import SecretStore
from upstreams.transport import trusted


class DyingOnTheWay(DyingBucket):
    """Can also be killed within a large file: each half of a part counts as a write; renewing a lease does not."""

    async def put(self, key: str, body: bytes, attributes: Mapping[str, str], condition: str | None) -> str | None:
        renewal = condition not in {None, ABSENT} and len(body) != GIVEN_BACK_BYTES  # their number depends on speed
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
    """Where the process may be killed."""


class KnownSecrets(QuickParts):
    """Parts with the credentials already read, since making a client for them would take most of a child's time.

    Every answer of OpenMarket goes to disk, as large ones do: that way has the most steps. Each day is a month of its
    own, so that months are written as well.
    """

    def __init__(self, settings: Settings, clock: Clock, store: Store, secrets: SecretStore) -> None:
        super().__init__(settings, clock, store)
        self.secrets = secrets

    @cached_property
    def settlement(self) -> SettlementRule:
        return SettlementRule(self.ageing, one_day)

    @cached_property
    def openmarket(self) -> OpenMarket:
        return replace(super().openmarket, in_memory=0)


async def known_secrets() -> SecretStore:
    """The tenant's credentials, for every child."""
    secrets = SecretStore(os.environ["SECRET_PREFIX"], os.environ["AWS_ENDPOINT_URL"])
    await secrets.read("default", "rde")
    await secrets.read("default", "openmarket")
    return secrets


async def tenants() -> dict[str, frozenset[str]]:
    """The tenants, without asking Secrets Manager."""
    return {"default": frozenset({"rde", "openmarket"})}


async def only_reports() -> dict[str, frozenset[str]]:
    """The tenant with credentials for RDE alone."""
    return {"default": frozenset({"rde"})}


async def keep(secrets: SecretStore, bucket: str, death: int, days: int, moment: datetime) -> DyingOnTheWay:
    """One run that is killed right after its nth write; 0: never."""
    settings = Settings.read({**os.environ, "LEDGER_BUCKET": bucket})
    objects = DyingOnTheWay(bucket, settings.aws_endpoint_url)
    objects.death = death
    keeper = KnownSecrets(settings, MovingClock(moment), Store(objects), secrets).keeper
    run = KeeperRun(Deadline.after(120))
    who = tenants if days > 1 else only_reports
    await replace(keeper, credit_days=replace(keeper.credit_days, days=days), tenants=who).work(run)
    if run.failed or not run.complete:
        raise RuntimeError(f"not kept: {run}")
    return objects


def main(buckets: list[str], days: int, moment: datetime) -> None:
    """Run the keeper in the settings' bucket, and twice in each of `buckets`, killed and then not.

    Prints how often it writes, and the exit codes for each bucket that was needed; the nth is for the nth write.
    """
    trusted()
    secrets = asyncio.run(known_secrets())

    async def writes_in(bucket: str, death: int) -> int:
        return (await keep(secrets, bucket, death, days, moment)).writes

    writes = result_of_first(partial(writes_in, os.environ["LEDGER_BUCKET"], 0))
    needed = buckets[:writes]
    died = in_groups({bucket: partial(writes_in, bucket, death) for death, bucket in enumerate(needed, start=1)})
    time.sleep(LEASE_SECONDS)  # the dead ones' leases have to expire
    risen = in_groups({bucket: partial(writes_in, bucket, 0) for bucket in needed})
    ended = {bucket: [died[bucket], risen[bucket]] for bucket in needed}
    print(json.dumps([writes, ended]))  # noqa: T201 - this program's result


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), int(sys.argv[2]), datetime.fromisoformat(sys.argv[3]))
