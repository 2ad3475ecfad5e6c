"""Many real processes that ask for the same days at the same time; run as a program, one line of JSON comes from each.

They are forked once everything is imported, so that they really begin together.
"""

import asyncio
import json
import os
import sys
from datetime import datetime

from functions.settings import Settings
from functions.wiring import ledger_of
from ledger.moments import Period
from ledger.selection import Selection
from upstreams.deadline import Deadline


async def ask(start: datetime, end: datetime) -> dict[str, object]:
    """What one process answers."""
    log = ledger_of(Settings.read()).credit_log
    period = Period(start, end)
    held = await log.held("default", None, period, Deadline.after(25))
    selection = Selection(log, held, period, None)
    summary = await selection.summary(frozenset())
    return {
        "count": await selection.count(),
        "rows": len((await selection.page(10_000, None)).rows),
        "amounts": sorted(str(bucket.amount) for bucket in summary),
        "stale": held.freshness.stale,
    }


def main() -> None:
    """Start as many processes as said; each prints its answer."""
    number, start, end = int(sys.argv[1]), *map(datetime.fromisoformat, sys.argv[2:4])
    children = []
    for _ in range(number):
        child = os.fork()
        if child == 0:
            print(json.dumps(asyncio.run(ask(start, end))), flush=True)  # noqa: T201 - its answer
            os._exit(0)
        children.append(child)
    sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))


if __name__ == "__main__":
    main()
