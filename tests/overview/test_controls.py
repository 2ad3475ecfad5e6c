"""Each control changes the view and the address, and the address alone gives the view back."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from tests.support.overview.sheet import Sheet
from tests.support.overview.stage import Stage

pytestmark = pytest.mark.slow
Read = Callable[..., Sheet]
WEEK = "?period=own&from=2026-10-12&to=2026-10-18&zone=UTC"
TOTAL = """
query Total($from: DateTime!, $to: DateTime!, $brand: String, $where: CreditLogFilter) {
  creditLog(from: $from, to: $to, brand: $brand, where: $where) { totalCount summary { currency count } }
}"""


@pytest.fixture(scope="module", autouse=True)
def _long_history(stage: Stage) -> None:
    stage.openmarket.history_days = 800


def pounds(stage: Stage, days: tuple[str, str], **more: Any) -> str:
    """The credits in pounds that the API counts from one day to another, UTC."""
    variables = {"from": f"{days[0]}T00:00:00Z", "to": f"{days[1]}T00:00:00Z", **more}
    lines = stage.ask(TOTAL, variables)["creditLog"]["summary"]
    return f"{next(line['count'] for line in lines if line['currency'] == 'GBP'):,}"


def test_choices_are_in_the_address_and_back_and_forward_go_through_them(stage: Stage, read: Read) -> None:
    sheet = read(stage.url() + WEEK)
    week = ("2026-10-12", "2026-10-19")
    assert sheet.tile("Credits")["value"] == pounds(stage, week)
    sheet.choose("brand", "Late Show")
    late = pounds(stage, week, brand="Late Show")
    assert (sheet.address()["brand"], sheet.tile("Credits")["value"]) == ("Late Show", late)
    sheet.choose("network", "O2")
    narrow = pounds(stage, week, brand="Late Show", where={"network": ["O2"]})
    assert (sheet.address()["network"], sheet.tile("Credits")["value"]) == ("O2", narrow)
    assert [row["Network"] for row in sheet.table("Networks, GBP")] == ["O2"]
    sheet.choose("currency", "GBP")
    expect(sheet.page.get_by_role("group", name="Figures in EUR")).to_have_count(0)
    address = sheet.page.url
    sheet.page.go_back()
    sheet.page.go_back()
    expect(sheet.page.locator("#network")).to_have_value("")
    expect(sheet.page.locator(".tile .value").first).to_have_text(late)
    sheet.page.go_forward()
    sheet.page.go_forward()
    expect(sheet.page.locator("#currency")).to_have_value("GBP")
    copy = read(address)
    assert copy.tile("Credits")["value"] == narrow
    assert copy.page.locator("#brand").input_value() == "Late Show"


def test_an_own_period_is_checked_and_shown(stage: Stage, read: Read) -> None:
    sheet = read(stage.url() + WEEK)
    sheet.page.get_by_label("First day").first.fill("2026-10-15")
    sheet.page.get_by_label("Last day").first.fill("2026-10-14")
    sheet.page.get_by_role("button", name="Show", exact=True).click()
    assert sheet.text("own-problem") == "The last day is before the first."
    sheet.page.get_by_label("Last day").first.fill("2028-10-14")
    sheet.page.get_by_role("button", name="Show", exact=True).click()
    assert sheet.text("own-problem") == "A period has at most 366 days."
    sheet.page.get_by_label("Last day").first.fill("2026-10-16")
    sheet.page.get_by_role("button", name="Show", exact=True).click()
    expect(sheet.page.locator(".tile .value").first).to_have_text(pounds(stage, ("2026-10-15", "2026-10-17")))
    assert (sheet.address()["from"], sheet.address()["to"]) == ("2026-10-15", "2026-10-16")


def asked_period(sheet: Sheet) -> tuple[datetime, datetime]:
    """What the page asked for last."""
    variables = parse_qs(urlsplit(sheet.asked[-1].url).query)["variables"][0]
    sent = json.loads(variables)
    return datetime.fromisoformat(sent["from"]), datetime.fromisoformat(sent["to"])


@pytest.mark.parametrize(("preset", "days"), [("last-7-days", 7), ("last-30-days", 30)])
def test_the_last_days_end_with_today(stage: Stage, read: Read, preset: str, days: int) -> None:
    sheet = read(f"{stage.url()}?period={preset}&zone=UTC&compare=none")
    tomorrow = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert asked_period(sheet) == (tomorrow - timedelta(days=days), tomorrow)


def test_months_begin_on_the_first_and_are_compared_with_the_month_before(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url()}?period=this-month&zone=UTC")
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today.replace(day=1)
    assert asked_period(sheet) == (first, today + timedelta(days=1))
    sheet.choose("period", "last-month")
    before = (first - timedelta(days=1)).replace(day=1)
    assert asked_period(sheet) == (before, first)
    earlier = (before - timedelta(days=1)).replace(day=1)
    was = pounds(stage, (earlier.date().isoformat(), before.date().isoformat()))
    assert sheet.tile("Credits")["compared"].endswith(f"from {was}")


def test_a_year_before_is_the_same_days_of_that_year(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url()}{WEEK}&compare=year")
    was = pounds(stage, ("2025-10-12", "2025-10-19"))
    assert sheet.tile("Credits")["compared"].endswith(f"from {was}")
    sheet.choose("compare", "none")
    assert "from" not in sheet.tile("Credits")["compared"]
    assert sheet.address()["compare"] == "none"


def test_days_are_those_of_the_time_zone_also_when_the_clock_changes(stage: Stage, read: Read) -> None:
    """25 October 2026 has 25 hours in London."""
    sheet = read(f"{stage.url()}?period=own&from=2026-10-25&to=2026-10-25&zone=Europe%2FLondon&compare=none")
    variables = {"from": "2026-10-24T23:00:00Z", "to": "2026-10-26T00:00:00Z"}
    lines = stage.ask(TOTAL, variables)["creditLog"]["summary"]
    assert sheet.tile("Credits")["value"] == str(next(line["count"] for line in lines if line["currency"] == "GBP"))
    assert len(sheet.table("GBP: credits by hour")) == 25
    sheet.choose("zone", "UTC")
    assert len(sheet.table("GBP: credits by hour")) == 24


def test_a_zone_off_the_full_hour_is_refused_in_words(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url()}?period=own&from=2026-10-12&to=2026-10-12&zone=Asia%2FKolkata&compare=none")
    assert "whole number of hours" in sheet.text("days")
    assert sheet.page.locator("#balance .verdict").inner_text().startswith("Balanced")


def test_a_bar_opens_its_day_by_hours_by_mouse_and_by_keys(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url()}{WEEK}&compare=none")
    bars = sheet.page.locator("figure", has_text="GBP").locator(".bar")
    assert bars.count() == 7
    sheet.page.locator("figure", has_text="GBP").locator(".bar .reach").nth(2).click()
    expect(sheet.page.locator("#days-title")).to_have_text("Credits by hour")
    assert sheet.address()["within"] == "2026-10-14..2026-10-14"
    assert sheet.tile("Credits")["value"] == pounds(stage, ("2026-10-14", "2026-10-15"))
    sheet.page.get_by_role("link", name="back to the whole period").click()
    expect(sheet.page.locator("#days-title")).to_have_text("Credits by day")
    bars.first.focus()
    sheet.page.keyboard.press("ArrowRight")
    assert sheet.page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Tue 13 Oct")
    sheet.page.keyboard.press("Enter")
    expect(sheet.page.locator("#days-title")).to_have_text("Credits by hour")
    assert sheet.address()["within"] == "2026-10-13..2026-10-13"


def test_long_periods_have_bars_by_week_and_month_that_open_by_day(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url()}?period=own&from=2026-07-01&to=2026-09-30&zone=UTC&compare=none")
    rows = sheet.table("GBP: credits by week")
    assert (rows[0]["Week"], len(rows)) == ("1 \u2013 5 Jul 2026", 14)  # cut to the period
    sheet.page.locator("#days summary").first.click()
    sheet.page.get_by_role("link", name="6 \u2013 12 Jul 2026").first.click()
    expect(sheet.page.locator("#days-title")).to_have_text("Credits by day")
    assert sheet.address()["within"] == "2026-07-06..2026-07-12"


def test_the_newest_credits_are_paged_and_filtered(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url()}{WEEK}&compare=none")
    total = stage.ask(TOTAL, {"from": "2026-10-12T00:00:00Z", "to": "2026-10-19T00:00:00Z"})["creditLog"]["totalCount"]
    first = sheet.table("Newest credits")
    assert len(first) == 20
    assert first == sorted(first, key=lambda row: datetime.strptime(row["Time"], "%d %b %Y, %H:%M:%S"), reverse=True)  # noqa: DTZ007
    sheet.page.get_by_role("button", name="Older").click()
    expect(sheet.page.locator("#credits .pages")).to_contain_text(f"Page 2 of {-(-total // 20)}")
    second = sheet.table("Newest credits")
    assert not {row["Credit id"] for row in first} & {row["Credit id"] for row in second}
    sheet.page.get_by_role("button", name="Newer").click()
    expect(sheet.page.locator("#credits .pages")).to_contain_text("Page 1 of")
    assert sheet.table("Newest credits") == first
    sheet.page.locator("#outcome").select_option("FAILED")
    expect(sheet.page.locator("#credits")).not_to_contain_text("Applied")
    assert sheet.address()["outcome"] == "FAILED"
    sheet.page.locator("#among").select_option("Three")
    expect(sheet.page.locator("#credits")).not_to_contain_text("Vodafone")
    assert {row["State"] + row["Network"] for row in sheet.table("Newest credits")} == {"FailedThree"}


def test_a_phone_number_is_found_and_stays_out_of_every_address(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url()}{WEEK}&compare=none")
    variables = {"from": "2026-10-12T00:00:00Z", "to": "2026-10-19T00:00:00Z"}
    number = sheet.table("Newest credits")[0]["Phone number"]
    sheet.page.get_by_label("Phone number").fill(f"+{number[:2]} {number[2:6]} {number[6:]}")
    sheet.page.get_by_role("button", name="Find").click()
    found = stage.ask(TOTAL, variables | {"where": {"msisdn": number}})["creditLog"]["totalCount"]
    expect(sheet.page.locator("#credits .pages")).to_contain_text(f"· {found} credits")
    assert {row["Phone number"] for row in sheet.table("Newest credits")} == {number}
    assert number[6:] not in sheet.page.url
    assert sheet.asked[-1].method == "POST"
    assert not [request for request in sheet.asked if number[6:] in request.url]


@pytest.mark.parametrize("search", ["?period=century&zone=Nowhere/City", "?period=own&from=2026-02-31&to=2026-03-05"])
def test_an_address_that_makes_no_sense_becomes_the_one_of_what_is_shown(stage: Stage, read: Read, search: str) -> None:
    sheet = read(f"{stage.url()}{search}")
    assert sheet.address() == {"period": "last-30-days", "zone": "Europe/London"}
    assert sheet.page.locator("#period").input_value() == "last-30-days"
    assert sheet.page.locator(".state-error").count() == 0
