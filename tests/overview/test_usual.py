"""What is marked as far from its usual, and the rate that the page works out from counts, by the browser."""

from collections.abc import Callable

import pytest

from ledger.figures.summary_lines import failure_rate
from tests.support.overview.sheet import Sheet
from tests.support.overview.stage import Stage

pytestmark = pytest.mark.slow
Read = Callable[..., Sheet]
RATES = """async ([module, counts]) => {
  const { rateOf } = await import(module);
  return counts.map((pair) => rateOf(...pair));
}"""


@pytest.fixture(scope="module")
def lively(stage: Stage) -> Stage:
    stage.openmarket.rows_a_day, stage.openmarket.lively, stage.openmarket.history_days = 900, True, 400
    return stage


def test_an_afternoon_on_which_a_network_fails_is_marked_in_table_bars_and_words(lively: Stage, read: Read) -> None:
    sheet = read(f"{lively.url()}?period=own&from=2026-11-01&to=2026-11-14&zone=UTC&compare=none&currency=GBP")
    (mark,) = sheet.page.locator("#networks .mark").all_inner_texts()
    assert "on Mon 2 Nov" in mark
    assert "usual is" in mark
    marked = sheet.page.locator("#networks .marked").inner_text()
    assert marked.startswith("Orange")
    flagged = sheet.page.locator(".bar", has=sheet.page.locator(".flag"))
    assert flagged.count() == 1
    assert "Mon 2 Nov" in str(flagged.get_attribute("aria-label"))
    assert "Unusual: Orange" in str(flagged.get_attribute("aria-label"))
    assert sheet.page.locator("#prices .mark").count() == 0


def test_the_page_works_out_a_rate_as_the_api_does(stage: Stage, read: Read) -> None:
    counts = [(success, failed) for success in range(60) for failed in range(60)] + [(123_457, 7_001), (1, 9_999_999)]
    sheet = read(stage.url("reports:read"))
    module = sheet.page.locator('link[href$="/data/figures.js"]').get_attribute("href")
    worked_out = sheet.page.evaluate(RATES, [f"/{module}", counts])
    rates = [failure_rate(*pair) for pair in counts]
    assert worked_out == [None if rate is None else str(rate) for rate in rates]
