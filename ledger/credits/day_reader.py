"""Reads the rows, indexes and rollups of days: from memory, from S3, or from the vendor when S3 has lost them.

The rows of a large day are read and remembered block by block. Each block or object is read once at a time, and all
queries that need it share the read.
"""

import logging
from collections.abc import Awaitable
from datetime import date

from ledger.credits.day_fetcher import DayFetcher
from ledger.credits.day_memory import DayMemory, day_key, rows_key
from ledger.credits.day_query import DayQuery, VersionMemory
from ledger.credits.lost_rows import LostRows, find_rows, index_of, unreadable
from ledger.credits.shared_reads import SharedReads
from ledger.days.blocks import Block, DayIndex, decode_index, parse_block
from ledger.days.rollups import EMPTY_ROLLUP, CorruptRollup, Detail, Rollup
from ledger.days.rows import NO_ROWS, CorruptRows, Rows
from ledger.days.versions import DayVersion
from ledger.storage.store import LedgerUnavailable

LOG = logging.getLogger("tally.ledger")

SEARCHED_BLOCKS = 4
"""A day of so many blocks is searched as a whole, because to read its index first would be one wait more."""


class DayReader:
    """The rows and rollups of every tenant's days; one object for the life of a process."""

    def __init__(self, fetcher: DayFetcher, versions: VersionMemory) -> None:
        self._versions = versions
        self._memory = DayMemory()
        self._reads = SharedReads()
        self._lost = LostRows(fetcher, versions, self._memory, self._reads)

    def remember_no_rows(self) -> None:
        """Keep no rows in memory, for a process that reads every day once."""
        self._memory.remember_no_rows()

    def is_large(self, query: DayQuery, version: DayVersion) -> bool:
        """Whether a version is read by its blocks, if it has any; the others are small, in memory or on their way."""
        if version.rows is not None or version.count is None or query.store.is_small(version):
            return False
        comes_early = version.day in query.early and self._is_short(query, version)
        return not comes_early and self._memory.rows(query, version) is None

    def is_searched_whole(self, query: DayQuery, version: DayVersion) -> bool:
        """Whether a filter reads all of a large version: its blocks are few, and their index would be read first."""
        is_short = self._is_short(query, version)
        return is_short and self.known_index(query, version) is None and query.month_of(version) is None

    def _is_short(self, query: DayQuery, version: DayVersion) -> bool:
        return query.store.is_small(version, SEARCHED_BLOCKS)

    async def rows(self, query: DayQuery, version: DayVersion) -> Rows:
        """All of a version's rows.

        Raises:
            UpstreamError: S3 has lost them, and the vendor failed as well.
            LedgerUnavailable: S3 has lost them and the vendor's have changed since, or there is no time to ask.
        """
        rows = self._memory.rows(query, version)
        if rows is None:
            key = rows_key(query, version)
            rows = await self._reads.get(key, lambda: self._read_rows(query, version))
        return rows

    async def index(self, query: DayQuery, version: DayVersion) -> DayIndex | None:
        """The index of a version's blocks; None for one that is read whole: it is small, in memory or has no blocks.

        Raises:
            UpstreamError, LedgerUnavailable: it had to be made from the rows, see `rows`.
        """
        if not self.is_large(query, version):
            return None
        index = self.known_index(query, version)
        if index is None:
            index = await self._parsed_index(query, version, await self.rollup(query, version))
            if index is not None:
                self._memory.remember_index(query, version, index)
        return index

    def known_index(self, query: DayQuery, version: DayVersion) -> DayIndex | None:
        """The index of a version, if it is in memory."""
        return self._memory.index(query, version)

    async def rows_having(self, query: DayQuery, version: DayVersion, block: Block, part: bytes) -> Rows:
        """The rows of one block of a version, or none if `part` is nowhere in its text; nothing is remembered.

        Searching the text takes a fraction of parsing it. Its CRC is that of the index, so what it lacks is not there.

        Raises:
            UpstreamError, LedgerUnavailable: they are lost, see `rows`.
        """
        rows = self._memory.rows(query, version, block)
        if rows is not None:
            return rows
        text = await self._reads.get(
            f"{rows_key(query, version, block)} text", lambda: self._text(query, version, block)
        )
        if text is None:
            return await self.block(query, version, block, remember=False)
        try:
            return parse_block(text, block, version.day) if part in text else NO_ROWS
        except CorruptRows as error:
            LOG.warning("a block of %s: %s", version.day, error)
            return await self.block(query, version, block, remember=False)

    async def _text(self, query: DayQuery, version: DayVersion, block: Block) -> bytes | None:
        try:
            return await query.store.block_text(version, block)
        except LedgerUnavailable as error:
            LOG.warning("a block of %s could not be searched: %s", version.day, error)
            return None

    async def block(self, query: DayQuery, version: DayVersion, block: Block, *, remember: bool = True) -> Rows:
        """The rows of one block of a version; a query that reads very many does not `remember` them.

        Raises:
            UpstreamError, LedgerUnavailable: they are lost, see `rows`.
        """
        rows = self._memory.rows(query, version, block)
        if rows is None:
            key = rows_key(query, version, block)
            rows = await self._reads.get(key, lambda: self._read_block(query, version, block, remember=remember))
        return rows

    def ask_early(self, query: DayQuery, day: date) -> None:
        """Ask for a day's rows before it is known how the day is stored, unless they are in memory or known as many."""
        version = query.versions.get(day)
        if day in query.early or (version is not None and self._is_of_no_use(query, version)):
            return
        key = f"{query.store.folder}/{day} early"
        query.early.begin(day, self._reads.get(key, lambda: query.store.early_rows(day)))

    def _is_of_no_use(self, query: DayQuery, version: DayVersion) -> bool:
        return not self._is_short(query, version) or self._memory.rows(query, version) is not None

    def known_totals(self, query: DayQuery, version: DayVersion) -> Rollup | None:
        """The totals of a whole day, if they are in memory."""
        return self._memory.totals(query, version)

    async def rollup(self, query: DayQuery, version: DayVersion, detail: Detail = Detail.DAY) -> Rollup:
        """A version's rollup, parsed to the detail that is wanted.

        Raises:
            UpstreamError, LedgerUnavailable: it had to be made from the rows, see `rows`.
        """
        if version.count == 0:
            return EMPTY_ROLLUP
        key = day_key(query, version)
        rollup = self._memory.rollup(query, version)
        if rollup is None:
            rollup = await self._reads.get(f"rollup {key}", lambda: self._read_rollup(query, version))
        if not rollup.is_parsed(detail):
            rollup = _parsed(rollup, detail, key) or await self._from_rows(query, version, detail)
            self._memory.remember_rollup(query, version, rollup)
        return rollup

    async def _from_rows(self, query: DayQuery, version: DayVersion, detail: Detail) -> Rollup:
        made = await self._made_rollup(query, version)
        return made.parsed(detail) or made

    async def _made_rollup(self, query: DayQuery, version: DayVersion) -> Rollup:
        """A rollup made from the rows; that of a large day is stored again, with a new index of its blocks."""
        if self.is_large(query, version):
            try:
                if (made := await query.store.rollup_of_rows(version)) is not None:
                    return made
            except LedgerUnavailable as error:
                LOG.warning("the rollup of %s could not be made from stored rows: %s", version.day, error)
        return Rollup.of(await self.rows(query, version))

    async def _parsed_index(self, query: DayQuery, version: DayVersion, rollup: Rollup) -> DayIndex | None:
        if rollup.blocks is None or version.count is None:
            return None
        try:
            return decode_index(rollup.blocks, version.count)
        except CorruptRollup as error:
            LOG.warning("the rollup of %s: %s", day_key(query, version), error)
        return await self._made_index(query, version)

    async def _made_index(self, query: DayQuery, version: DayVersion) -> DayIndex | None:
        """The index of a version whose own is wrong, made from its rows; None when they are lost or have no blocks."""
        try:
            made = await query.store.rollup_of_rows(version)
        except LedgerUnavailable as error:
            LOG.warning("the index of %s could not be made from stored rows: %s", version.day, error)
            return None
        known = self._memory.rollup(query, version)
        if made is None or made.blocks is None or version.count is None or (known and known.whole != made.whole):
            return None
        index = decode_index(made.blocks, version.count)
        if query.month_of(version) is not None:
            self._versions.forget(query, version.day)  # its month has the wrong index too
        self._memory.remember_rollup(query, version, made)
        self._memory.remember_index(query, version, index)
        return index

    async def _read_rows(self, query: DayQuery, version: DayVersion) -> Rows:
        rows = await self._early_rows(query, version)
        if rows is None:
            rows = await self._stored(query, version, query.store.rows(version))
        if rows is None:
            again = await self._lost.found_again(query, version)
            rows = again.rows if again.rows is not None else await query.store.rows(again)
        if rows is None:
            raise unreadable(version.day)
        self._memory.remember_rows(query, version, rows)
        return rows

    async def _early_rows(self, query: DayQuery, version: DayVersion) -> Rows | None:
        """A version's rows, if they were asked for early and are those of the version; remembered."""
        if version.day not in query.early:
            return None
        rows = self._memory.rows(query, version)
        if rows is None:
            key = f"{rows_key(query, version)} early"
            rows = await self._reads.get(key, lambda: self._confirm(query, version))
        return rows

    async def _confirm(self, query: DayQuery, version: DayVersion) -> Rows | None:
        early = await query.early.get(version.day)
        rows = None if early is None else query.store.rows_of(version, early)
        query.early.drop(version.day)
        if rows is not None:
            self._memory.remember_rows(query, version, rows)
        return rows

    async def _read_block(self, query: DayQuery, version: DayVersion, block: Block, *, remember: bool) -> Rows:
        """The rows of a block: from S3, by a new index if this one is wrong, or from the vendor."""
        rows = await self._stored(query, version, query.store.block(version, block))
        if rows is None:
            rows = await self._stored(query, version, self._found_otherwise(query, version, block))
        if rows is None:
            again = await self._lost.found_again(query, version)
            rows = await find_rows(query, again, await index_of(query, again), block)
        if rows is None:
            raise unreadable(version.day)
        if remember:
            self._memory.remember_rows(query, version, rows, block)
        return rows

    async def _found_otherwise(self, query: DayQuery, version: DayVersion, block: Block) -> Rows | None:
        index = self._memory.index(query, version)
        if index is None or block in index.blocks:
            index = await self._reads.get(f"{day_key(query, version)} index", lambda: self._made_index(query, version))
        return None if index is None else await find_rows(query, version, index, block)

    async def _stored(self, query: DayQuery, version: DayVersion, read: Awaitable[Rows | None]) -> Rows | None:
        try:
            return await read
        except LedgerUnavailable as error:
            if not query.deadline.remaining():
                raise
            LOG.warning("fetching %s again: %s", version.day, error)
            return None

    async def _read_rollup(self, query: DayQuery, version: DayVersion) -> Rollup:
        stored = await self._early_rollup(query, version) or await self._stored_rollup(query, version)
        # If the rows have been fetched again in the meantime, their rollup is in memory by now.
        rollup = self._memory.rollup(query, version) or stored or await self._made_rollup(query, version)
        self._memory.remember_rollup(query, version, rollup)
        return rollup

    async def _early_rollup(self, query: DayQuery, version: DayVersion) -> Rollup | None:
        """The rollup of a small day whose rows were asked for early: its own would be one wait more."""
        if not query.store.is_small(version) or query.month_of(version) is not None:
            return None
        rows = await self._early_rows(query, version)
        return None if rows is None else Rollup.of(rows)

    async def _stored_rollup(self, query: DayQuery, version: DayVersion) -> Rollup | None:
        if version.rows is not None:
            return None
        try:
            if (month := query.month_of(version)) is not None:
                return month.rollup(version.day)
        except CorruptRollup as error:
            LOG.warning("%s", error)
            self._versions.forget(query, version.day)
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
