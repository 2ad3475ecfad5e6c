"""Finds rows that S3 has lost, or that a day's index does not lead to: in another version, or by another index.

A version that takes the place of a lost one must have the same rows, as far as the query knows them: others would
contradict its other figures. Rows are known by their positions, wherever the blocks of a version are cut.
"""

import logging
from dataclasses import replace
from datetime import date

from ledger.credits.day_fetcher import DayFetcher
from ledger.credits.day_memory import DayMemory, day_key
from ledger.credits.day_query import LOST_DAYS, DayQuery, VersionMemory
from ledger.credits.shared_reads import SharedReads
from ledger.days.blocks import Block, DayIndex, decode_index
from ledger.days.rollups import CorruptRollup, Rollup
from ledger.days.rows import Rows
from ledger.days.versions import DayVersion
from ledger.storage.store import LedgerUnavailable

LOG = logging.getLogger("tally.ledger")


class LostRows:
    """Finds another version for days whose rows are lost: in S3, or at the vendor."""

    def __init__(self, fetcher: DayFetcher, versions: VersionMemory, memory: DayMemory, reads: SharedReads) -> None:
        self._fetcher = fetcher
        self._versions = versions
        self._memory = memory
        self._reads = reads

    async def found_again(self, query: DayQuery, lost: DayVersion) -> DayVersion:
        """A version with the same rows as the lost one.

        Raises:
            UpstreamError: the vendor failed.
            LedgerUnavailable: the rows have changed, or too many days are lost.
        """
        again = query.fetched_again.get(lost.day)
        if again is None or again.id == lost.id:
            again = await self._reads.get(f"{day_key(query, lost)} again", lambda: self._fetch(query, lost))
            query.fetched_again[lost.day] = again
        return again

    async def _fetch(self, query: DayQuery, lost: DayVersion) -> DayVersion:
        if query.lost_days >= LOST_DAYS:
            raise LedgerUnavailable(f"the rows of {lost.day} and of {LOST_DAYS} other days cannot be read")
        query.lost_days += 1
        if (stored := await self._stored_since(query, lost)) is not None:
            return stored
        (fetched,) = (await self._fetcher.fetch(query, [lost.day])).versions
        await query.store.written()
        self._take(query, lost, fetched, await rollup_of(query, fetched))
        return fetched

    async def _stored_since(self, query: DayQuery, lost: DayVersion) -> DayVersion | None:
        """The settled version in place of a lost one, with the same rows; None if there is none.

        Raises:
            LedgerUnavailable: it has other rows, which contradict the query's other figures. The next query believes
                the day.
        """
        self._versions.forget(query, lost.day)
        if not lost.settled:
            return None
        try:
            stored = (await query.store.list_versions([lost.day])).versions.get(lost.day)
        except LedgerUnavailable as error:
            LOG.warning("fetching %s without a look at S3: %s", lost.day, error)
            return None
        if stored is None or not stored.settled or stored.count is None or stored.id == lost.id:
            return None
        self._take(query, lost, stored, await rollup_of(query, stored))
        return stored

    def _take(self, query: DayQuery, lost: DayVersion, found: DayVersion, rollup: Rollup | None) -> None:
        """Answer with the rows of another version from now on.

        Raises:
            LedgerUnavailable: they are others, as far as the query has known the lost ones.
        """
        known = self._memory.totals(query, lost)
        if found.count != lost.count or rollup is None or (known and known.whole != rollup.whole):
            raise changed(lost.day)
        if known is None:
            self._memory.remember_rollup(query, lost, replace(rollup, blocks=None))


async def rollup_of(query: DayQuery, fetched: DayVersion) -> Rollup | None:
    """The rollup of a version that has just been fetched."""
    if fetched.rows is not None:
        return Rollup.of(fetched.rows)
    return await query.store.rollup(fetched) or await query.store.rollup_of_rows(fetched)


async def index_of(query: DayQuery, fetched: DayVersion) -> DayIndex | None:
    """The index of a version that has just been fetched, unless its rows are in memory."""
    rollup = None if fetched.rows is not None else await query.store.rollup(fetched)
    if rollup is None or rollup.blocks is None or fetched.count is None:
        return None
    try:
        return decode_index(rollup.blocks, fetched.count)
    except CorruptRollup as error:
        LOG.warning("the rollup of %s: %s", fetched.day, error)
        return None


async def find_rows(query: DayQuery, version: DayVersion, index: DayIndex | None, block: Block) -> Rows | None:
    """The rows of a lost block, in a version whose blocks may be cut elsewhere; None when they cannot be read.

    Raises:
        LedgerUnavailable: the version has other rows there.
    """
    if version.rows is not None:
        parts: list[Rows | None] = [version.rows]
    elif index is None:
        parts = [await query.store.rows(version)]
    else:
        same = [other for other in index.blocks if block.first <= other.last and other.first <= block.last]
        parts = [await query.store.block(version, other) for other in same]
    cells = [part.between(block.first, block.last).cells for part in parts if part is not None]
    if len(cells) < len(parts):
        return None
    rows = Rows([cell for some in cells for cell in some])
    if len(rows) != block.count:
        raise changed(version.day)
    return rows


def unreadable(day: date) -> LedgerUnavailable:
    """The error about rows that are in S3, and that it does not give."""
    return LedgerUnavailable(f"the stored rows of {day} cannot be read")


def changed(day: date) -> LedgerUnavailable:
    """The error about lost rows in whose place there are others, which contradict the query's other figures."""
    return LedgerUnavailable(f"the rows of {day} were lost and have changed since")
