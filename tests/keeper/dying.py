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

import boto3

from functions.settings import Settings
from ledger.run import Run
from ledger.store import PART_BYTES
from tests.ledger.exporting import DyingStore, QuickParts
from tests.moving_clock import MovingClock
from upstreams.deadline import Deadline
from upstreams.transport import trusted

DAYS = 5
AT_ONCE = 4


class DyingOnTheWay(DyingStore):
    """Dies in the middle of a large file as well: each half of a part counts as a write."""

    async def upload(self, key: str, chunks: AsyncIterator[bytes], attributes: Mapping[str, str]) -> None:
        await super().upload(key, self._counted(chunks), attributes)

    async def _counted(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        passed = 0
        async for chunk in chunks:
            yield chunk
            halves = (passed + len(chunk)) // (PART_BYTES // 2) - passed // (PART_BYTES // 2)
            passed += len(chunk)
            for _ in range(halves):
                await self._mortal(_nothing)


async def _nothing() -> None:
    """A place to die at."""


async def keep(bucket: str, death: int, moment: datetime) -> DyingOnTheWay:
    """One run that dies right after its nth write, or not at all when that is zero."""
    settings = Settings.read({**os.environ, "LEDGER_BUCKET": bucket})
    store = DyingOnTheWay(bucket, settings.aws_endpoint_url)
    store.death = death
    keeper = QuickParts(settings, MovingClock(moment), store).keeper
    run = Run(Deadline.after(120))
    await replace(keeper, settling=replace(keeper.settling, days=DAYS)).keep(run)
    if run.failed or not run.complete:
        raise RuntimeError(f"not kept: {run}")
    return store


def fork(bucket: str, death: int, moment: datetime) -> int:
    """A child that keeps the house."""
    child = os.fork()
    if child:
        return child
    try:
        asyncio.run(keep(bucket, death, moment))
    except Exception:  # noqa: BLE001 - the forked copy of everything must not go on, whatever happens
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main(buckets: dict[str, int], moment: datetime) -> None:
    """Die and rise in each bucket, some at once; print how each of the two ended."""
    trusted()
    boto3.session.Session()
    ended: dict[str, list[int]] = {bucket: [] for bucket in buckets}
    for at in range(0, len(buckets), AT_ONCE):
        some = list(buckets.items())[at : at + AT_ONCE]
        for dying in (True, False):
            children = {bucket: fork(bucket, death if dying else 0, moment) for bucket, death in some}
            for bucket, child in children.items():
                ended[bucket].append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(json.dumps(ended))  # noqa: T201 - the answer to whoever started us


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), datetime.fromisoformat(sys.argv[2]))
