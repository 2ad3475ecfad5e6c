"""Exports as workbooks: what a spreadsheet shows is what the credit log has, and nothing in it runs."""

import io
import shutil
import subprocess
import time
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest

from ledger.days.rows import AMOUNT, CREDIT_ID, CURRENCY, MSISDN, OUTCOME, TIME
from ledger.exports.export_log import ExportSnapshot
from ledger.exports.jobs import ExportFormat, ExportJob, ExportStatus
from ledger.figures.filters import CreditFilter
from local.aws import Aws
from local.vendors.credits import SimulatedCredit
from local.vendors.openmarket import OpenMarketSimulator
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.exporting_process import (
    ExportingProcess,
    Start,
    fill,
    job,
    printed_by_program,
)

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")]

HEADER = [
    "credit_id",
    "time_utc",
    "msisdn",
    "network",
    "outcome",
    "raw_outcome",
    "amount",
    "amount_as_written",
    "currency",
]
WORKBOOK = replace(job(), format=ExportFormat.XLSX)
ODD = ["=1+1", "+1+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "\tO2", 'O"2", \u20ac \U0001f600', "\uff1dA1", "'quoted"]


class StandingDeadline(Deadline):
    """A deadline for which the time stands still."""

    def __init__(self, seconds: float) -> None:
        super().__init__(time.monotonic() + seconds)
        self.seconds = seconds

    def remaining(self) -> float:
        return self.seconds


async def opened(process: ExportingProcess, done: ExportSnapshot) -> Any:
    return openpyxl.load_workbook(io.BytesIO(await process.file(done)))


async def exported(process: ExportingProcess, asked: ExportJob = WORKBOOK) -> Any:
    return await opened(process, await process.finish((await process.exports.request(asked)).id))


def credits_of(book: Any) -> list[list[Any]]:
    header, *rows = [[cell.value for cell in row] for row in book["Credits"].iter_rows()]
    assert header == HEADER
    return rows


def about(book: Any) -> dict[str, Any]:
    return {row[0].value: row[1].value for row in book["Summary"].iter_rows(max_col=2) if row[0].value}


def as_shown(row: Sequence[str]) -> list[Any]:
    """A row of the credit log as a sheet has it."""
    time = datetime.fromisoformat(row[TIME]).replace(tzinfo=None)
    return [row[CREDIT_ID], time, *row[MSISDN:AMOUNT], float(row[AMOUNT]), row[AMOUNT], row[CURRENCY]]


@pytest.mark.parametrize("newest_first", [False, True])
async def test_every_credit_is_there_with_its_id_as_text_its_time_as_a_date_and_its_amount_twice(
    start: Start, *, newest_first: bool
) -> None:
    process, asked = start(), replace(WORKBOOK, newest_first=newest_first)
    book = await exported(process, asked)
    shown = await start().shown(asked)
    assert credits_of(book) == [as_shown(row) for row in (shown[::-1] if newest_first else shown)]
    cells = book["Credits"][2]
    assert [cell.data_type for cell in cells] == ["s", "d", "s", "s", "s", "s", "n", "s", "s"]
    assert (cells[6].number_format, cells[1].number_format) == ("#,##0.00", "yyyy-mm-dd hh:mm:ss")
    assert {cells[index].number_format for index in (0, 2, 7)} == {"@"}


async def test_the_header_stays_in_sight_and_filters_the_whole_sheet(start: Start) -> None:
    sheet = (await exported(start()))["Credits"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", f"A1:I{sheet.max_row}")


async def test_text_of_the_vendor_s_stays_text(start: Start, openmarket_simulator: OpenMarketSimulator) -> None:
    when = datetime(2019, 11, 13, 12, tzinfo=UTC)
    for number, odd in enumerate(ODD):
        openmarket_simulator.add(
            SimulatedCredit(number, when, "+447700900001", odd, "0.10", "GBP", "MyBrand", odd, odd, when)
        )
    process = start()
    done = await process.finish((await process.exports.request(WORKBOOK)).id)
    rows = [row for row in (await opened(process, done))["Credits"].iter_rows() if row[2].value == "+447700900001"]
    shown = {row[0]: row[3] for row in await start().shown(WORKBOOK)}
    assert [(row[3].value, row[3].data_type) for row in rows] == [(shown[row[0].value], "s") for row in rows]
    assert len(rows) == len(ODD)
    guarded = {row[3].value for row in rows if row[3].quotePrefix}
    assert guarded == {text for text in shown.values() if text[0] in "=+-@\t\uff1d"}
    with zipfile.ZipFile(io.BytesIO(await process.file(done))) as parts:
        sheets = [parts.read(name) for name in parts.namelist() if name.startswith("xl/worksheets/")]
    assert not any(b"<f>" in sheet or b"<f " in sheet or b"hyperlink" in sheet for sheet in sheets)


async def test_the_first_sheet_says_what_the_file_holds(start: Start, clock: MovingClock) -> None:
    asked = replace(
        job(brand="Late Show", unmasked=False),
        format=ExportFormat.XLSX,
        where=CreditFilter(network=frozenset({"O2", "Three"}), min_amount=Decimal("0.50")),
        newest_first=True,
    )
    process = start()
    book = await exported(process, asked)
    rows = credits_of(book)
    assert book.sheetnames == ["Summary", "Credits"]
    facts = about(book)
    assert facts["from (UTC)"] == datetime(2019, 11, 12)  # noqa: DTZ001 - a sheet's dates have no zone
    assert facts["to, not included"] == datetime(2019, 11, 15)  # noqa: DTZ001 - likewise
    assert (facts["brand"], facts["order"], facts["phone numbers"]) == ("Late Show", "newest first", "masked")
    assert (facts["only network"], facts["only min_amount"]) == ("O2, Three", "0.5")
    assert (facts["as of (UTC)"], facts["stale"]) == (clock().replace(tzinfo=None), "no")
    assert facts["credits"] == len(rows) > 0


async def test_the_first_sheet_says_why_a_filter_lets_nothing_pass(start: Start) -> None:
    book = await exported(start(), replace(WORKBOOK, where=CreditFilter(network=frozenset())))
    assert (about(book)["only network"], about(book)["credits"]) == ("none: the list is empty", 0)


async def test_a_filter_that_is_longer_than_a_cell_is_cut_off_and_the_credits_are_there(start: Start) -> None:
    networks = frozenset({"O2", *(f"N{number:05}" for number in range(6000))})
    asked = replace(WORKBOOK, where=CreditFilter(network=networks))
    book = await exported(start(), asked)
    shown = about(book)["only network"]
    assert shown.startswith("N00000, N00001, ")
    assert shown.endswith("… (cut off)")
    assert {row[3] for row in credits_of(book)} == {"O2"}


async def test_the_first_sheet_has_exact_totals_by_currency_and_state(start: Start) -> None:
    process = start()
    book = await exported(process)
    totals: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for row in await start().shown(WORKBOOK):
        totals[row[CURRENCY], row[OUTCOME]].append(Decimal(row[AMOUNT]))
    lines = [[cell.value for cell in row] for row in book["Summary"].iter_rows()]
    table = lines[lines.index(["currency", "outcome", "credits", "amount", "amount_exact"]) + 1 :]
    assert table == [
        [currency, state, len(amounts), float(sum(amounts)), f"{sum(amounts):.2f}"]
        for (currency, state), amounts in sorted(totals.items())
    ]


async def test_an_empty_period_makes_a_workbook_without_credits(start: Start) -> None:
    book = await exported(start(), replace(WORKBOOK, period=WORKBOOK.period.until(WORKBOOK.period.start)))
    assert (credits_of(book), about(book)["credits"]) == ([], 0)


async def test_the_file_downloads_as_a_workbook_under_a_name_with_period_and_brand(start: Start, aws: Aws) -> None:
    process = start()
    asked = replace(WORKBOOK, brand="Smith, Jones Radio")
    done = await process.finish((await process.exports.request(asked)).id)
    key = f"exports/tenant=default/{done.id}/{asked.file_name}"
    head = aws.client("s3").head_object(Bucket=process.settings.ledger_bucket, Key=key)
    assert head["ContentType"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    name = "credits-20191112T000000Z-20191115T000000Z-Smith, Jones Radio.xlsx"
    assert head["ContentDisposition"] == f'attachment; filename="{name}"'
    assert head["ContentLength"] == done.state.size


async def test_more_credits_than_a_sheet_has_rows_are_refused_with_a_way_out(start: Start) -> None:
    process = start(most_sheet_rows=100)
    failed = await process.finish((await process.exports.request(WORKBOOK)).id)
    assert failed.state.status is ExportStatus.FAILED
    assert failed.state.error == (
        "RESULT_TOO_LARGE: a sheet has at most 100 rows, and the export has more:"
        " take another format, a shorter period or a filter"
    )


async def test_a_cell_that_no_sheet_can_hold_is_refused_rather_than_cut_off(
    start: Start, openmarket_simulator: OpenMarketSimulator
) -> None:
    when = datetime(2019, 11, 13, 12, tzinfo=UTC)
    network = "O" * 40_000
    openmarket_simulator.add(SimulatedCredit(1, when, "1", network, "1", "GBP", "B", "SUCCESS", "SUCCESS", when))
    process = start()
    failed = await process.finish((await process.exports.request(WORKBOOK)).id)
    assert failed.state.error == "RESULT_TOO_LARGE: a cell of 40000 characters is longer than a sheet takes"


async def test_with_little_time_left_the_workbook_is_left_to_the_next_invocation(start: Start) -> None:
    process = start()
    seen = await process.exports.request(WORKBOOK)
    time_for_the_parts = StandingDeadline(60.01)  # the workbook of 150 rows may take 0.06 seconds
    shifts = [await start().exporter.write("default", seen.id, time_for_the_parts) for _ in range(2)]
    assert shifts == [True, False]
    done = await process.exports.find("default", seen.id)
    assert isinstance(done, ExportSnapshot)
    assert credits_of(await opened(process, done)) == [as_shown(row) for row in await process.shown(WORKBOOK)]


@pytest.mark.slow
async def test_memory_does_not_grow_with_the_rows_of_a_workbook(
    start: Start, settings_environ: dict[str, str], clock: MovingClock
) -> None:
    clock.moment = datetime(2019, 12, 31, tzinfo=UTC)
    process = start()
    peaks = []
    for days in (1, 6):
        asked = replace(await fill(settings_environ, days, 3000), format=ExportFormat.XLSX)
        peaks.append(int(await printed_by_program(settings_environ, (await process.exports.request(asked)).id)))
    assert peaks[1] - peaks[0] < 8, f"MiB: {peaks}"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
async def test_libreoffice_opens_it_with_every_id_equal(start: Start, tmp_path: Path) -> None:
    process = start()
    done = await process.finish((await process.exports.request(WORKBOOK)).id)
    (tmp_path / "credits.xlsx").write_bytes(await process.file(done))
    # The last number of the filter's options is the sheet: -1 writes each one.
    into = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
    command = ["soffice", "--headless", "--convert-to", into, "--outdir", str(tmp_path), str(tmp_path / "credits.xlsx")]
    subprocess.run(command, check=True, capture_output=True, timeout=100)  # noqa: ASYNC221 - nothing else runs here
    _, *lines = (tmp_path / "credits-Credits.csv").read_text().splitlines()
    shown = await process.shown(WORKBOOK)
    assert [line.split(",")[0].strip('"') for line in lines] == [row[CREDIT_ID] for row in shown]
