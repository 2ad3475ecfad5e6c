"""Finds rows that a day's index does not lead to, in another version of the day or by another index.

Rows are known by their positions: they are the same ones wherever the blocks of a version are cut.
"""

import logging
from datetime import date

from ledger.credits.day_query import DayQuery
from ledger.days.blocks import Block, DayIndex, decode_index
from ledger.days.rollups import CorruptRollup, Rollup
from ledger.days.rows import Rows
from ledger.days.versions import DayVersion
from ledger.storage.store import LedgerUnavailable

LOG = logging.getLogger("tally.ledger")


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
