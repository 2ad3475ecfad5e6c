"""The page asks again by itself when the API says that the answer may be another, and learns by 304 that it is not."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from local.aws import Aws
from local.vendors.credits import SimulatedCredit
from tests.support.overview.sheet import Sheet
from tests.support.overview.stage import Stage, staged

pytestmark = pytest.mark.slow
Read = Callable[..., Sheet]
WEEK = "?period=last-7-days&zone=UTC&compare=none"


@pytest.fixture
def restless(aws: Aws, shared_secrets: str) -> Iterator[Stage]:
    """A stage whose answers age at once, on a day that has few credits of its own."""
    with staged(aws, shared_secrets, FRESH_SECONDS="0.1") as stage:
        stage.openmarket.rows_a_day = 12
        yield stage


def new_credit() -> SimulatedCredit:
    moment = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1)
    return SimulatedCredit(1, moment, "447700900001", "O2", "1", "GBP", "Late Show", "SUCCESS", "SUCCESS", moment)


def test_a_credit_that_comes_later_is_shown_without_a_reload(restless: Stage, read: Read) -> None:
    sheet = read(f"{restless.url()}{WEEK}")
    sheet.page.clock.install()
    sheet.page.locator("#currency").select_option("GBP")
    sheet.wait_until_ready()
    before = int(sheet.tile("Credits")["value"].replace(",", ""))
    sheet.page.locator("#period").focus()
    restless.openmarket.add(new_credit())
    sheet.page.clock.fast_forward(20_000)
    expect(sheet.page.locator(".tile .value").first).to_have_text(f"{before + 1:,}")
    assert sheet.page.evaluate("document.activeElement.id") == "period"
    assert sheet.table("Newest credits")[0]["Credit id"] == "1"


def test_an_answer_that_is_still_the_same_is_not_sent_again(stage: Stage, read: Read) -> None:
    today = datetime.now(UTC).date()  # these days stay the same where the page's clock goes on to the next one
    sheet = read(f"{stage.url()}?period=own&from={today - timedelta(days=6)}&to={today}&zone=UTC&compare=none")
    sheet.page.clock.install()
    sheet.page.locator("#currency").select_option("GBP")
    sheet.wait_until_ready()
    sheet.page.evaluate("window.drawn = document.querySelector('.tile')")
    with sheet.page.expect_response("**/graphql?*") as again:
        sheet.page.clock.fast_forward(15 * 60_000)
    assert again.value.request.headers["if-none-match"]
    assert again.value.status == 304
    assert sheet.page.evaluate("window.drawn === document.querySelector('.tile')")  # not drawn again either


def test_further_reports_stay_when_the_page_asks_again_and_a_failure_stands_beside_the_button(
    restless: Stage, read: Read
) -> None:
    sheet = read(f"{restless.url()}?period=last-30-days&zone=UTC&compare=none")
    sheet.page.context.set_offline(True)
    sheet.page.get_by_role("button", name="Show more").click()
    expect(sheet.page.locator("#more-problem")).to_have_text("The server could not be reached.")
    sheet.page.context.set_offline(False)
    sheet.page.get_by_role("button", name="Show more").click()
    rows = sheet.page.locator("#reports tbody tr")
    expect(rows).to_have_count(20)
    sheet.page.evaluate("document.querySelector('#reports table').id = 'drawn-before'")
    sheet.page.evaluate("dispatchEvent(new Event('popstate'))")
    expect(sheet.page.locator("#drawn-before")).to_have_count(0)
    expect(rows).to_have_count(20)
    sheet.complaints = [
        line for line in sheet.complaints if "ERR_INTERNET_DISCONNECTED" not in line and "reports_page" not in line
    ]
