"""Many processes that query the same days at the same time; each prints one line of JSON.

They are forked once everything is imported, so that they really begin together. With `KILLED_AT_WRITE` a process is
killed as its n-th write begins.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property

from functions.settings import Settings
from functions.wiring import Parts
from ledger.figures.selection import Selection
from ledger.figures.summaries import SummaryRequest
from ledger.storage.leases import Leases
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from runtime.clock import Period, now
from runtime.deadline import Deadline


class MortalBucket(S3Bucket):
    """S3, until the process is killed before its nth write."""

    writes_left = int(os.environ.get("KILLED_AT_WRITE", sys.maxsize))

    async def put(self, key: str, body: bytes, attributes: Mapping[str, str], condition: str | None) -> str | None:
        self.writes_left -= 1
        if self.writes_left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return await super().put(key, body, attributes, condition)


class MortalParts(Parts):
    """A process with short leases."""

    @cached_property
    def leases(self) -> Leases:
        return Leases(self.store, 2.0)


async def ask(start: datetime, end: datetime) -> dict[str, object]:
    """The figures that one process answers."""
    settings = Settings.read()
    store = Store(MortalBucket(settings.ledger_bucket, settings.aws_endpoint_url))
    log = MortalParts(settings, now, store).credit_log
    period = Period(start, end)
    held = await log.snapshot("default", None, period, Deadline.after(25))
    selection = Selection(held, period, None)
    summary = await selection.summary(SummaryRequest(frozenset()))
    return {
        "count": await selection.count(),
        "rows": len((await selection.page(10_000, None)).rows),
        "amounts": sorted(str(bucket.amount) for bucket in summary),
        "stale": held.freshness.stale,
    }


def main() -> None:
    """Start so many processes; each prints its answer."""
    number, start, end = int(sys.argv[1]), *map(datetime.fromisoformat, sys.argv[2:4])
    children = []
    for _ in range(number):
        child = os.fork()
        if child == 0:
            print(json.dumps(asyncio.run(ask(start, end))), flush=True)  # noqa: T201 - its answer
            os._exit(0)
        children.append(child)
    exits = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    if -signal.SIGKILL in exits:
        os.kill(os.getpid(), signal.SIGKILL)
    sys.exit(max(exits))


if __name__ == "__main__":
    main()
