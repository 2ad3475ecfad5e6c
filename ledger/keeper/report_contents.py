"""Opens archived report files that this version's reader has not opened yet, one after the other, the newest first.

What is found is written rows first, then the preview, then the object that says that the file has been opened: killed
in between, the next run opens the file again and writes the same. How often that began is noted before, so a file that
ends the process is given up after some runs and does not keep the others from being opened.
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
from ledger.contents.opening import Interrupted, open_file
from ledger.contents.previews import READER_VERSION, Preview, PreviewState, encoded, with_attempts
from ledger.contents.readers.refusals import MOST_FILE_BYTES
from ledger.keeper.run import KeeperRun
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
                    await self._open(tenant, each, run)

    async def _open(self, tenant: str, archived: ArchivedReport, run: KeeperRun) -> None:
        key = archived.key
        size, sha256 = await self._measured(archived)
        stored = await stored_preview(self.store, tenant, key)
        attempts = stored.attempts if stored else 0
        if size > MOST_FILE_BYTES:
            preview = Preview(PreviewState.TOO_LARGE, f"the file has more than {MOST_FILE_BYTES:,} bytes")
        elif attempts >= MOST_ATTEMPTS:
            preview = Preview(PreviewState.TOO_LARGE, f"the file could not be read to its end in {attempts} runs")
        else:
            began = run.deadline.remaining()
            await self.store.put(preview_key(tenant, key), with_attempts(stored, attempts + 1), GZIP)
            try:
                preview = await self._read(tenant, key, size, run)
            except Interrupted:
                run.complete = False
                LOG.info("a report file is left for the next run, which has more time")
                if began < FULL_ATTEMPT_SECONDS:
                    await self.store.put(preview_key(tenant, key), with_attempts(stored, attempts), GZIP)
                return
        await self.store.put(preview_key(tenant, key), encoded(preview), GZIP)
        done = opened_key(tenant, key, ReportId.of(archived.report), READER_VERSION, size, sha256)
        await self.store.put(done, b"")
        run.opened += 1
        telemetry.count("keeper.opened")
        if preview.state is not PreviewState.READY:
            LOG.info("a report file cannot be shown: %s, %s", preview.state.value, preview.reason)

    async def _measured(self, archived: ArchivedReport) -> tuple[int, str]:
        """The file's bytes and SHA-256, as they were when it was archived."""
        record = await self.store.get(archived.record)
        if record is None:
            raise LedgerUnavailable("a listed record could not be read")
        values = orjson.loads(record.body)
        return int(values["bytes"]), str(values["sha256"])

    async def _read(self, tenant: str, key: ReportKey, size: int, run: KeeperRun) -> Preview:
        with TemporaryDirectory(prefix="tally-report-") as folder:
            path, rows = Path(folder) / "file", Path(folder) / "rows"
            if not await self._fetch(file_key(tenant, key), path, size):
                return Preview(PreviewState.BROKEN, "the archived file is missing or shorter than it was")
            stored_under = rows_key(tenant, key, READER_VERSION)
            preview = await asyncio.to_thread(_opened, path, rows, stored_under, run)
            if preview.state is PreviewState.READY:
                await self.store.upload(stored_under, _pieces(rows), GZIP)
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

    def continues() -> None:
        if not run.deadline.remaining():
            raise Interrupted

    with rows.open("wb") as file:
        return open_file(path, file, stored_under, continues)


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
