"""Opens archived report files that this version's reader has not opened yet, one after the other, the newest first.

What is found is written rows first, for the API and for the lake, then the preview, then the object that says that the
file has been opened: killed in between, the next run opens the file again and writes the same. How often that began is
noted before, so a file that ends the process is given up after some runs, and the others are opened.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from ledger.contents.contents import preview_key, rows_key, stored_preview
from ledger.contents.opened_files import OpenedFiles, opened_files, opened_key
from ledger.contents.opening import Continues, Interrupted, open_file
from ledger.contents.previews import (
    READER_VERSION,
    OtherFormatError,
    Preview,
    PreviewState,
    SheetPreview,
    StoredPreview,
    encoded,
    with_attempts,
)
from ledger.contents.readers.refusals import MOST_FILE_BYTES
from ledger.keeper.run import KeeperRun
from ledger.lake.report_rows import RowsOrigin, write_report_rows
from ledger.reports.archive import Archive, ArchivedReport, file_key
from ledger.reports.identity import ReportId, ReportKey
from ledger.storage.bucket import PART_BYTES
from ledger.storage.store import LedgerUnavailable, Store
from runtime import telemetry

LOG = logging.getLogger("tally.keeper")

MOST_ATTEMPTS = 3
FULL_ATTEMPT_SECONDS = 300.0
"""A reading that had less time than this, and did not come to its end, does not count as an attempt."""
EARLIER_READERS_A_RUN = 50
"""How many files that an earlier version's reader has opened are opened again in one run, when nothing else is due."""
GZIP = {"Content-Type": "application/gzip"}
PARQUET = {"Content-Type": "application/vnd.apache.parquet"}


@dataclass(frozen=True, slots=True)
class _File:
    """An archived file, as it was when it was archived."""

    tenant: str
    archived: ArchivedReport
    size: int
    sha256: str

    @property
    def key(self) -> ReportKey:
        """Its report's."""
        return self.archived.key

    @property
    def origin(self) -> RowsOrigin:
        """What the lake says of its rows."""
        return RowsOrigin(self.archived.report.name, self.key.date, self.sha256, self.key.digest)

    def lake_keys(self, sheets: Sequence[SheetPreview]) -> set[str]:
        """Where the rows of its sheets lie in the lake."""
        return {self.origin.key(self.tenant, sheet, number) for number, sheet in enumerate(sheets) if sheet.row_count}


@dataclass(frozen=True)
class ReportOpener:
    """Opens the files of one tenant after the other; one file at a time, since they share the function's disk."""

    store: Store
    archive: Archive
    _disk: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def open(self, tenant: str, run: KeeperRun) -> None:
        """Open every file that is due.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        archived = await self.archive.everything(tenant)
        for each in _due(archived, await opened_files(self.store, tenant)):
            async with self._disk:
                if not run.has_time():
                    return
                with run.attempt(f"opening {each.report.name!r} of {each.report.date} for {tenant}"):
                    await self._open(await self._file(tenant, each), run)

    async def _file(self, tenant: str, archived: ArchivedReport) -> _File:
        record = await self.store.get(archived.record)
        if record is None:
            raise LedgerUnavailable("a listed record could not be read")
        values = orjson.loads(record.body)
        return _File(tenant, archived, int(values["bytes"]), str(values["sha256"]))

    async def _open(self, file: _File, run: KeeperRun) -> None:
        stored = await stored_preview(self.store, file.tenant, file.key)
        preview = await self._preview(file, stored, run)
        if preview is None:
            run.complete = False
            LOG.info("a report file is left for the next run, which has more time")
            return
        await self.store.delete(sorted(file.lake_keys(_earlier_sheets(stored)) - file.lake_keys(preview.sheets)))
        await self.store.put(preview_key(file.tenant, file.key), encoded(preview), GZIP)
        report_id = ReportId.of(file.archived.report)
        await self.store.put(opened_key(file.tenant, file.key, report_id, READER_VERSION, file.size, file.sha256), b"")
        run.opened += 1
        telemetry.count("keeper.opened")
        if preview.state is not PreviewState.READY:
            LOG.info("a report file cannot be shown: %s, %s", preview.state.value, preview.reason)

    async def _preview(self, file: _File, stored: StoredPreview | None, run: KeeperRun) -> Preview | None:
        """What is in a file; None if the run has no time for it."""
        attempts, began = stored.attempts if stored else 0, run.deadline.remaining()
        if file.size > MOST_FILE_BYTES:
            return Preview(PreviewState.TOO_LARGE, f"the file has more than {MOST_FILE_BYTES:,} bytes")
        if attempts >= MOST_ATTEMPTS:
            return Preview(PreviewState.TOO_LARGE, f"the file could not be read to its end in {attempts} runs")
        await self._note(file, stored, attempts + 1)
        try:
            return await self._read(file, run)
        except Interrupted:
            if began < FULL_ATTEMPT_SECONDS:
                await self._note(file, stored, attempts)
            return None

    async def _note(self, file: _File, stored: StoredPreview | None, attempts: int) -> None:
        """Note how often opening a file has begun; what was known of it stays."""
        await self.store.put(preview_key(file.tenant, file.key), with_attempts(stored, attempts), GZIP)

    async def _read(self, file: _File, run: KeeperRun) -> Preview:
        with TemporaryDirectory(prefix="tally-report-") as folder:
            path, rows = Path(folder) / "file", Path(folder) / "rows"
            if not await self._fetch(file_key(file.tenant, file.key), path, file.size):
                return Preview(PreviewState.BROKEN, "the archived file is missing or shorter than it was")
            stored_under = rows_key(file.tenant, file.key, READER_VERSION)
            preview = await asyncio.to_thread(_opened, path, rows, stored_under, run)
            path.unlink()  # the disk may not hold both it and what is written for the lake
            if preview.state is PreviewState.READY:
                await self.store.upload(stored_under, _pieces(rows), GZIP)
                for number, sheet in enumerate(preview.sheets):
                    if sheet.row_count and await asyncio.to_thread(_written, path, rows, sheet, file.origin, run):
                        await self.store.upload(file.origin.key(file.tenant, sheet, number), _pieces(path), PARQUET)
                        LOG.info("%d rows of the report file have been written for the lake", sheet.row_count)
        return preview

    async def _fetch(self, key: str, path: Path, size: int) -> bool:
        """Copy an archived file to the disk, part by part; whether it is there, and whole."""
        with path.open("wb") as file:
            for start in range(0, size, PART_BYTES):
                piece = await self.store.get_range(key, start, min(start + PART_BYTES, size))
                if not piece:
                    return False
                file.write(piece)
            return file.tell() == size


def _opened(path: Path, rows: Path, stored_under: str, run: KeeperRun) -> Preview:
    """Runs in a thread of its own, so that the keeper's other work goes on."""
    with rows.open("wb") as file:
        return open_file(path, file, stored_under, _within(run))


def _written(path: Path, rows: Path, sheet: SheetPreview, origin: RowsOrigin, run: KeeperRun) -> bool:
    """Write a sheet for the lake, likewise; whether that went well. Without it the API answers all the same."""
    try:
        with path.open("wb") as file:
            write_report_rows(file, rows, sheet, origin, _within(run))
    except Interrupted:
        raise
    except Exception as error:  # noqa: BLE001 - its text may hold a cell
        LOG.error("a report file could not be written for the lake: %s", type(error).__name__)  # noqa: TRY400 - likewise
        return False
    return True


def _within(run: KeeperRun) -> Continues:
    """Ends a reading when the run has to end."""

    def continues() -> None:
        if not run.deadline.remaining():
            raise Interrupted

    return continues


def _earlier_sheets(stored: StoredPreview | None) -> Sequence[SheetPreview]:
    try:
        return stored.every_sheet() if stored else ()
    except OtherFormatError:
        return ()


def _due(archived: Sequence[ArchivedReport], opened: OpenedFiles) -> list[ArchivedReport]:
    """The files that nothing has opened, the newest first; without one, some that an earlier reader has."""
    newest_first = list(reversed(archived))
    new = [each for each in newest_first if opened.find(each.key) is None]
    if new:
        return new
    earlier = [each for each in newest_first if (file := opened.find(each.key)) and file.reader < READER_VERSION]
    return earlier[:EARLIER_READERS_A_RUN]


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PART_BYTES):
            yield piece
