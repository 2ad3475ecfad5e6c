"""Brings settled days into the lake: finds the months whose files are out of date, and writes those files.

What is right follows from the settled days alone, which S3 lists. So a run that was cut short is continued by the next
one, days that were stored by an older version come in like new ones, a file that is lost is made again, and rows that
were changed (a phone number erased) change here too. The vendor is never asked.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import batched
from tempfile import TemporaryFile
from threading import Event
from typing import IO, Any

from ledger.days.day_store import DayStore
from ledger.days.rows import CorruptRows
from ledger.days.versions import SETTLED_ROWS, DayListing, DayVersion
from ledger.exports.files import stored_rows
from ledger.lake.credit_rows import COLUMNS, lake_rows
from ledger.lake.month_files import (
    RECORD,
    MonthFile,
    MonthRecord,
    SettledDay,
    log_folder,
    month_folder,
    planned,
    start_of,
)
from ledger.lake.parquet import Row, write_parquet
from ledger.lake.stored_days import StoredDays, Wait
from ledger.storage.bucket import PART_BYTES, ListedObject
from ledger.storage.leases import LEASE, Leases
from ledger.storage.store import LedgerUnavailable, Store
from runtime.clock import Clock, stamp

LOG = logging.getLogger("tally.keeper")

FIRST_DAY = date(2010, 1, 1)
"""No vendor of ours has older credits; the tables of the template begin here as well."""
MOST_ROWS = 1_000_000
"""The size of a file, in rows, after which the month's next file begins; docs/decisions/lake.md has the figures."""
BATCH = 8192


@dataclass(slots=True)
class LakeChanges:
    """The files that were written, the days in them that were new or had changed, and how many cannot be read.

    Not `complete` while another process writes the same log, or when time ran out.
    """

    files: int = 0
    days: int = 0
    unreadable: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class _Month:
    """A month as it should be, and as the record says that it is."""

    folder: str
    files: Sequence[MonthFile]
    existing: frozenset[date]
    record: MonthRecord

    @property
    def outdated(self) -> list[MonthFile]:
        """The files that have to be written, in the order of their days."""
        return [file for file in self.files if file.start not in self.existing or self.record.of(file) != file.sources]


class _UnreadableDay(Exception):
    """The stored rows of a day cannot be read."""

    def __init__(self, day: date) -> None:
        super().__init__(f"the stored rows of {day} cannot be read")
        self.day = day


class CreditLake:
    """The credits of every tenant in the lake: files of some `most_rows`, made of days read `piece` bytes at a time."""

    def __init__(
        self, store: Store, leases: Leases, clock: Clock, *, most_rows: int = MOST_ROWS, piece: int = PART_BYTES
    ) -> None:
        self._store = store
        self._leases = leases
        self._clock = clock
        self._most_rows = most_rows
        self._piece = piece

    async def update(self, tenant: str, brand: str | None, has_time: Callable[[], bool]) -> LakeChanges:
        """Write what is out of date in one log, the newest month first, as long as there is time.

        Raises:
            LedgerUnavailable: S3 could not serve; what was written by then is complete.
        """
        changes, months = LakeChanges(), await self._months(tenant, brand)
        if any(month.outdated for month in months):
            async with self._leases.hold(f"{log_folder(tenant, brand)}/{LEASE}") as held:
                changes.complete = held
                if held:
                    months = await self._months(tenant, brand)
                    days = DayStore(self._store, tenant, brand)
                    months = [await self._write_month(days, month, changes, has_time) for month in months]
        changes.unreadable += sum(len(month.record.unreadable) for month in months)
        return changes

    async def _months(self, tenant: str, brand: str | None) -> list[_Month]:
        """Every month that has settled days or files, the newest first."""
        days = DayStore(self._store, tenant, brand)
        settled = _by_month(await days.list_versions([FIRST_DAY, self._clock().date()]))
        objects = await self._store.listing(log_folder(tenant, brand))
        existing = {first: _starts(objects, month_folder(tenant, brand, first)) for first in _month_days(objects)}

        async def month(first: date) -> _Month:
            folder, starts = month_folder(tenant, brand, first), existing.get(first, frozenset())
            record = await self._record(folder) if starts else MonthRecord()
            files = planned(first, settled.get(first, []), starts, record, self._most_rows)
            return _Month(folder, files, starts, record)

        return await asyncio.gather(*map(month, sorted({*settled, *existing}, reverse=True)))

    async def _record(self, folder: str) -> MonthRecord:
        stored = await self._store.get(f"{folder}/{RECORD}")
        return MonthRecord.from_bytes(stored.body) if stored else MonthRecord()

    async def _write_month(
        self, days: DayStore, month: _Month, changes: LakeChanges, has_time: Callable[[], bool]
    ) -> _Month:
        """The month as it is afterwards."""
        record = month.record
        for file in month.outdated:
            if not has_time():
                changes.complete = False
                break
            key = f"{month.folder}/{file.name}"
            try:
                left_out = await self._write_file(days, key, file, record)
            except _UnreadableDay as error:
                LOG.warning("%s stays as it is: %s", key, error)
                changes.unreadable += 1
                continue
            changes.days += len(file.sources.items() - record.of(file).items()) - len(left_out)
            changes.files += 1
            record = record.after(file, left_out)
            await self._store.put(f"{month.folder}/{RECORD}", record.to_bytes(), {"Content-Type": "application/json"})
        return replace(month, record=record)

    async def _write_file(self, days: DayStore, key: str, file: MonthFile, record: MonthRecord) -> set[date]:
        """Write one file; the result is the days that are left out, because their rows cannot be read.

        Raises:
            _UnreadableDay: a day that is in the file already cannot be read any more. The file stays as it is.
        """
        left_out = set[date]()
        while True:
            settled = [day for day in file.days if day.version.day not in left_out]
            try:
                await self._write_days(days, key, settled)
            except _UnreadableDay as error:
                if error.day in record.files.get(file.start, ()):
                    raise
                LOG.warning("%s is written without a day: %s", key, error)
                left_out.add(error.day)
            else:
                return left_out

    async def _write_days(self, days: DayStore, key: str, settled: Sequence[SettledDay]) -> None:
        stored, loop, cancelled = StoredDays(self._store, days, self._piece), asyncio.get_running_loop(), Event()

        def wait[T](work: Coroutine[Any, Any, T]) -> T:
            if cancelled.is_set():
                work.close()
                raise LedgerUnavailable("the run has ended")
            return asyncio.run_coroutine_threadsafe(work, loop).result()

        with TemporaryFile() as file:
            try:
                # In a thread, so that the lease is renewed and other tenants' work goes on.
                await asyncio.to_thread(write_parquet, file, COLUMNS, _batches(stored, settled, wait))
            finally:
                cancelled.set()
            file.seek(0)
            await self._store.upload(key, _chunks(file), {"Content-Type": "application/vnd.apache.parquet"})


def _batches(stored: StoredDays, settled: Iterable[SettledDay], wait: Wait) -> Iterator[Sequence[Row]]:
    """The rows of the days, as they come from S3."""
    for each in settled:
        day, count = each.version.day, each.version.count
        if count == 0:
            continue
        try:
            yield from batched(lake_rows(day, stored_rows(stored.body(each, wait), day, count)), BATCH, strict=False)
        except CorruptRows as error:
            raise _UnreadableDay(day) from error


async def _chunks(file: IO[bytes]) -> AsyncIterator[bytes]:
    while chunk := file.read(PART_BYTES):
        yield chunk


def _by_month(listing: DayListing) -> dict[date, list[SettledDay]]:
    """The settled days by their month's first day."""
    months: dict[date, list[SettledDay]] = {}
    for day, version in listing.versions.items():
        if version.settled:
            months.setdefault(day.replace(day=1), []).append(_settled(version, listing.objects.get(day, ())))
    return months


def _settled(version: DayVersion, objects: Iterable[ListedObject]) -> SettledDay:
    """A settled day. When its rows object was written, and its size, tell it from an earlier one of the same name."""
    rows = next((item for item in objects if item.key.endswith(f"/{SETTLED_ROWS}")), None)
    if rows is None or version.folder:
        return SettledDay(version, version.id, None)
    return SettledDay(version, f"{stamp(rows.modified)}-{rows.size}", rows.size)


def _month_days(objects: Iterable[ListedObject]) -> set[date]:
    """The months that have a folder, by their first days."""
    names = {item.key.rpartition("/month=")[2].partition("/")[0] for item in objects if "/month=" in item.key}
    return {date.fromisoformat(f"{name}-01") for name in names}


def _starts(objects: Iterable[ListedObject], folder: str) -> frozenset[date]:
    """The first days of the files in a month's folder."""
    names = (item.key.removeprefix(f"{folder}/") for item in objects if item.key.startswith(f"{folder}/"))
    return frozenset(start for start in map(start_of, names) if start)
