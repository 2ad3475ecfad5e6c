"""Reads the rows and rollups of days: from memory, from S3, or from the vendor when S3 has lost them.

Each object is read once at a time, and all queries that need it share the read.
"""

import logging

from ledger.credits.day_fetcher import DayFetcher
from ledger.credits.day_query import LOST_DAYS, DayQuery, VersionMemory
from ledger.credits.shared_reads import SharedReads
from ledger.days.day_store import DayVersion
from ledger.days.rollups import EMPTY_ROLLUP, CorruptRollup, Detail, Rollup
from ledger.days.rows import NO_ROWS, Rows
from ledger.storage.store import LedgerUnavailable
from runtime.memory import Memory

LOG = logging.getLogger("tally.ledger")

ROWS_BYTES = 96 * 1024 * 1024
ROLLUP_BYTES = ROWS_BYTES // 4
CELL_BYTES = 66
"""The memory that a cell takes: a short string and its place in a list."""


class DayReader:
    """The rows and rollups of every tenant's days; one object for the life of a process."""

    def __init__(self, fetcher: DayFetcher, versions: VersionMemory) -> None:
        self._fetcher = fetcher
        self._versions = versions
        self._rows: Memory[str, Rows] = Memory(ROWS_BYTES)
        self._rollups: Memory[str, Rollup] = Memory(ROLLUP_BYTES)
        self._reads = SharedReads()

    def remember_no_rows(self) -> None:
        """Keep no rows in memory, for a process that reads every day once."""
        self._rows = Memory(0)

    async def rows(self, query: DayQuery, version: DayVersion) -> Rows:
        """A version's rows.

        Raises:
            UpstreamError: S3 has lost them, and the vendor failed as well.
            LedgerUnavailable: S3 has lost them and the vendor's have changed since, or there is no time to ask.
        """
        if version.count == 0:
            return NO_ROWS
        if version.rows is not None:
            return version.rows
        key = _key(query, version)
        rows = self._rows.recall(key)
        if rows is None:
            rows = await self._reads.get(f"rows {key}", lambda: self._read_rows(query, version, key))
        return rows

    async def rollup(self, query: DayQuery, version: DayVersion, detail: Detail = Detail.DAY) -> Rollup:
        """A version's rollup, parsed to the detail that is wanted.

        Raises:
            UpstreamError, LedgerUnavailable: it had to be made from the rows, see `rows`.
        """
        if version.count == 0:
            return EMPTY_ROLLUP
        key = _key(query, version)
        rollup = self._rollups.recall(key)
        if rollup is None:
            rollup = await self._reads.get(f"rollup {key}", lambda: self._read_rollup(query, version, key))
        if not rollup.is_parsed(detail):
            rollup = _parsed(rollup, detail, key) or await self._from_rows(query, version, detail)
            self._rollups.remember(key, rollup, rollup.size)
        return rollup

    async def _from_rows(self, query: DayQuery, version: DayVersion, detail: Detail) -> Rollup:
        made = Rollup.of(await self.rows(query, version))
        return made.parsed(detail) or made

    async def _read_rows(self, query: DayQuery, version: DayVersion, key: str) -> Rows:
        rows = await self._stored_rows(query, version)
        if rows is None:
            rows = await self._fetch_again(query, version, key)
        self._rows.remember(key, rows, len(rows.cells) * CELL_BYTES)
        return rows

    async def _stored_rows(self, query: DayQuery, version: DayVersion) -> Rows | None:
        try:
            return await query.store.rows(version)
        except LedgerUnavailable as error:
            if not query.deadline.remaining():
                raise
            LOG.warning("fetching %s again: %s", version.day, error)
            return None

    async def _fetch_again(self, query: DayQuery, lost: DayVersion, key: str) -> Rows:
        """Lost rows, from the vendor. Other rows than the lost ones would contradict the query's other figures."""
        if query.lost_days >= LOST_DAYS:
            raise LedgerUnavailable(f"the rows of {lost.day} and of {LOST_DAYS} other days cannot be read")
        query.lost_days += 1
        self._versions.forget(query, lost.day)
        (fetched,) = (await self._fetcher.fetch(query, [lost.day])).versions
        # The rows of a large answer are in S3 only.
        rows = (fetched.rows if fetched.rows is not None else await query.store.rows(fetched)) or NO_ROWS
        rollup, known = Rollup.of(rows), self._rollups.recall(key)
        if len(rows) != lost.count or (known and known.whole != rollup.whole):
            raise LedgerUnavailable(f"the rows of {lost.day} were lost and have changed since")
        self._rollups.remember(key, rollup, rollup.size)
        return rows

    async def _read_rollup(self, query: DayQuery, version: DayVersion, key: str) -> Rollup:
        stored = await self._stored_rollup(query, version)
        # If the rows have been fetched again in the meantime, their rollup is in memory by now.
        rollup = self._rollups.recall(key) or stored or Rollup.of(await self.rows(query, version))
        self._rollups.remember(key, rollup, rollup.size)
        return rollup

    async def _stored_rollup(self, query: DayQuery, version: DayVersion) -> Rollup | None:
        if version.rows is not None:
            return None
        try:
            return await query.store.rollup(version)
        except LedgerUnavailable as error:
            LOG.warning("adding up the rows of %s: %s", version.day, error)
            return None


def _parsed(rollup: Rollup, detail: Detail, key: str) -> Rollup | None:
    """The rollup with its detail parsed; None when that is missing or unreadable: it has to be made from the rows."""
    try:
        return rollup.parsed(detail)
    except CorruptRollup as error:
        LOG.warning("the rollup of %s: %s", key, error)
        return None


def _key(query: DayQuery, version: DayVersion) -> str:
    return f"{query.store.folder}/{version.day}/{version.id}"
