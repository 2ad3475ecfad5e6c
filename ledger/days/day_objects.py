"""The stored days of one tenant and brand as they are read; `versions.py` has the names of their objects.

What is read is proved first: rows that are not the ones of their version count as lost.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from unicodedata import normalize

from ledger.days.blocks import BLOCK_ROWS, Block, parse_block, unpack_block
from ledger.days.rollups import CorruptRollup, Rollup
from ledger.days.rollups import decode as decode_rollup
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
from runtime.clock import DAY

LOG = logging.getLogger("tally.ledger")

SMALL_BLOCKS = 2
"""A day of so many blocks is read whole: a look at its index first would take longer than it saves."""
EARLY_BYTES = 384 * 1024
"""The largest rows object that is read before it is known how large it is: four blocks of rows of 23 bytes."""
FETCHED = "fetched"
"""The attribute of a settled object with the time of its fetch."""


class DayObjects:
    """The days of one tenant and brand as they are read; a block has at most `block_rows` rows."""

    def __init__(self, store: Store, tenant: str, brand: str | None, block_rows: int = BLOCK_ROWS) -> None:
        self._store = store
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
        if days[0] == days[-1]:  # else the LIST would go on to a thousand objects of later days
            listed = await self._store.listing(first.rstrip("/"))
        else:
            listed = await self._store.listing(folder, after=first, before=beyond)
        for item in listed:
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
        stored = await self._rows_object(version)
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
        stored = await self._rows_object(version)
        return stored.body if stored else None

    async def _rows_object(self, version: DayVersion) -> StoredObject | None:
        """A version's rows object; None when it is gone, or has the rows of another fetch in its place."""
        stored = await self._store.get(self._rows_key(version))
        return stored if stored is None or self._is_of(version, stored) else None

    def _is_of(self, version: DayVersion, stored: StoredObject) -> bool:
        """Whether a rows object has the rows of a version, not those of another fetch."""
        if version.count is None or not version.settled or fetched_at(stored) in {None, version.fetched}:
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

    def _rows_key(self, version: DayVersion) -> str:
        open_rows = f"{OPEN}{version.id}{'' if version.proven else UNPROVEN}.csv.gz.open"
        return self.key(version.day, SETTLED_ROWS if version.settled else open_rows, version.folder)

    def _rollup_key(self, version: DayVersion) -> str:
        kind = SETTLED if version.settled else OPEN_ROLLUP
        return self.key(version.day, f"{kind}{version.id}.json.gz", version.folder)


def fetched_at(stored: StoredObject) -> datetime | None:
    """When settled rows were fetched, by their object's attributes; None when these do not say it."""
    try:
        return datetime.fromisoformat(stored.attributes[FETCHED])
    except (KeyError, ValueError):
        return None
