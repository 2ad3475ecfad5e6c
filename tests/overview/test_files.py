"""What leaves the page: exports, the query, paper; and reports: their files, what is in them, and new ones."""

import csv
import gzip
import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.request import urlopen

import pytest
from openpyxl import load_workbook  # type: ignore[import-untyped]  # it brings no types
from playwright.sync_api import Error, Route, expect

from local.aws import Aws
from tests.support.overview.sheet import Sheet
from tests.support.overview.stage import Stage, staged

pytestmark = pytest.mark.slow
Read = Callable[..., Sheet]
WEEK = "?period=own&from=2026-11-09&to=2026-11-15&zone=UTC&compare=none"


def exported(sheet: Sheet, name: str) -> bytes:
    """The file that a button makes, fetched by the link that the page shows."""
    sheet.page.get_by_role("button", name=name, exact=True).click()
    link = sheet.page.get_by_role("link", name=f"Download {name}")
    link.wait_for()
    with urlopen(str(link.get_attribute("href"))) as file:  # noqa: S310 - a link of our own
        body: bytes = file.read()
    return body


def test_the_chosen_credits_come_as_csv_and_as_a_workbook(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url()}{WEEK}&network=O2&currency=GBP")
    count = sheet.tile("Credits")["value"].replace(",", "")
    body = exported(sheet, "CSV")
    text = gzip.decompress(body).decode() if body[:2] == b"\x1f\x8b" else body.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == int(count)
    assert {(row["network"], row["currency"]) for row in rows} == {("O2", "GBP")}
    assert f"{count} credits" in sheet.text("export-state")
    workbook = exported(sheet, "XLSX")
    book = load_workbook(io.BytesIO(gzip.decompress(workbook) if workbook[:2] == b"\x1f\x8b" else workbook))
    ids = {cell.value for sheet_ in book.worksheets for row in sheet_.iter_rows() for cell in row}
    assert {row["credit_id"] for row in rows} <= ids


def test_a_failed_export_says_why(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url('reports:read')}{WEEK}")
    sheet.page.get_by_role("button", name="CSV", exact=True).click()
    expect(sheet.page.locator("#export-state")).to_contain_text("credits:read")
    assert sheet.page.get_by_role("button", name="CSV", exact=True).is_enabled()


def test_the_query_is_copied_with_its_variables(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url()}{WEEK}&brand=MyBrand", permissions=["clipboard-read", "clipboard-write"])
    sheet.page.get_by_role("button", name="Copy GraphQL query").click()
    expect(sheet.page.locator("#export-state")).to_contain_text("in the clipboard")
    copied = str(sheet.page.evaluate("navigator.clipboard.readText()"))
    assert '"brand": "MyBrand"' in copied
    assert "query Overview(" in copied


def test_on_paper_every_table_is_open_and_closed_again_afterwards(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url()}{WEEK}")
    sheet.page.evaluate("window.print = () => dispatchEvent(new Event('beforeprint'))")
    sheet.page.get_by_role("button", name="Print").click()
    figures = sheet.page.locator("figure details")
    assert figures.evaluate_all("all => all.every((each) => each.open)")
    sheet.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert figures.evaluate_all("all => all.every((each) => !each.open)")


@pytest.fixture
def making(aws: Aws, shared_secrets: str) -> Iterator[Stage]:
    """A stage without reports, that takes a second to make one."""
    with staged(aws, shared_secrets, FRESH_SECONDS="0.1") as stage:
        stage.openmarket.rows_a_day, stage.rde.generated, stage.rde.making = 12, False, timedelta(seconds=1)
        yield stage


def test_a_report_is_scheduled_becomes_ready_and_is_looked_into(making: Stage, read: Read) -> None:
    sheet = read(f"{making.url()}?period=last-7-days&zone=UTC")
    assert "No report was made in this period." in sheet.text("reports")
    sheet.page.get_by_text("Schedule a report").click()
    sheet.page.get_by_role("textbox", name="Name").fill("month-end")
    sheet.page.locator("#schedule select").select_option("CSV")
    sheet.page.get_by_role("button", name="Schedule", exact=True).click()
    expect(sheet.page.locator("#schedule-state")).to_contain_text("month-end is ready", timeout=20_000)
    expect(sheet.page.locator("#reports")).to_contain_text("month-end")
    sheet.page.get_by_role("button", name="Look inside: month-end").click()
    expect(sheet.page.locator("#contents")).to_contain_text("This file has not been opened yet")
    making.open_report_files()
    sheet.page.get_by_role("button", name="Look inside: month-end").click()
    expect(sheet.page.locator("#contents caption")).to_contain_text("rows, 11 columns")
    assert sheet.audit() == []
    assert not sheet.overflows()
    sheet.page.get_by_role("button", name="More rows").click()
    expect(sheet.page.locator("#contents .pages")).to_contain_text("Rows 1\u201350 of")
    assert sheet.page.locator("#contents tbody:last-child tr").count() == 50
    with sheet.page.expect_download() as downloaded:
        sheet.page.get_by_role("button", name="Download: month-end").click()
    content = downloaded.value.path().read_bytes()
    today = datetime.now(UTC).date().isoformat()
    assert today in content.decode()
    sheet.complaints = [
        line for line in sheet.complaints if "failed:" not in line
    ]  # a download leaves the page's request
    sheet.trusted |= sheet.hosts


SCHEDULE = """mutation ($name: String!) { scheduleReport(input: {name: $name, format: CSV,
  startDate: "2026-11-01T00:00:00Z", endDate: "2026-11-10T00:00:00Z"}) { replayed } }"""


def test_of_two_files_opened_quickly_the_second_is_shown_whichever_answer_comes_last(making: Stage, read: Read) -> None:
    making.rde.making = timedelta(0)
    for name in ("invoices", "subscriptions"):
        making.ask(SCHEDULE, {"name": name})
    making.open_report_files()
    sheet = read(f"{making.url()}?period=last-7-days&zone=UTC")
    held: list[Route] = []
    sheet.page.route("**/graphql?*ReportPreview*", lambda route: route.continue_() if held else held.append(route))
    sheet.page.get_by_role("button", name="Look inside: invoices").click()
    sheet.page.get_by_role("button", name="Look inside: subscriptions").click()
    expect(sheet.page.locator("#contents caption")).to_contain_text("rows")
    second = sheet.text("contents")
    with suppress(Error):  # it has been broken off
        held[0].continue_()
    sheet.page.wait_for_timeout(500)
    assert sheet.text("contents") == second
