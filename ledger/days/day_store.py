"""Writes the days of one tenant and brand to S3, and makes rollups again that are lost.

Settled rows have a single name and are created, never overwritten while they are readable: two writers cannot put a day
into the lake twice.
"""

import asyncio
import logging
from dataclasses import replace
from datetime import date, datetime

from ledger.days.blocks import BLOCK_ROWS, BlockWriter, EncodedDay, encode_day, inventory
from ledger.days.day_objects import FETCHED, DayObjects, fetched_at
from ledger.days.rollups import Rollup
from ledger.days.rollups import encode as encode_rollup
from ledger.days.rows import CorruptRows, Rows, decode
from ledger.days.versions import DayVersion
from ledger.storage.store import LedgerUnavailable, Store, StoredObject
from runtime.clock import day_end, rfc3339

LOG = logging.getLogger("tally.ledger")

ROWS = "rows"
"""The attribute with the number of its rows: what was cut off between two members is still a gzip file."""


class DayStore(DayObjects):
    """The days of one tenant and brand; those that it writes have at most `block_rows` rows in a block.

    With `rollups_later` the rollup of a settled day is written beside what follows; `written` waits for it.
    """

    def __init__(
        self,
        store: Store,
        tenant: str,
        brand: str | None,
        block_rows: int = BLOCK_ROWS,
        *,
        rollups_later: bool = False,
    ) -> None:
        super().__init__(store, tenant, brand, block_rows)
        self._later: list[asyncio.Task[None]] | None = [] if rollups_later else None

    def block_writer(self) -> BlockWriter:
        """What encodes a day whose rows come piece by piece, for `write_encoded`."""
        return BlockWriter(self._block_rows)

    async def write(
        self, day: date, fetched: datetime, rows: Rows, *, settled: bool, proven: bool = True
    ) -> DayVersion:
        """Write a day whose rows are in memory, see `write_encoded`; the version has its rows."""
        encoded = encode_day(rows, self._block_rows)
        return await self.write_encoded(day, fetched, encoded, settled=settled, proven=proven, rows=rows)

    async def write_encoded(
        self,
        day: date,
        fetched: datetime,
        encoded: EncodedDay,
        *,
        settled: bool,
        proven: bool = True,
        rows: Rows | None = None,
    ) -> DayVersion:
        """Write a day's rows and their rollup; the result is the version that counts from now on.

        `rows` are those that were encoded, if they are to stay in memory. A second writer of a settled day changes
        nothing and gets the first one's version, so that all processes show the same. Settled rows are written before
        their rollup: a crash in between leaves rows without a rollup, which is then made from them, and never a rollup
        of other rows. Open rows and their rollup share a name that no other fetch has, so neither has to wait.
        """
        version = DayVersion(day, fetched, encoded.count, settled, rows, proven=proven)
        key, body = self._rows_key(version), encoded.body
        attributes = {"Content-Type": "application/gzip", FETCHED: rfc3339(fetched), ROWS: str(encoded.count)}
        if not settled:
            # Side by side: without its rows a rollup describes no version, and without their rollup rows are counted.
            await asyncio.gather(self._store.put(key, body, attributes), self._write_rollup(version, encoded.rollup))
            return version
        if await self._store.create(key, body, attributes) is None:
            if (first := await self._settled_version(day)) is not None:
                return first
            # No role may overwrite settled rows; the keeper's may delete those that cannot be read.
            await self._store.delete([key])
            if await self._store.create(key, body, attributes) is None:
                raise LedgerUnavailable("another writer has stored the day in the meantime")
        await self._begin_rollup(version, encoded.rollup)
        return version

    async def _begin_rollup(self, version: DayVersion, rollup: Rollup) -> None:
        if self._later is None:
            await self._write_rollup(version, rollup)
        else:
            self._later.append(asyncio.create_task(self._write_rollup(version, rollup)))

    async def written(self) -> None:
        """Wait for rollups that are being written; one that S3 could not take is made from the rows later."""
        while self._later:
            try:
                await self._later.pop()
            except LedgerUnavailable as error:
                LOG.warning("a rollup could not be written: %s", error)

    async def _settled_version(self, day: date) -> DayVersion | None:
        """The settled day as it is stored, with its rows if they are few; None when they are unreadable."""
        version = (await self.list_versions([day])).versions.get(day)
        if version is None or not version.settled:
            return None
        if version.count is None:
            return await self.rebuild_rollup(version)
        counted = await self._counted(version)
        return None if counted is None else counted[0]

    async def rebuild_rollup(self, version: DayVersion) -> DayVersion | None:
        """A settled day whose rollup is lost, with a new rollup made of its rows; None when they are unreadable."""
        counted = await self._counted(replace(version, count=None))
        if counted is None:
            return None
        version, rollup = counted
        await self._restore_rollup(version, rollup)
        return version

    async def rollup_of_rows(self, version: DayVersion) -> Rollup | None:
        """A new rollup of a version that has lost its own, with a new index; None when the rows are unreadable.

        The rows are read member by member, so that a day of any size takes little memory.
        """
        counted = await self._counted(version)
        if counted is None:
            return None
        await self._restore_rollup(version, counted[1])
        return counted[1]

    async def _counted(self, version: DayVersion) -> tuple[DayVersion, Rollup] | None:
        """A version with what its rows say: their number, the rows if they are few, and when they were fetched."""
        key = self._rows_key(version)
        stored = await self._rows_object(version)
        if stored is None:
            return None
        try:
            count, rollup = _count_rows(stored, version)
            counted = replace(version, fetched=_fetch_time(stored, version), count=count)
            few = decode(stored.body, version.day, count) if self.is_small(counted) else None
        except CorruptRows as error:
            LOG.warning("%s: %s", key, error)
            return None
        return replace(counted, rows=few), rollup

    async def _restore_rollup(self, version: DayVersion, rollup: Rollup) -> None:
        try:
            await self._write_rollup(version, rollup)
        except LedgerUnavailable as error:
            LOG.warning("a lost rollup could not be written again: %s", error)

    async def _write_rollup(self, version: DayVersion, rollup: Rollup) -> None:
        await self._store.put(self._rollup_key(version), encode_rollup(rollup))


def _count_rows(stored: StoredObject, version: DayVersion) -> tuple[int, Rollup]:
    """How many rows a rows object has, and its rollup, both made from the rows.

    Raises:
        CorruptRows: they are unreadable, or not as many as the version has or the object says.
    """
    try:
        count, rollup = inventory(stored.body, version.day)
    except CorruptRows:
        # No version has written members that end within a row, but something else may have packed the object again.
        rows = decode(stored.body, version.day, version.count)
        count, rollup = len(rows), Rollup.of(rows)
    said = stored.attributes.get(ROWS, str(count))
    if version.count not in {None, count} or said != str(count):
        raise CorruptRows(
            f"{said if version.count is None else version.count} rows should be stored, there are {count}"
        )
    return count, rollup


def _fetch_time(stored: StoredObject, version: DayVersion) -> datetime:
    """When a version's rows were fetched: by their object, or else by a rollup's name.

    Raises:
        CorruptRows: neither says it.
    """
    if (fetched := fetched_at(stored)) is not None:
        return fetched
    if version.count is None and version.fetched <= day_end(version.day):
        raise CorruptRows("nothing says when these rows were fetched")
    return version.fetched
