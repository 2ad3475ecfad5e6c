"""The days of one tenant and brand in S3: how their versions are written and read. `versions.py` has their names.

Settled rows have a single name and are created, never overwritten while they are readable: two writers cannot put a day
into the lake twice.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from unicodedata import normalize

from ledger.days.blocks import (
    BLOCK_ROWS,
    Block,
    BlockWriter,
    EncodedDay,
    encode_day,
    inventory,
    parse_block,
    unpack_block,
)
from ledger.days.rollups import CorruptRollup, Rollup
from ledger.days.rollups import decode as decode_rollup
from ledger.days.rollups import encode as encode_rollup
from ledger.days.rows import CorruptRows, Rows, decode
from ledger.days.versions import (
    OPEN,
    OPEN_ROLLUP,
    SETTLED,
    SETTLED_ROWS,
    UNPROVEN,
    DayListing,
    DayVersion,
    folder_of,
    newest_version,
)
from ledger.storage.store import LedgerUnavailable, ListedObject, Store, StoredObject
from runtime.clock import DAY, day_end, rfc3339

LOG = logging.getLogger("tally.ledger")

SMALL_BLOCKS = 2
"""A day of so many blocks is read whole: a look at its index first would take longer than it saves."""
EARLY_BYTES = 384 * 1024
"""The largest rows object that is read before it is known how large it is: four blocks of rows of 23 bytes."""
FETCHED = "fetched"
"""The attribute of a settled object with the time of its fetch."""
ROWS = "rows"
"""The attribute with the number of its rows: what was cut off between two members is still a gzip file."""


class DayStore:
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
        self._store = store
        self._later: list[asyncio.Task[None]] | None = [] if rollups_later else None
        self._block_rows = block_rows
        self.folder = folder_of(tenant, brand)
        decomposed = None if brand is None else normalize("NFD", brand)
        self._old_folder = None if decomposed == brand else folder_of(tenant, decomposed)

    def key(self, day: date, name: str, folder: str | None = None) -> str:
        """The key of one of a day's objects."""
        return f"{folder or self.folder}/day={day.isoformat()}/{name}"

    async def list_versions(self, days: Sequence[date]) -> DayListing:
        """The stored versions from the first to the last of some days, by one LIST.

        A brand with accents takes a second one: its log was once stored under the spelling of the query, NFC or NFD.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        objects = await self._list_objects(self.folder, days)
        versions = {day: version for day, items in objects.items() if (version := newest_version(day, items))}
        if self._old_folder is not None:
            for day, items in (await self._list_objects(self._old_folder, days)).items():
                old, version = newest_version(day, items), versions.get(day)
                if old and (version is None or old.rank > version.rank):
                    versions[day] = replace(old, folder=self._old_folder)
        return DayListing(versions, objects)

    async def _list_objects(self, folder: str, days: Sequence[date]) -> dict[date, list[ListedObject]]:
        first, beyond = self.key(days[0], "", folder), self.key(days[-1] + DAY, "", folder)
        objects: dict[date, list[ListedObject]] = {}
        start = len(folder) + len("/day=")
        for item in await self._store.listing(folder, after=first, before=beyond):
            try:
                objects.setdefault(date.fromisoformat(item.key[start : start + 10]), []).append(item)
            except ValueError:
                LOG.warning("ignoring %s, which does not belong to a day", item.key)
        return objects

    def is_small(self, version: DayVersion, blocks: int = SMALL_BLOCKS) -> bool:
        """Whether a version has no more rows than so many blocks."""
        return version.count is not None and version.count <= blocks * self._block_rows

    async def block(self, version: DayVersion, block: Block) -> Rows | None:
        """The rows of one block of a version; None when they are gone, unreadable or not those of the index.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        text = await self.block_text(version, block)
        try:
            return None if text is None else parse_block(text, block, version.day)
        except CorruptRows as error:
            LOG.warning("%s from byte %s: %s", self._rows_key(version), block.offset, error)
            return None

    async def block_text(self, version: DayVersion, block: Block) -> bytes | None:
        """The text of one block, whose CRC is that of the index; otherwise as `block`."""
        key = self._rows_key(version)
        member = await self._store.get_range(key, block.offset, block.end)
        try:
            return None if member is None else unpack_block(member, block)
        except CorruptRows as error:
            LOG.warning("%s from byte %s: %s", key, block.offset, error)
            return None

    async def rows(self, version: DayVersion) -> Rows | None:
        """A version's rows; None when they are gone or unreadable, so that they have to be fetched again.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        if version.rows is not None:
            return version.rows
        stored = await self._stored(version)
        return None if stored is None else self._decoded(version, stored)

    async def early_rows(self, day: date) -> StoredObject | None:
        """A day's settled rows object, read before it is known whether there is one; None where it cannot be used.

        Then the day is read as any other: there are no settled rows, they are many, or S3 could not serve.
        """
        key = self.key(day, SETTLED_ROWS)
        try:
            return await self._store.get_early(key, EARLY_BYTES)
        except LedgerUnavailable as error:
            LOG.info("%s could not be read early: %s", key, error)
            return None

    def rows_of(self, version: DayVersion, early: StoredObject) -> Rows | None:
        """The rows in an object that was read early; None when they are not those of the version."""
        return self._decoded(version, early) if version.settled and self._is_of(version, early) else None

    def _decoded(self, version: DayVersion, stored: StoredObject) -> Rows | None:
        try:
            return decode(stored.body, version.day, version.count)
        except CorruptRows as error:
            LOG.warning("%s: %s", self._rows_key(version), error)
            return None

    async def stored_rows(self, version: DayVersion) -> bytes | None:
        """A version's rows as they are stored, unchecked; None when they are gone."""
        stored = await self._stored(version)
        return stored.body if stored else None

    async def _stored(self, version: DayVersion) -> StoredObject | None:
        """A version's rows object; None when it is gone, or has the rows of another fetch in its place."""
        stored = await self._store.get(self._rows_key(version))
        return stored if stored is None or self._is_of(version, stored) else None

    def _is_of(self, version: DayVersion, stored: StoredObject) -> bool:
        """Whether a rows object has the rows of a version, not those of another fetch."""
        if version.count is None or not version.settled or _fetched(stored) in {None, version.fetched}:
            return True
        LOG.warning("%s was lost, and has been fetched again since", self._rows_key(version))
        return False

    async def rollup(self, version: DayVersion) -> Rollup | None:
        """A version's rollup; None when it is gone or unreadable, so that it has to be made from the rows."""
        if version.count is None:
            return None
        stored = await self._store.get(self._rollup_key(version))
        try:
            return decode_rollup(stored.body, version.count) if stored else None
        except CorruptRollup as error:
            LOG.warning("%s: %s", self._rollup_key(version), error)
            return None

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
        stored = await self._stored(version)
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

    def _rows_key(self, version: DayVersion) -> str:
        open_rows = f"{OPEN}{version.id}{'' if version.proven else UNPROVEN}.csv.gz.open"
        return self.key(version.day, SETTLED_ROWS if version.settled else open_rows, version.folder)

    def _rollup_key(self, version: DayVersion) -> str:
        kind = SETTLED if version.settled else OPEN_ROLLUP
        return self.key(version.day, f"{kind}{version.id}.json.gz", version.folder)


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


def _fetched(stored: StoredObject) -> datetime | None:
    """When settled rows were fetched, by their object's attributes; None when these do not say it."""
    try:
        return datetime.fromisoformat(stored.attributes[FETCHED])
    except (KeyError, ValueError):
        return None


def _fetch_time(stored: StoredObject, version: DayVersion) -> datetime:
    """When a version's rows were fetched: by their object, or else by a rollup's name.

    Raises:
        CorruptRows: neither says it.
    """
    if (fetched := _fetched(stored)) is not None:
        return fetched
    if version.count is None and version.fetched <= day_end(version.day):
        raise CorruptRows("nothing says when these rows were fetched")
    return version.fetched
