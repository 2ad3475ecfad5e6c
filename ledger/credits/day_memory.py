"""What a warm process remembers of days: rows, rollups and indexes, each within bounds of its own.

Rows are remembered as they were read: a small day as a whole, a large one block by block.
"""

from ledger.credits.day_query import DayQuery
from ledger.days.blocks import Block, DayIndex
from ledger.days.rollups import Rollup
from ledger.days.rows import NO_ROWS, Rows
from ledger.days.versions import DayVersion
from runtime.memory import Memory

ROWS_BYTES = 96 * 1024 * 1024
ROLLUP_BYTES = ROWS_BYTES // 4
INDEX_BYTES = ROWS_BYTES // 16
BLOCK_BYTES = 800
"""The memory that a block's entry in an index takes."""
CELL_BYTES = 66
"""The memory that a cell takes: a short string and its place in a list."""


class DayMemory:
    """The days of every tenant that have been read last; one object for the life of a process."""

    def __init__(self) -> None:
        self._rows: Memory[str, Rows] = Memory(ROWS_BYTES)
        self._rollups: Memory[str, Rollup] = Memory(ROLLUP_BYTES)
        self._indexes: Memory[str, DayIndex] = Memory(INDEX_BYTES)

    def remember_no_rows(self) -> None:
        """Keep no rows, for a process that reads every day once."""
        self._rows = Memory(0)

    def rows(self, query: DayQuery, version: DayVersion, block: Block | None = None) -> Rows | None:
        """A version's rows, or those of one of its blocks, if they are known."""
        if version.count == 0:
            return NO_ROWS
        return version.rows or self._rows.recall(rows_key(query, version, block))

    def remember_rows(self, query: DayQuery, version: DayVersion, rows: Rows, block: Block | None = None) -> None:
        """Remember all of a version's rows, or those of one of its blocks."""
        self._rows.remember(rows_key(query, version, block), rows, len(rows.cells) * CELL_BYTES)

    def rollup(self, query: DayQuery, version: DayVersion) -> Rollup | None:
        """A version's rollup, if it is known."""
        return self._rollups.recall(day_key(query, version))

    def remember_rollup(self, query: DayQuery, version: DayVersion, rollup: Rollup) -> None:
        """Remember a version's rollup."""
        self._rollups.remember(day_key(query, version), rollup, rollup.size)

    def totals(self, query: DayQuery, version: DayVersion) -> Rollup | None:
        """The totals of a whole day, if they are known here or by a month object."""
        return self.rollup(query, version) or query.known_totals(version)

    def index(self, query: DayQuery, version: DayVersion) -> DayIndex | None:
        """The index of a version's blocks, if it is known."""
        return self._indexes.recall(day_key(query, version))

    def remember_index(self, query: DayQuery, version: DayVersion, index: DayIndex) -> None:
        """Remember the index of a version's blocks."""
        self._indexes.remember(day_key(query, version), index, len(index.blocks) * BLOCK_BYTES)


def day_key(query: DayQuery, version: DayVersion) -> str:
    """A version's key among those of all tenants, brands and days."""
    return f"{query.store.folder}/{version.day}/{version.id}"


def rows_key(query: DayQuery, version: DayVersion, block: Block | None = None) -> str:
    """The key of a version's rows, or of those of one of its blocks."""
    # An index that was made again may cut other blocks at the same offset.
    return f"{day_key(query, version)} rows {'' if block is None else f'{block.offset} {block.crc}'}"
