"""What an exported file holds: the rows of the credit log, in both formats, masked or not, fetched in few requests."""

import gzip
import json
import shutil
import subprocess
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ledger.answers.freshness import Source
from ledger.days.rows import COLUMNS, HEADER
from ledger.exports.export_log import ExportLog, ExportSnapshot
from ledger.exports.jobs import ExportFormat, ExportStatus
from ledger.exports.spreadsheets import neutralised
from ledger.figures.masking import masked
from local.aws import Aws
from local.vendors.credits import SimulatedCredit
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.simulator import failing
from tests.support.moving_clock import MovingClock
from tests.support.processes.exporting_process import NOON, Start, fill, job, printed_by_program, rows_of

pytestmark = pytest.mark.anyio


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
    for written_as in (ExportFormat.CSV, ExportFormat.JSONL):
        process, asked = start(), job(written_as=written_as)
        file = await process.file(await process.finish((await process.exports.request(asked)).id))
        wanted = ["18446744073709551615", "2019-11-13T12:00:00Z", "447700900001", odd, "UNKNOWN", "odd", "0.10", "GBP"]
        if written_as is ExportFormat.CSV:
            assert wanted in rows_of(file)
        else:
            assert dict(zip(COLUMNS, wanted, strict=True)) in list(map(json.loads, gzip.decompress(file).splitlines()))


FORMULAS = ["=1+1", "+1+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\uff1dA1"]


async def test_what_a_spreadsheet_would_run_has_an_apostrophe_in_csv_and_is_exact_in_json(
    start: Start, openmarket_simulator: OpenMarketSimulator
) -> None:
    when = datetime(2019, 11, 13, 12, 0, 0, tzinfo=UTC)
    for number, text in enumerate(FORMULAS):
        openmarket_simulator.add(
            SimulatedCredit(number, when, "+447700900001", text, "0.10", "GBP", "MyBrand", text, text, when)
        )
    process = start()
    files = [
        await process.file(await process.finish((await process.exports.request(job(written_as=written_as))).id))
        for written_as in (ExportFormat.CSV, ExportFormat.JSONL)
    ]
    written = [row for row in rows_of(files[0]) if row[2] == "+447700900001"]
    exact = [list(json.loads(line).values()) for line in gzip.decompress(files[1]).splitlines()]
    stored = [row for row in exact if row[2] == "+447700900001"]
    assert {row[3] for row in stored} == {*FORMULAS}
    assert written == [[*row[:3], f"'{row[3]}", row[4], f"'{row[5]}", *row[6:]] for row in stored]


def test_a_phone_number_with_a_plus_stays_usable_and_a_formula_in_its_place_does_not_run() -> None:
    row = ["1", "2019-11-13T12:00:00Z", "", "O2", "SUCCESS", "SUCCESS", "-1.50", "GBP"]
    written = [neutralised([*row[:2], msisdn, *row[3:]])[2] for msisdn in ("+447700900001", "+44*00900", "\tO2", "447")]
    assert written == ["+447700900001", "'+44*00900", "'\tO2", "447"]
    assert neutralised(row)[6] == "-1.50", "an amount is a number already"


HIDDEN = {
    "O2;=1+1;x": "O2;'=1+1;x",
    'O2;"=1+1";x': 'O2;\'"=1+1";x',
    "O2; =1+1": "O2;' =1+1",
    "O2\n-1+1": "O2\n'-1+1",
    "\t=1+1": "'\t'=1+1",
    " =1+1": "' =1+1",
    "O2;x=1": "O2;x=1",
    "T-Mobile": "T-Mobile",
}


def test_a_formula_behind_what_may_end_a_cell_does_not_run_either() -> None:
    row = ["1", "2019-11-13T12:00:00Z", "447700900001", "", "SUCCESS", "SUCCESS", "-1.50", "GBP"]
    assert {text: neutralised([*row[:3], text, *row[4:]])[3] for text in HIDDEN} == HIDDEN


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
@pytest.mark.parametrize("separators", ["44", "59", "44/59/9"])
async def test_libreoffice_runs_nothing_whatever_it_takes_for_the_end_of_a_cell(
    start: Start, openmarket_simulator: OpenMarketSimulator, tmp_path: Path, separators: str
) -> None:
    when = datetime(2019, 11, 13, 12, 0, 0, tzinfo=UTC)
    for number, text in enumerate([*FORMULAS, *HIDDEN]):
        openmarket_simulator.add(
            SimulatedCredit(number, when, "447700900001", text, "0.10", "GBP", "MyBrand", "failed", "failed", when)
        )
    process = start()
    file = await process.file(await process.finish((await process.exports.request(job())).id))
    (tmp_path / "credits.csv").write_bytes(gzip.decompress(file))
    # UTF-8, from the first line, with formulas evaluated.
    read_as = f"--infilter=Text - txt - csv (StarCalc):{separators},34,76,1,,0,false,true,false,false,false,-1,true"
    command = ["soffice", "--headless", f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", read_as]
    command += ["--convert-to", "fods", "--outdir", str(tmp_path), str(tmp_path / "credits.csv")]
    subprocess.run(command, check=True, capture_output=True, timeout=100)  # noqa: ASYNC221 - nothing else runs here
    sheet = (tmp_path / "credits.fods").read_text()
    assert "447700900001" in sheet
    assert "table:formula" not in sheet


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


async def test_the_file_is_one_gzip_member_of_the_size_that_is_reported(start: Start) -> None:
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
    assert (
        head["ContentDisposition"]
        == 'attachment; filename="credits-20191112T000000Z-20191115T000000Z-all-brands.csv.gz"'
    )
    assert head["ContentType"] == "application/gzip"
    assert "ContentEncoding" not in head


@pytest.mark.slow
async def test_memory_does_not_grow_with_what_is_exported(
    start: Start, settings_environ: dict[str, str], clock: MovingClock
) -> None:
    clock.moment = datetime(2019, 12, 31, tzinfo=UTC)
    process = start()
    peaks = []
    for days in (8, 80):
        seen = await process.exports.request(await fill(settings_environ, days, 3000))
        peaks.append(int(await printed_by_program(settings_environ, seen.id)))
        done = await process.exports.find("default", seen.id)
        assert isinstance(done, ExportSnapshot)
        assert (done.state.status, done.state.rows) == (ExportStatus.DONE, days * 3000)
    assert peaks[1] - peaks[0] < 15, f"MiB: {peaks}"
    assert peaks[1] < 128, f"MiB: {peaks}"
