"""An export's file holds exactly what the credit log shows, whatever dies, comes twice or runs out of time."""

import asyncio
import csv
import gzip
import io
import json
import subprocess
import sys
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from ledger.answers.freshness import Source
from ledger.credits.masking import masked
from ledger.credits.rows import COLUMNS, HEADER
from ledger.exports.exports import is_stalled
from ledger.exports.jobs import ExportFormat, ExportLog, ExportSnapshot, ExportState, ExportStatus, UnreadableExport
from ledger.exports.writer import PART_LOST
from ledger.storage.bucket import ListedObject
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from local.aws import Aws
from local.credits import SimulatedCredit
from local.openmarket import OpenMarketSimulator
from local.simulator import failing
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.exporting_process import NOON, ExportingProcess, fill, job
from tests.support.repository import ROOT
from upstreams.transport import trusted

type Start = Callable[..., ExportingProcess]

pytestmark = pytest.mark.anyio
LATE = 50.0
"""Seconds left of an invocation that has to hand over; all that an upstream call needs."""


@pytest.fixture
def clock(openmarket_simulator: OpenMarketSimulator) -> MovingClock:
    trusted()
    clock = openmarket_simulator.clock = MovingClock(NOON)
    openmarket_simulator.rows_a_day = 50
    return clock


@pytest.fixture
def start(settings_environ: dict[str, str], clock: MovingClock) -> Start:
    """Start one more process on the same bucket and vendors."""

    begun: list[ExportingProcess] = []  # kept to the end, as processes keep their connections

    def begin(**options: int | timedelta) -> ExportingProcess:
        begun.append(ExportingProcess(settings_environ, clock, **options))  # type: ignore[arg-type]  # options of ExportingProcess
        return begun[-1]

    return begin


def rows_of(file: bytes) -> list[list[str]]:
    """A CSV file's rows; the header has to be right."""
    header, *rows = csv.reader(io.StringIO(gzip.decompress(file).decode(), newline=""))
    assert header == list(COLUMNS)
    return rows


PERIODS = [
    ("2019-11-12T00:00:00Z", "2019-11-15T00:00:00Z"),
    ("2019-11-12T05:30:01Z", "2019-11-14T17:00:00Z"),
    ("2019-11-12T08:00:00Z", "2019-11-12T08:30:00Z"),
    ("2019-10-30T00:00:00+05:00", "2019-12-10T00:00:00-03:00"),
    ("2019-12-05T00:00:00Z", "2019-12-06T00:00:00Z"),
]


@pytest.mark.parametrize(("begin", "end"), PERIODS)
async def test_the_file_holds_the_rows_that_the_credit_log_shows(start: Start, begin: str, end: str) -> None:
    process, asked = start(), job(begin, end)
    done = await process.finish((await process.exports.request(asked)).id)
    shown = await start().shown(asked)
    assert shown
    assert rows_of(await process.file(done)) == shown
    assert (done.state.status, done.state.rows) == (ExportStatus.DONE, len(shown))


async def test_a_brand_s_export_holds_that_brand_s_rows(start: Start) -> None:
    process, asked = start(), job(brand="Smith, Jones Radio")
    done = await process.finish((await process.exports.request(asked)).id)
    assert rows_of(await process.file(done)) == await start().shown(asked)
    assert 0 < done.state.rows < 150


async def test_odd_text_comes_out_as_it_went_in(start: Start, openmarket_simulator: OpenMarketSimulator) -> None:
    odd = 'O"2", \u20ac \U0001f600'
    when = datetime(2019, 11, 13, 12, 0, 0, tzinfo=UTC)
    openmarket_simulator.add(
        SimulatedCredit(18446744073709551615, when, "447700900001", odd, "0.10", "GBP", "MyBrand", "odd", "odd", when)
    )
    for written_as in ExportFormat:
        process, asked = start(), job(written_as=written_as)
        file = await process.file(await process.finish((await process.exports.request(asked)).id))
        wanted = ["18446744073709551615", "2019-11-13T12:00:00Z", "447700900001", odd, "UNKNOWN", "odd", "0.10", "GBP"]
        if written_as is ExportFormat.CSV:
            assert wanted in rows_of(file)
        else:
            assert dict(zip(COLUMNS, wanted, strict=True)) in list(map(json.loads, gzip.decompress(file).splitlines()))


async def test_json_lines_say_the_same_as_csv(start: Start) -> None:
    process = start()
    files = [
        await process.file(await process.finish((await process.exports.request(job(written_as=written_as))).id))
        for written_as in (ExportFormat.CSV, ExportFormat.JSONL)
    ]
    lines = [json.loads(line) for line in gzip.decompress(files[1]).splitlines()]
    assert [list(line) for line in lines] == [list(COLUMNS)] * len(lines)
    assert [list(line.values()) for line in lines] == rows_of(files[0])


async def test_without_the_scope_s_mark_phone_numbers_are_masked_and_nothing_else(start: Start) -> None:
    process = start()
    whole, hidden = [
        rows_of(await process.file(await process.finish((await process.exports.request(job(unmasked=unmasked))).id)))
        for unmasked in (True, False)
    ]
    assert hidden == [[*row[:2], masked(row[2]), *row[3:]] for row in whole]
    assert hidden[0][2].startswith("4477****")


@pytest.mark.parametrize(("written_as", "text"), [(ExportFormat.CSV, f"{HEADER}\n"), (ExportFormat.JSONL, "")])
async def test_an_empty_period_makes_a_file_without_rows(start: Start, written_as: ExportFormat, text: str) -> None:
    process = start()
    asked = job("2019-11-12T00:00:00Z", "2019-11-12T00:00:00Z", written_as=written_as)
    done = await process.finish((await process.exports.request(asked)).id)
    assert gzip.decompress(await process.file(done)).decode() == text
    assert done.state.rows == 0


async def test_the_file_is_one_gzip_member_of_the_size_that_is_told(start: Start) -> None:
    process = start()
    done = await process.finish((await process.exports.request(job())).id)
    file = await process.file(done)
    reader = zlib.decompressobj(wbits=31)
    reader.decompress(file)
    assert (reader.eof, reader.unused_data) == (True, b"")
    assert done.state.size == len(file)
    assert len(done.state.parts) == 3


async def test_parts_are_gone_once_the_file_is_there(start: Start) -> None:
    process = start()
    done = await process.finish((await process.exports.request(job())).id)
    names = [found.key.rpartition("/")[2] for found in await process.store.listing(f"exports/tenant=default/{done.id}")]
    assert not [name for name in names if name.startswith("part-") or name == "_lease"]
    assert job().file_name in names


async def test_days_that_are_held_are_not_asked_for(start: Start, openmarket_simulator: OpenMarketSimulator) -> None:
    process = start()
    await process.shown(job())
    before = openmarket_simulator.count("/csv/log")
    await process.finish((await start().exports.request(job())).id)
    assert openmarket_simulator.count("/csv/log") == before


async def test_many_days_are_asked_for_in_few_requests(start: Start, openmarket_simulator: OpenMarketSimulator) -> None:
    process = start()
    await process.finish((await process.exports.request(job("2019-09-07T00:00:00Z", "2019-12-05T00:00:00Z"))).id)
    assert openmarket_simulator.count("/csv/log") <= 5


async def test_dense_days_are_asked_for_a_few_at_a_time(
    start: Start, openmarket_simulator: OpenMarketSimulator
) -> None:
    openmarket_simulator.rows_a_day = 500
    process = start(rows_at_once=2000)
    done = await process.finish((await process.exports.request(job("2019-11-01T00:00:00Z", "2019-11-11T00:00:00Z"))).id)
    assert done.state.rows == 5000
    assert openmarket_simulator.count("/csv/log") == 3


async def test_equal_requests_within_the_hour_are_one_export(start: Start, clock: MovingClock) -> None:
    clock.moment = datetime(2019, 12, 5, 12, 40, tzinfo=UTC)
    first = await start().exports.request(job())
    clock.advance(minutes=59, seconds=59)
    again, other = start(), start()
    assert (await again.exports.request(job("2019-11-12T02:00:00+02:00"))).id == first.id
    clock.advance(seconds=1)
    assert (await other.exports.request(job())).id != first.id
    assert len(other.started) == 1


async def test_ten_equal_requests_at_once_start_one_export(start: Start) -> None:
    processes = [start() for _ in range(10)]
    ids = {seen.id for seen in await asyncio.gather(*(process.exports.request(job()) for process in processes))}
    assert len(ids) == 1
    assert sum(len(process.started) for process in processes) == 1


async def test_other_requests_are_other_exports(start: Start) -> None:
    exports = start().exports
    others = [
        job(),
        job(end="2019-11-16T00:00:00Z"),
        job(brand="MyBrand"),
        job(written_as=ExportFormat.JSONL),
        job(unmasked=False),
        job(tenant="other"),
    ]
    assert len({(await exports.request(other)).id for other in others}) == len(others)


async def test_an_export_is_found_by_its_tenant_only(start: Start) -> None:
    exports = start().exports
    seen = await exports.request(job())
    assert await exports.find("default", seen.id) is not None
    assert await exports.find("other", seen.id) is None
    for no_id in ("no-such-export", "", "0" * 32, "../default/" + seen.id, seen.id.upper(), seen.id + "\n"):
        assert await exports.find("default", no_id) is None


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


async def test_an_unreadable_export_of_the_hour_before_does_not_matter(start: Start, clock: MovingClock) -> None:
    process = start()
    before = await process.exports.request(job())
    await process.store.put(ExportLog(process.store, "default", before.id).key("state-000000.json"), b"no JSON")
    clock.advance(hours=1)
    anew = await process.exports.request(job())
    assert (anew.id != before.id, anew.state.number) == (True, 0)


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


async def test_an_export_made_of_old_answers_says_that_it_is_stale(
    start: Start, openmarket_simulator: OpenMarketSimulator, clock: MovingClock
) -> None:
    process, asked = start(), job("2019-12-04T00:00:00Z", "2019-12-05T00:00:00Z")
    await process.shown(asked)
    clock.advance(hours=8)
    openmarket_simulator.misbehave(failing(500), times=None)
    done = await process.finish((await process.exports.request(asked)).id)
    assert done.state.freshness is not None
    assert (done.state.freshness.stale, done.state.freshness.as_of) == (True, NOON)
    assert done.state.freshness.source is Source.CACHE


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


AGES = [
    ({"state-000000.json": 59}, False),
    ({"state-000000.json": 60}, True),
    ({"state-000000.json": 300, "state-000001.json": 59}, False),
    ({"state-000000.json": 300, "state-000001.json": 290, "_lease": 3}, False),
    ({"state-000000.json": 300, "state-000001.json": 290, "_lease": 19}, False),
    ({"state-000000.json": 300, "state-000001.json": 290, "_lease": 20}, True),
    ({"state-000000.json": 300, "part-000002-9a.deflate": 5}, False),
    ({"state-000000.json": 300, "woken-000000": 59}, False),
    ({"state-000000.json": 300, "woken-000000": 120, "woken-000001": 60}, True),
]


@pytest.mark.parametrize(("ages", "still"), AGES)
def test_an_export_stands_still_when_its_exporter_is_gone_and_the_last_start_a_minute_ago(
    ages: dict[str, int], *, still: bool
) -> None:
    objects = [ListedObject(f"exports/x/{name}", 1, NOON - timedelta(seconds=age)) for name, age in ages.items()]
    seen = ExportSnapshot("x", ExportState(0, ExportStatus.RUNNING, job(), NOON), objects)
    assert is_stalled(seen, NOON) is still


async def test_an_export_at_a_standstill_is_started_again_by_one_of_those_who_ask(start: Start) -> None:
    first = start()  # begins nothing by itself, as though it had died at once
    seen = await first.exports.request(job())
    assert (await start().exports.restart_if_stalled(seen)).state.status is ExportStatus.QUEUED
    askers = [start(patience=timedelta(0)) for _ in range(5)]
    await asyncio.gather(*(process.exports.restart_if_stalled(seen) for process in askers))
    assert [export_id for process in askers for export_id in process.started] == [seen.id]
    assert (await askers[0].exports.request(job())).id == seen.id
    assert sum(len(process.started) for process in askers) == 2
    assert (await first.finish(seen.id)).state.status is ExportStatus.DONE


async def test_an_exporter_at_work_is_to_be_seen(start: Start, openmarket_simulator: OpenMarketSimulator) -> None:
    openmarket_simulator.latency = 1.0
    process = start()
    seen = await process.exports.request(job())
    working = asyncio.create_task(process.finish(seen.id))
    while not openmarket_simulator.count("/csv/log"):  # noqa: ASYNC110 - the vendor is on a thread of its own
        await asyncio.sleep(0.02)
    present = await start().exports.find("default", seen.id)
    assert isinstance(present, ExportSnapshot)
    assert (present.state.status, present.count("_lease")) == (ExportStatus.RUNNING, 1)
    await working


async def test_the_link_downloads_the_file_under_its_name(start: Start, clock: MovingClock, aws: Aws) -> None:
    process = start()
    seen = await process.exports.request(job())
    assert await process.exports.link(seen) is None
    done = await process.finish(seen.id)
    link = await process.exports.link(done)
    assert link is not None
    assert link.expires_at == clock() + timedelta(minutes=15)
    head = aws.client("s3").head_object(
        Bucket=process.settings.ledger_bucket, Key=ExportLog(process.store, "default", done.id).key(job().file_name)
    )
    assert head["ContentDisposition"] == 'attachment; filename="credits-20191112T000000Z-20191115T000000Z.csv.gz"'
    assert head["ContentType"] == "application/gzip"
    assert "ContentEncoding" not in head


async def program(environ: dict[str, str], *arguments: str) -> str:
    """What `tests.support.processes.exporting_process` prints."""
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


async def test_killed_after_any_write_the_export_is_resumed_and_its_file_is_the_same(
    start: Start, settings_environ: dict[str, str], clock: MovingClock
) -> None:
    process = start()
    wanted = await process.shown(job())
    deaths = int(await program(settings_environ, "crash"))
    assert deaths >= 12
    for death in range(1, deaths + 1):
        clock.moment = NOON + timedelta(hours=2 * death)
        seen = await process.exports.request(job())
        assert (seen.state.status, seen.state.rows) == (ExportStatus.DONE, len(wanted)), death
        assert rows_of(await process.file(seen)) == wanted, death


async def test_memory_does_not_grow_with_what_is_exported(
    start: Start, settings_environ: dict[str, str], clock: MovingClock
) -> None:
    clock.moment = datetime(2019, 12, 31, tzinfo=UTC)
    process = start()
    peaks = []
    for days in (8, 80):
        seen = await process.exports.request(await fill(settings_environ, days, 3000))
        peaks.append(int(await program(settings_environ, seen.id)))
        done = await process.exports.find("default", seen.id)
        assert isinstance(done, ExportSnapshot)
        assert (done.state.status, done.state.rows) == (ExportStatus.DONE, days * 3000)
    assert peaks[1] - peaks[0] < 15, f"MiB: {peaks}"
    assert peaks[1] < 128, f"MiB: {peaks}"
