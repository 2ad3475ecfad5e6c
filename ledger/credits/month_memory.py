"""The month objects that a process knows: those it has read, and for a while those that it did not find.

Only months whose every day could be settled by now are looked for. One that is missing, unreadable or contradicted by
its days costs a query one read in a quarter of an hour, which is how often the keeper writes months.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from ledger.credits.day_query import DayQuery
from ledger.credits.settlement import SettlementRule
from ledger.credits.shared_reads import SharedReads
from ledger.days.months import CalendarMonth, CorruptMonth, Month, decode, month_key
from ledger.storage.store import LedgerUnavailable, Store
from runtime.clock import Clock
from runtime.memory import Memory

LOG = logging.getLogger("tally.ledger")

MONTHS_BYTES = 24 * 1024 * 1024
LOOK_AGAIN = timedelta(minutes=15)
MISSING_BYTES = 256 * 1024
KEY_BYTES = 256
"""The memory that a key takes with the moment beside it."""


class MonthMemory:
    """The months of every tenant and brand; one object for the life of a process."""

    def __init__(self, store: Store, settlement: SettlementRule, clock: Clock) -> None:
        self._store = store
        self._settlement = settlement
        self._clock = clock
        self._months: Memory[str, Month] = Memory(MONTHS_BYTES)
        self._missing: Memory[str, datetime] = Memory(MISSING_BYTES)
        self._reads = SharedReads()

    def recall(self, query: DayQuery, days: Sequence[date]) -> list[CalendarMonth]:
        """Give a query the months that are in memory; the result are those of its days that are worth a read."""
        worth_a_read = []
        for month in dict.fromkeys(map(self._settlement.month_of, days)):
            if self._settlement.overdue(month.last, query.began) < timedelta():
                continue
            key = month_key(query.store, month)
            if known := self._months.recall(key):
                query.use_month(known, days)
            elif (until := self._missing.recall(key)) is None or until <= query.began:
                worth_a_read.append(month)
        return worth_a_read

    async def read(self, query: DayQuery, months: Sequence[CalendarMonth], days: Sequence[date]) -> None:
        """Read months side by side, and give them to a query where they are there and can be read."""
        for month in await asyncio.gather(*(self._read(query, month) for month in months)):
            if month is not None:
                query.use_month(month, days)

    def forget(self, query: DayQuery, day: date) -> None:
        """Ignore the month of a day that contradicts it, until the keeper has had time to make it again."""
        self._ignore(month_key(query.store, self._settlement.month_of(day)))

    async def _read(self, query: DayQuery, month: CalendarMonth) -> Month | None:
        key = month_key(query.store, month)
        found = await self._reads.get(key, lambda: self._stored(key, month))
        if found is None:
            self._ignore(key)
        else:
            self._months.remember(key, found, found.size)
        return found

    def _ignore(self, key: str) -> None:
        self._months.forget(key)
        self._missing.remember(key, self._clock() + LOOK_AGAIN, KEY_BYTES)

    async def _stored(self, key: str, month: CalendarMonth) -> Month | None:
        try:
            stored = await self._store.get(key)
            return decode(stored.body, month) if stored else None
        except (CorruptMonth, LedgerUnavailable) as error:
            LOG.warning("planning without %s: %s", key, error)
            return None
