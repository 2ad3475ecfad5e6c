"""Stores the rows of an open version as those of the settled day, and compares versions, without a whole day in memory.

The settled rows are the same bytes. They are read once before, block by block, since what cannot be read must not
become the day for good.
"""

import asyncio
import logging

from ledger.days.blocks import EncodedDay, inventory
from ledger.days.day_store import DayStore
from ledger.days.rows import CorruptRows
from ledger.days.versions import DayVersion
from runtime.compression import CorruptGzipError, have_equal_text

LOG = logging.getLogger("tally.keeper")


async def settle(days: DayStore, version: DayVersion) -> None:
    """Settle a day with the rows of an open version, unless they are gone or unreadable: they are fetched again then.

    Raises:
        LedgerUnavailable: S3 could not serve.
    """
    body = await days.stored_rows(version)
    if body is None:
        return
    try:
        count, rollup = await asyncio.to_thread(inventory, body, version.day)
    except CorruptRows as error:
        LOG.warning("the open rows of %s cannot settle it: %s", version.day, error)
        return
    if count != version.count:
        LOG.warning("the open rows of %s cannot settle it: there are %d of %s", version.day, count, version.count)
        return
    await days.write_encoded(version.day, version.fetched, EncodedDay(body, count, rollup), settled=True)


async def have_equal_rows(days: DayStore, one: DayVersion, other: DayVersion) -> bool:
    """Whether two versions of a day have the same rows; false when they cannot be read.

    Raises:
        LedgerUnavailable: S3 could not serve.
    """
    if one.count != other.count:
        return False
    first, second = await days.stored_rows(one), await days.stored_rows(other)
    if first is None or second is None:
        return False
    try:
        return first == second or await asyncio.to_thread(have_equal_text, first, second)
    except CorruptGzipError as error:
        LOG.warning("the versions of %s cannot be compared: %s", one.day, error)
        return False
