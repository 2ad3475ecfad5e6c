"""What the page shows when it has no figures, old ones, or not all of them; axe finds nothing in any of it."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from local.aws import Aws
from local.vendors.simulator import Fault, SimulatorResponse, failing
from tests.support.overview.sheet import Sheet
from tests.support.overview.stage import Stage, staged

pytestmark = pytest.mark.slow
Read = Callable[..., Sheet]
WEEK = "?period=last-7-days&zone=UTC"
PARTS = ("tiles", "days", "networks", "prices", "brands", "balance", "credits", "reports")


@pytest.fixture
def troubled(aws: Aws, shared_secrets: str) -> Iterator[Stage]:
    """A stage of the test's own, whose answers age at once."""
    with staged(aws, shared_secrets, FRESH_SECONDS="0.1") as stage:
        stage.openmarket.rows_a_day = 12
        yield stage


def test_without_credits_the_parts_say_so(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url()}?period=own&from=2024-01-01&to=2024-01-07&zone=UTC")
    words = {part: sheet.text(part) for part in PARTS}
    assert [part for part, text in words.items() if len(text) < 20] == []
    assert "There are no credits in this period." in words["tiles"]
    assert "There are no credits in this period." in words["credits"]
    assert "Schedule one below" in sheet.text("reports")
    assert sheet.page.locator(".state-error").count() == 0
    assert sheet.audit() == []


def test_while_loading_the_page_says_so_and_keeps_its_shape(stage: Stage, read: Read) -> None:
    stage.openmarket.latency = 1.5
    try:
        sheet = read(f"{stage.url()}{WEEK}")
        sheet.page.clock.install()
        sheet.page.locator("#period").select_option("last-30-days")
        assert sheet.text("busy") == "Loading the figures\u2026"
        sheet.page.clock.fast_forward(3_000)
        assert "fetched from the vendors first" in sheet.text("busy")
        assert sheet.page.locator("#figures").get_attribute("aria-busy") == "true"
        assert sheet.page.locator(".tile").count() > 0  # the figures from before, greyed
        assert sheet.page.evaluate("getComputedStyle(document.getElementById('tiles')).borderStyle") == "none"
        assert sheet.audit() == []
        sheet.wait_until_ready()
    finally:
        stage.openmarket.behave()


def test_figures_that_could_not_be_refreshed_are_shown_with_their_age(troubled: Stage, read: Read) -> None:
    before = read(f"{troubled.url()}{WEEK}").tile("Credits")["value"]
    troubled.openmarket.misbehave(failing(503), times=None)
    sheet = read(f"{troubled.url()}{WEEK}")
    warnings = sheet.page.locator(".warnings").inner_text()
    assert "newest credits could not be refreshed, because the vendor failed. Shown as of" in warnings
    moments = [line.split("Shown as of")[1] for line in warnings.splitlines()]
    assert len(moments) == len(set(moments)), "one warning for all that is as old"
    assert sheet.tile("Credits")["value"] == before
    assert sheet.audit() == []


def test_a_period_before_that_could_not_be_loaded_is_not_taken_for_an_empty_one(troubled: Stage, read: Read) -> None:
    read(f"{troubled.url()}{WEEK}")
    troubled.openmarket.misbehave(failing(503), times=None)
    sheet = read(f"{troubled.url()}{WEEK}&compare=year")
    assert "The period before could not be loaded" in sheet.page.locator(".warnings").inner_text()
    assert sheet.tile("Credits")["compared"] == "not compared: see above"


def test_a_vendor_that_fails_takes_its_own_parts_only_and_a_button_asks_again(troubled: Stage, read: Read) -> None:
    troubled.openmarket.misbehave(failing(500), times=None)
    sheet = read(f"{troubled.url()}{WEEK}")
    announced = sheet.page.locator(".state[role=alert]").count()
    assert announced == len({"shown", "brands", "balance", "newest"}), "each missing answer once, not each part"
    for part in ("tiles", "days", "networks", "prices", "brands", "balance", "credits"):
        assert "No answer from the credits' vendor (OpenMarket)" in sheet.text(part)
    assert sheet.table("Reports, newest first")
    assert sheet.audit() == []
    troubled.openmarket.behave()
    sheet.page.wait_for_timeout(1_000)  # the breaker lets the vendor alone for a second
    sheet.page.get_by_role("button", name="Try again").first.click()
    expect(sheet.page.locator(".tile").first).to_be_visible()


def test_reports_that_could_not_be_loaded_can_be_asked_for_again(troubled: Stage, read: Read) -> None:
    troubled.rde.misbehave(failing(500), times=None)
    sheet = read(f"{troubled.url()}{WEEK}")
    assert "No answer from the reseller reports' vendor (RDE)" in sheet.text("reports")
    troubled.rde.behave()
    sheet.page.wait_for_timeout(1_000)  # the breaker lets the vendor alone for a second
    sheet.page.locator("#reports").get_by_role("button", name="Try again").click()
    expect(sheet.page.locator("#reports table")).to_be_visible()


def test_a_log_that_misses_a_credit_is_out_of_balance_on_top_and_where_it_differs(troubled: Stage, read: Read) -> None:
    def one_more(response: SimulatorResponse) -> SimulatorResponse:
        return SimulatorResponse(
            response.status, response.body + b"Radio,77.77,GBP,1,0,77.7700\r\n", response.content_type
        )

    troubled.openmarket.misbehave(Fault(one_more), times=None, path="/csv/outcome")
    sheet = read(f"{troubled.url()}?period=own&from=2026-11-01&to=2026-11-07&zone=UTC")
    top = sheet.page.locator(".warnings").inner_text()
    assert "Out of balance: the log and the outcome report differ at £77.77 credits by \u2212£77.77." in top
    (row,) = sheet.table("Where they differ")
    assert (row["Applied, log"], row["Applied, outcome"], row["Difference"]) == ("0", "1", "\u2212£77.77")
    assert sheet.audit() == []


@pytest.mark.parametrize(
    ("scope", "missing", "parts"),
    [
        ("credits:read", "reports:read", ("reports",)),
        ("reports:read", "credits:read", ("tiles", "days", "networks", "prices", "brands", "balance", "credits")),
    ],
)
def test_a_missing_scope_is_named_where_it_is_missing(
    stage: Stage, read: Read, scope: str, missing: str, parts: tuple[str, ...]
) -> None:
    sheet = read(f"{stage.url(scope)}{WEEK}")
    for part in PARTS:
        assert (f"Your sign-in does not include {missing}." in sheet.text(part)) == (part in parts)
    if "credits:read" in scope:
        assert "masked" in sheet.text("phone-note")
        assert sheet.page.locator("#phone").is_disabled()
    assert sheet.audit() == []


def test_without_a_token_nothing_is_asked_and_the_page_says_what_to_do(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url(None)}{WEEK}")
    assert sheet.page.get_by_role("heading", name="Sign in to see the figures").is_visible()
    assert "has no way to sign in" in sheet.text("signed-out-reason")
    assert not sheet.page.locator("#tiles").is_visible()
    assert sheet.asked == []
    assert sheet.audit() == []


def test_a_server_that_cannot_be_reached_leaves_the_figures_and_is_tried_again(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url()}{WEEK}")
    shown = sheet.tile("Credits")["value"]
    sheet.page.context.set_offline(True)
    sheet.page.evaluate("window.dispatchEvent(new Event('popstate'))")
    expect(sheet.page.locator("#problem")).to_contain_text(
        "The server could not be reached. These are the figures from before"
    )
    assert sheet.tile("Credits")["value"] == shown
    assert sheet.audit() == []
    sheet.page.context.set_offline(False)
    sheet.page.evaluate("window.dispatchEvent(new Event('popstate'))")
    expect(sheet.page.locator("#problem")).to_be_hidden()
    sheet.complaints = [
        line for line in sheet.complaints if "ERR_INTERNET_DISCONNECTED" not in line and "/graphql" not in line
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_every_size_and_scheme_fits_and_is_accessible(stage: Stage, read: Read, scheme: str, width: int) -> None:
    """390 pixels also stand for 200 % on a small laptop: nothing is cut off, and tables scroll by themselves."""
    sheet = read(f"{stage.url()}{WEEK}", viewport={"width": width, "height": 844}, color_scheme=scheme)
    for summary in sheet.page.locator("summary").all():
        summary.click()
    assert not sheet.overflows()
    assert sheet.audit() == []
    scrolling = sheet.page.locator("#networks .scroll, #prices .scroll, #brands > .scroll")
    assert scrolling.evaluate_all("all => all.filter((each) => each.scrollWidth > each.clientWidth).length") == 0
    sheet.page.emulate_media(media="print")
    assert not sheet.page.locator(".controls").is_visible()


def test_at_200_percent_nothing_is_cut_off_and_no_tile_stands_alone(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url()}{WEEK}", viewport={"width": 720, "height": 450}, device_scale_factor=2)
    assert not sheet.overflows()
    columns = sheet.page.locator(".tile-row").first.evaluate("row => getComputedStyle(row).gridTemplateColumns")
    assert len(columns.split()) == 2


PALETTE = """() => ["ground", "card", "ink", "soft", "line", "accent", "warn", "warn-ground", "mark-ground", "success",
  "failed", "pending", "unknown", "hatch"].map((name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim())"""


def test_paper_has_the_same_colours_from_a_dark_screen(stage: Stage, read: Read) -> None:
    sheet = read(stage.url(None), color_scheme="dark")
    dark = sheet.page.evaluate(PALETTE)
    sheet.page.emulate_media(media="print")
    printed = sheet.page.evaluate(PALETTE)
    sheet.page.emulate_media(media="print", color_scheme="light")
    assert printed == sheet.page.evaluate(PALETTE)
    assert all(one != other for one, other in zip(dark, printed, strict=True))


def test_with_reduced_motion_nothing_moves(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url()}{WEEK}", reduced_motion="reduce")
    assert sheet.page.evaluate("document.getAnimations().length") == 0
    moving = (
        "[...document.querySelectorAll('*')].some((each) => parseFloat(getComputedStyle(each).transitionDuration) > 0)"
    )
    assert not sheet.page.evaluate(moving)


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, as WCAG defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


COLOURS = """() => Object.fromEntries(["success", "failed", "pending", "unknown", "card"].map((name) =>
  [name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()]))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_outcomes_can_be_told_apart_without_colour(stage: Stage, read: Read, scheme: str) -> None:
    """By lightness alone, each part of a bar from its neighbours; and those that matter from the ground."""
    sheet = read(f"{stage.url('reports:read')}{WEEK}", color_scheme=scheme)
    found = sheet.page.evaluate(COLOURS)
    colours = {name: value if len(value) == 7 else "#ffffff" for name, value in found.items()}
    for one, other in (("success", "failed"), ("failed", "pending"), ("pending", "unknown")):
        assert contrast(colours[one], colours[other]) > 1.8, (one, other)
    for name in ("success", "failed", "unknown"):
        assert contrast(colours[name], colours["card"]) > 3, name


def test_by_keyboard_the_first_stop_leads_past_the_controls(stage: Stage, read: Read) -> None:
    sheet = read(f"{stage.url()}{WEEK}")
    before = sheet.page.url
    sheet.page.keyboard.press("Tab")
    sheet.page.keyboard.press("Enter")
    assert sheet.page.evaluate("document.activeElement.id") == "figures"
    assert sheet.page.url == before
