"""Exports that are interrupted: by time, another exporter, a crash, a failing vendor or objects that are lost."""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, cast

import pytest

from ledger.credits.credit_log import CreditLog
from ledger.credits.period_snapshot import PeriodSnapshot
from ledger.exports.export_log import ExportLog, ExportSnapshot, UnreadableExport
from ledger.exports.jobs import ExportFormat, ExportState, ExportStatus
from ledger.exports.writer import PART_LOST, Exporter
from ledger.storage.leases import Leases
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from local.aws import Aws
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.simulator import failing
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.exporting_process import (
    NOON,
    ExportingProcess,
    Start,
    ids_of,
    job,
    printed_by_program,
    resumed,
    rows_of,
)
from upstreams.errors import UpstreamTimeout

pytestmark = pytest.mark.anyio
LATE = 50.0
"""Seconds left of an invocation that has to hand over; all that an upstream call needs."""


async def test_an_exporter_that_runs_out_of_time_hands_over_and_nothing_is_written_twice(start: Start) -> None:
    seen = await start().exports.request(job())
    shifts = 1
    while await start().exporter.write("default", seen.id, Deadline.after(LATE)):
        shifts += 1
        assert shifts < 10
    process = start()
    done = await process.exports.find("default", seen.id)
    assert isinstance(done, ExportSnapshot)
    assert shifts >= 3
    assert done.state.status is ExportStatus.DONE
    assert rows_of(await process.file(done)) == await process.shown(job())
    assert len({part.name for part in done.state.parts}) == len(done.state.parts) == 3


class LogOutOfTime:
    """A credit log in which the time is up when days are asked for the second time."""

    def __init__(self, log: CreditLog) -> None:
        self._log = log
        self._calls = 0

    async def snapshot(self, *asked: Any) -> PeriodSnapshot:
        """The days, unless the time is up."""
        self._calls += 1
        if self._calls == 2:
            late = UpstreamTimeout("openmarket", "the deadline passed before the answer was read")
            late.hurried = True
            raise late
        return await self._log.snapshot(*asked)


async def test_an_exporter_whose_time_ends_while_a_day_is_fetched_hands_over(start: Start) -> None:
    process = start()
    seen = await process.exports.request(job())
    tired = cast("CreditLog", LogOutOfTime(process.credit_log))
    exporter = Exporter(process.store, Leases(process.store, 0.3), tired, part_bytes=1)
    assert await exporter.write("default", seen.id, Deadline.after(300)) is True
    found = await process.exports.find("default", seen.id)
    assert isinstance(found, ExportSnapshot)
    assert len(found.state.parts) == 2
    done = await process.finish(seen.id)
    assert rows_of(await process.file(done)) == await process.shown(job())


async def test_of_two_exporters_at_once_one_does_the_work(
    start: Start, openmarket_simulator: OpenMarketSimulator
) -> None:
    openmarket_simulator.latency = 0.3
    one, other = start(), start()
    seen = await one.exports.request(job())
    await asyncio.gather(*(process.exporter.write("default", seen.id, Deadline.after(300)) for process in (one, other)))
    done = await one.finish(seen.id)
    assert rows_of(await one.file(done)) == await one.shown(job())
    assert done.state.number == 5, "asked for, running, three parts, done: no step was taken twice"


class StolenLease(S3Bucket):
    """Takes another exporter's turn right before this one's first part is written."""

    def __init__(self, bucket: str, endpoint: str, other: ExportingProcess) -> None:
        super().__init__(bucket, endpoint)
        self.other = other
        self.export_id = ""

    async def put(self, key: str, body: bytes, attributes: Mapping[str, str], condition: str | None) -> str | None:
        if "/part-" in key and self.export_id:
            export_id, self.export_id = self.export_id, ""
            await self.delete([f"exports/tenant=default/{export_id}/_lease"])
            await self.other.finish(export_id)
        return await super().put(key, body, attributes, condition)


async def test_an_exporter_that_was_taken_for_dead_changes_nothing(
    start: Start, settings_environ: dict[str, str], clock: MovingClock, aws: Aws
) -> None:
    other = start()
    await other.shown(job())
    bucket = StolenLease(settings_environ["LEDGER_BUCKET"], aws.endpoint, other)
    ghost = ExportingProcess(settings_environ, clock, store=Store(bucket))
    seen = await ghost.exports.request(job())
    bucket.export_id = seen.id
    assert await ghost.exporter.write("default", seen.id, Deadline.after(300)) is False
    done = await other.exports.find("default", seen.id)
    assert isinstance(done, ExportSnapshot)
    assert done.state.status is ExportStatus.DONE
    assert rows_of(await other.file(done)) == await other.shown(job())


async def test_an_upstream_that_fails_for_a_moment_does_not_fail_the_export(
    start: Start, openmarket_simulator: OpenMarketSimulator
) -> None:
    openmarket_simulator.misbehave(failing(503), times=3)
    process = start()
    assert (await process.finish((await process.exports.request(job())).id)).state.status is ExportStatus.DONE


async def test_an_export_that_fails_says_why_and_can_be_asked_for_again(
    start: Start, openmarket_simulator: OpenMarketSimulator
) -> None:
    openmarket_simulator.misbehave(failing(404), times=None)
    process = start()
    failed = await process.finish((await process.exports.request(job())).id)
    assert failed.state.status is ExportStatus.FAILED
    assert failed.state.error == "UPSTREAM_BAD_RESPONSE: the vendor answered with status 404"
    openmarket_simulator.behave()
    again = await process.exports.request(job())
    assert (again.id, again.state.status, again.state.error) == (failed.id, ExportStatus.QUEUED, None)
    assert (await process.finish(failed.id)).state.status is ExportStatus.DONE
    assert process.started == [failed.id, failed.id]


RECORD = json.loads(ExportState(0, ExportStatus.QUEUED, job(), NOON).to_bytes())
JOB = RECORD["job"]
RUBBISH: dict[str, object] = {
    "null": None,
    "a list": [],
    "no job": {},
    "a number as status": RECORD | {"status": 1},
    "an unknown status": RECORD | {"status": "PERHAPS"},
    "another tenant's": RECORD | {"job": ["other", *JOB[1:]]},
    "a job without a format": RECORD | {"job": [*JOB[:4], None, JOB[5]]},
    "a brand that is a list": RECORD | {"job": [*JOB[:3], ["A"], *JOB[4:]]},
    "a scope as text": RECORD | {"job": [*JOB[:5], "false"]},
    "a job with a cell too many": RECORD | {"job": [*JOB, None]},
    "a job with two more": RECORD | {"job": [*JOB, {}, {}]},
    "a filter that is a list": RECORD | {"job": [*JOB, {"where": []}]},
    "a filter with an unknown condition": RECORD | {"job": [*JOB, {"where": {"colour": "red"}}]},
    "a network as text": RECORD | {"job": [*JOB, {"where": {"network": "O2"}}]},
    "a bound that is no number": RECORD | {"job": [*JOB, {"where": {"min_amount": "much"}}]},
    "an order as text": RECORD | {"job": [*JOB, {"newestFirst": "yes"}]},
    "a time without a zone": RECORD | {"asked": "2019-12-05T12:00:00"},
    "parts as an object": RECORD | {"parts": {}},
    "a part without a size": RECORD | {"parts": [["part-000001-aa.deflate", 1]]},
    "rows as text": RECORD | {"parts": [["part-000001-aa.deflate", "1", 1]]},
    "a CRC as text": RECORD | {"crc": "0"},
    "no length": {key: value for key, value in RECORD.items() if key != "length"},
    "a size as text": RECORD | {"size": "1"},
    "a number as error": RECORD | {"error": 1},
    "done, and no file": RECORD | {"status": "DONE", "size": 100},
}


@pytest.mark.parametrize(
    "body",
    [b"", json.dumps(RECORD).encode()[:-40], *(json.dumps(record).encode() for record in RUBBISH.values())],
    ids=["nothing", "cut off", *RUBBISH],
)
async def test_an_export_whose_newest_step_cannot_be_read_has_failed_and_starts_again(
    start: Start, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    process = start()
    export = await process.exports.request(job())
    log = ExportLog(process.store, "default", export.id)
    await process.store.put(log.key("state-000000.json"), body)
    assert await process.exports.find("default", export.id) == UnreadableExport(export.id, 0)
    assert [record.getMessage() for record in caplog.records if log.folder in record.getMessage()]
    assert await process.exporter.write("default", export.id, Deadline.after(300)) is False
    again = await start().exports.request(job())
    assert (again.id, again.state.number, again.state.status) == (export.id, 1, ExportStatus.QUEUED)
    assert rows_of(await process.file(await process.finish(export.id))) == await process.shown(job())


@pytest.mark.parametrize("name", ["state-.json", "state-newest.json", "state-000009.json.bak", "state-²²²²²².json"])
async def test_a_step_of_another_name_is_not_a_step(start: Start, name: str) -> None:
    process = start()
    export = await process.exports.request(job())
    await process.store.put(ExportLog(process.store, "default", export.id).key(name), b"{}")
    assert rows_of(await process.file(await process.finish(export.id))) == await process.shown(job())


PARTS: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "an object": lambda _: b"{}",
    "cut off": lambda part: part[:-1],
    "noise of the same size": lambda part: bytes(reversed(part)),
    "a changed byte": lambda part: part[:20] + bytes([part[20] ^ 1]) + part[21:],
    "zeros": lambda part: bytes(len(part)),
}


@pytest.mark.parametrize("spoiled", PARTS.values(), ids=PARTS)
async def test_a_lost_part_fails_the_export_and_the_next_request_writes_it_again(
    start: Start, spoiled: Callable[[bytes], bytes]
) -> None:
    process = start()
    export = await process.exports.request(job())
    assert await process.exporter.write("default", export.id, Deadline.after(LATE))
    found = await process.store.listing(f"exports/tenant=default/{export.id}")
    part = next(item for item in found if "/part-" in item.key)
    stored = await process.store.get(part.key)
    assert stored is not None
    await process.store.put(part.key, spoiled(stored.body))
    failed = await process.finish(export.id)
    assert (failed.state.status, failed.state.error) == (ExportStatus.FAILED, PART_LOST)
    names = [item.key.rpartition("/")[2] for item in await process.store.listing(f"exports/tenant=default/{export.id}")]
    assert job().file_name not in names, "a file of lost rows is never shown"
    assert (await process.exports.request(job())).state.status is ExportStatus.QUEUED
    assert rows_of(await process.file(await process.finish(export.id))) == await process.shown(job())


async def test_an_export_whose_file_is_gone_or_cut_off_is_written_again(start: Start) -> None:
    process = start()
    done = await process.finish((await process.exports.request(job())).id)
    key = ExportLog(process.store, "default", done.id).key(job().file_name)
    for body in (None, b"{}"):
        await (process.store.delete([key]) if body is None else process.store.put(key, body))
        assert isinstance(await process.exports.find("default", done.id), UnreadableExport)
        again = await process.exports.request(job())
        assert (again.id, again.state.status) == (done.id, ExportStatus.QUEUED)
        assert rows_of(await process.file(await process.finish(done.id))) == await process.shown(job())


async def test_what_was_written_before_a_failure_is_not_in_the_file_twice(
    start: Start, openmarket_simulator: OpenMarketSimulator
) -> None:
    process, asked = start(), job("2019-11-10T00:00:00Z", "2019-11-20T00:00:00Z")
    await process.shown(job("2019-11-10T00:00:00Z", "2019-11-14T00:00:00Z"))
    openmarket_simulator.misbehave(failing(404), times=None)
    failed = await process.finish((await process.exports.request(asked)).id)
    assert failed.state.parts
    openmarket_simulator.behave()
    await process.exports.request(asked)
    assert rows_of(await process.file(await process.finish(failed.id))) == await process.shown(asked)


async def test_stored_rows_that_cannot_be_read_are_asked_for_again(start: Start, clock: MovingClock) -> None:
    process = start()
    wanted = await process.shown(job())
    clock.advance(days=30)
    for found in await process.store.listing("credit-log"):
        if "2019-11-13" in found.key and found.key.endswith("rows.csv.gz"):
            stored = await process.store.get(found.key)
            assert stored is not None
            await process.store.put(found.key, stored.body[:-20])
    reader = start()
    assert rows_of(await reader.file(await reader.finish((await reader.exports.request(job())).id))) == wanted


@pytest.mark.parametrize(
    ("written_as", "order"),
    [(ExportFormat.CSV, "oldest"), pytest.param(ExportFormat.XLSX, "newest", marks=pytest.mark.slow)],
)
async def test_killed_after_any_write_the_export_is_resumed_and_its_file_is_the_same(
    start: Start, settings_environ: dict[str, str], clock: MovingClock, written_as: ExportFormat, order: str
) -> None:
    process, asked = start(), resumed(written_as, newest_first=order == "newest")
    shown = [row[0] for row in await process.shown(asked)]
    wanted = shown if order == "oldest" else shown[::-1]
    deaths = int(await printed_by_program(settings_environ, "crash", written_as.name, order))
    assert deaths >= 12
    for death in range(1, deaths + 1):
        clock.moment = NOON + timedelta(hours=2 * death)
        seen = await process.exports.request(asked)
        assert (seen.state.status, seen.state.rows) == (ExportStatus.DONE, len(wanted)), death
        assert ids_of(await process.file(seen), written_as) == wanted, death
