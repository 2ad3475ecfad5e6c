"""One process that exports. As a program it is killed at each of its writes in turn, and started again."""

import asyncio
import csv
import gzip
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]  # its stubs are a package of their own

from functions.settings import Settings
from functions.wiring import Parts, store_of
from ledger.days.blocks import BLOCK_ROWS
from ledger.days.day_store import DayStore
from ledger.days.rows import COLUMNS, Rows
from ledger.exports.export_log import ExportLog, ExportSnapshot
from ledger.exports.exports import PATIENCE, Exports
from ledger.exports.jobs import ExportFormat, ExportJob, ExportStatus
from ledger.exports.writer import Exporter
from ledger.figures.selection import Selection
from ledger.storage.leases import Leases
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from runtime.clock import Clock, Period
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.forks import in_groups, result_of_first
from tests.support.repository import ROOT

LEASE_SECONDS = 0.3
NOON = datetime(2019, 12, 5, 12, tzinfo=UTC)


class QuickParts(Parts):
    """Parts with short leases, so that a killed process blocks the next one briefly."""

    @cached_property
    def leases(self) -> Leases:
        return Leases(self.store, LEASE_SECONDS)


class DyingBucket(S3Bucket):
    """Kills the process right after its nth write, which is the same as right before the next one."""

    death = 0
    writes = 0

    async def put(self, key: str, body: bytes, attributes: Mapping[str, str], condition: str | None) -> str | None:
        return await self.mortal(lambda: super(DyingBucket, self).put(key, body, attributes, condition))

    async def upload(self, key: str, chunks: AsyncIterator[bytes], attributes: Mapping[str, str]) -> None:
        await self.mortal(lambda: super(DyingBucket, self).upload(key, chunks, attributes))

    async def delete(self, keys: Sequence[str]) -> None:
        await self.mortal(lambda: super(DyingBucket, self).delete(keys))

    async def mortal[T](self, write: Callable[[], Awaitable[T]]) -> T:
        self.writes += 1
        last = self.writes == self.death
        written = await write()
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return written


class ExportingProcess:
    """Requests exports, and writes them in `finish`; `started` has the ids it would have started."""

    parts: type[Parts] = Parts

    def __init__(
        self,
        environ: Mapping[str, str],
        clock: Clock,
        *,
        store: Store | None = None,
        patience: timedelta = PATIENCE,
        part_bytes: int = 1,
        block_rows: int = BLOCK_ROWS,
        **limits: int,
    ) -> None:
        self.settings = Settings.read(environ)
        self.store = store or store_of(self.settings)
        made = self.parts(self.settings, clock, self.store)
        self.credit_log = made.credit_log
        self.credit_log.block_rows = block_rows
        self.exporter = Exporter(self.store, made.leases, self.credit_log, part_bytes=part_bytes, **limits)
        self.started: list[str] = []
        self.exports = Exports(self.store, self._start, clock, patience)

    async def _start(self, _tenant: str, export_id: str) -> None:
        self.started.append(export_id)

    async def finish(self, export_id: str, tenant: str = "default") -> ExportSnapshot:
        """Write an export, in several runs if need be, until it is done or has failed."""
        log = ExportLog(self.store, tenant, export_id)
        while True:
            more = await self.exporter.write(tenant, export_id, Deadline.after(300))
            seen = await log.newest()
            assert isinstance(seen, ExportSnapshot)
            assert not more
            if seen.state.status.final:
                return seen
            await asyncio.sleep(LEASE_SECONDS / 3)

    async def file(self, seen: ExportSnapshot) -> bytes:
        """The file in S3."""
        job = seen.state.job
        stored = await self.store.get(ExportLog(self.store, job.tenant, seen.id).key(job.file_name))
        assert stored is not None
        return stored.body

    async def shown(self, job: ExportJob) -> list[list[str]]:
        """The rows that `creditLog` shows of the same job, the oldest first."""
        held = await self.credit_log.snapshot(job.tenant, job.brand, job.period, Deadline.after(20))
        page = await Selection(held, job.period, job.where).page(10_000, None)
        cells = page.rows.cells
        return [list(cells[at : at + 8]) for at in range(0, len(cells), 8)]


class MortalExporter(ExportingProcess):
    """One whose leases are short."""

    parts = QuickParts


def job(
    start: str = "2019-11-12T00:00:00Z",
    end: str = "2019-11-15T00:00:00Z",
    *,
    tenant: str = "default",
    brand: str | None = None,
    written_as: ExportFormat = ExportFormat.CSV,
    unmasked: bool = True,
) -> ExportJob:
    """An export of three days."""
    period = Period(datetime.fromisoformat(start), datetime.fromisoformat(end))
    return ExportJob(tenant, period, brand, written_as, unmasked)


def resumed(written_as: ExportFormat, *, newest_first: bool) -> ExportJob:
    """The export that the program is killed at."""
    return replace(job(written_as=written_as), newest_first=newest_first)


async def fill(environ: Mapping[str, str], days: int, rows_a_day: int) -> ExportJob:
    """Store settled days without a vendor; returns the job that exports them."""
    store = DayStore(store_of(Settings.read(environ)), "default", None)
    first = date(2019, 1, 1)
    for number in range(days):
        day = first + timedelta(days=number)
        cells = [
            cell
            for row in range(rows_a_day)
            for cell in (
                str(day.toordinal() << 40 | row),
                f"{day}T{row * 20 % 86400 // 3600:02}:{row // 60 % 60:02}:{row % 60:02}Z",
                str(447700900000 + row % 23),
                ("Vodafone", "O2", "Three")[row % 3],
                "SUCCESS",
                "confirmed",
                f"{row % 7}.5",
                "GBP",
            )
        ]
        await store.write(day, NOON, Rows(cells), settled=True)
    return job("2019-01-01T00:00:00Z", f"{first + timedelta(days=days)}T00:00:00Z")


type Start = Callable[..., ExportingProcess]
"""The fixture `start` of the exports' tests."""


def ids_of(file: bytes, written_as: ExportFormat) -> list[str]:
    """The credit ids of a file, in order."""
    if written_as is ExportFormat.XLSX:
        sheet = openpyxl.load_workbook(io.BytesIO(file), read_only=True)["Credits"]
        return [str(row[0].value) for row in sheet.iter_rows(min_row=2)]
    return [row[0] for row in rows_of(file)]


def rows_of(file: bytes) -> list[list[str]]:
    """The rows of a CSV file, whose header is checked."""
    header, *rows = csv.reader(io.StringIO(gzip.decompress(file).decode(), newline=""))
    assert header == list(COLUMNS)
    return rows


async def printed_by_program(environ: dict[str, str], *arguments: str) -> str:
    """Run this module as a program, and return what it prints."""
    run = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.processes.exporting_process",
        *arguments,
        env=environ,
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    printed, _ = await run.communicate()
    assert run.returncode == 0
    return printed.decode()


def crash_everywhere(asked: ExportJob) -> None:
    """Be killed at the first write, at the second, … until an export needs no more; print the number of kills."""
    deaths = range(1, 1 + result_of_first(partial(_export, asked, 0)))
    died = in_groups({death: partial(_export, asked, death) for death in deaths})
    time.sleep(LEASE_SECONDS)  # the dead ones' leases have to expire
    risen = in_groups({death: partial(_export, asked, death, dying=False) for death in deaths})
    assert set(died.values()) <= {0, -signal.SIGKILL}, died  # 0: the lease was renewed less often than in the first
    assert set(risen.values()) == {0}, risen
    print(sum(status != 0 for status in died.values()))  # noqa: T201 - this program's result


async def _export(asked: ExportJob, death: int, *, dying: bool = True) -> int:
    """Export in an hour of its own, since equal requests within an hour are one export; how often that writes."""
    bucket = DyingBucket(os.environ["LEDGER_BUCKET"], os.environ["AWS_ENDPOINT_URL"])
    bucket.death = death if dying else 0
    process = MortalExporter(os.environ, MovingClock(NOON + timedelta(hours=2 * death)), store=Store(bucket))
    seen = await process.finish((await process.exports.request(asked)).id)
    assert seen.state.status is ExportStatus.DONE
    return bucket.writes


def measure(export_id: str) -> None:
    """Write an export as the exporter function does; print the peak memory in MiB."""
    from functions.wiring import exporter_of  # noqa: PLC0415 - the other programs have no use for it

    exporter = exporter_of(Settings.read(os.environ))
    asyncio.run(exporter.write("default", export_id, Deadline.after(600)))
    status = Path("/proc/self/status").read_text()  # getrusage would count what our parent had
    print(int(status.partition("VmHWM:")[2].split()[0]) // 1024, flush=True)  # noqa: T201
    os._exit(0)  # obstore's threads may still call into an interpreter that is shutting down, which aborts it


if __name__ == "__main__":
    if sys.argv[1] == "crash":
        crash_everywhere(resumed(ExportFormat[sys.argv[2]], newest_first=sys.argv[3] == "newest"))
    else:
        measure(sys.argv[1])
