"""Which days' rows a query asks for beside its look at what is stored, before it knows that they are there.

Settled rows have a single name, so the day in which a page begins need not wait for the LIST that says how it is
stored. The LIST decides: rows that it does not confirm are dropped. One GET is asked for in vain where a day is not
settled after all, which costs a twelfth of the LIST beside it (docs/decisions/early-rows.md).
"""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from ledger.days.rows import Position
from ledger.days.versions import DayVersion
from ledger.storage.store import StoredObject
from runtime.clock import Period, day_end, midnight

LOG = logging.getLogger("tally.ledger")

SETTLED_AFTER = timedelta(hours=1)
"""A day that could have been settled for so long normally is: the keeper comes every quarter of an hour."""
LATE_SECONDS = 0.1
"""How much longer than the LIST the rows may take before they are asked for again."""


class PageStart(NamedTuple):
    """Where a page of the log begins: after a position, or where its period does."""

    after: Position | None
    newest_first: bool

    def days(self, days: Sequence[date], period: Period) -> list[date]:
        """Of a period's days those that the page shows first: one, or two if the page begins within the first."""
        in_order = days[::-1] if self.newest_first else days
        moment = self.after[0] if self.after else period.end if self.newest_first else period.start
        if self.after:
            on = moment.date()
            in_order = [day for day in in_order if (day <= on if self.newest_first else day >= on)]
        if not in_order:
            return []
        begins_within = moment < day_end(in_order[0]) if self.newest_first else moment > midnight(in_order[0])
        return list(in_order[: 2 if begins_within else 1])


class EarlyRows:
    """The rows objects that one query has asked for early, by day."""

    def __init__(self) -> None:
        self._reads: dict[date, asyncio.Future[StoredObject | None]] = {}

    def __contains__(self, day: date) -> bool:
        return day in self._reads

    def begin(self, day: date, read: Awaitable[StoredObject | None]) -> None:
        """Ask for a day's rows; `read` gives None where there is nothing, and raises nothing."""
        self._reads[day] = asyncio.ensure_future(read)

    def drop_unconfirmed(self, versions: dict[date, DayVersion]) -> None:
        """Drop the days that are not settled or lie under another name, by the versions that a query has found."""
        for day in list(self._reads):
            version = versions.get(day)
            if version is None or not version.settled or version.count is None or version.folder is not None:
                self.drop(day)

    def drop(self, day: date) -> None:
        """Ask for a day no longer."""
        if (read := self._reads.pop(day, None)) is not None:
            read.cancel()

    async def get(self, day: date) -> StoredObject | None:
        """The rows object of a day; None when there is none, it is large, or S3 is late with it."""
        if (read := self._reads.get(day)) is None:
            return None
        done, _ = await asyncio.wait([read], timeout=LATE_SECONDS)
        if done and not read.cancelled():
            return read.result()
        LOG.info("the rows of %s are late, and are asked for again", day)
        return None
