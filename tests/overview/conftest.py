"""A browser, a tab and the real stack for the overview, once for a module, since starting them is most of a test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from local.aws import Aws
from tests.support.browser import launched
from tests.support.node import node_with_packages
from tests.support.overview.sheet import Sheet
from tests.support.overview.stage import Stage, staged
from tests.support.repository import ROOT


# Playwright keeps an event loop in the thread: a scope wider than a module would reach into other modules' tests.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    node_with_packages(ROOT / "tests" / "overview")
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def stage(aws: Aws, shared_secrets: str) -> Iterator[Stage]:
    with staged(aws, shared_secrets, FRESH_SECONDS="600") as stage:
        yield stage


VIEWPORT = {"width": 1280, "height": 900}
USUAL = {"viewport": VIEWPORT, "timezone_id": "Europe/London"}
EMULATED = {"viewport", "color_scheme", "reduced_motion"}
"""What a tab can be told while it is open."""


@pytest.fixture(scope="module")
def profile(chromium: Browser) -> Iterator[BrowserContext]:
    """One browser profile for all tests of a module that need nothing special: it keeps the page's files."""
    context = chromium.new_context(**USUAL)  # type: ignore[arg-type]  # Playwright's own options
    yield context
    context.close()


@pytest.fixture(scope="module")
def tab(profile: BrowserContext) -> Page:
    """One tab for the first page of each test: a new one takes two thirds of the time of a page."""
    return profile.new_page()


def emulate(page: Page, viewport: Any = VIEWPORT, color_scheme: Any = "light", reduced_motion: Any = None) -> None:
    page.set_viewport_size(viewport)
    page.emulate_media(media="null", color_scheme=color_scheme, reduced_motion=reduced_motion or "no-preference")


@pytest.fixture
def read(chromium: Browser, profile: BrowserContext, tab: Page) -> Iterator[Callable[..., Sheet]]:
    """Open an address; with options, which are Playwright's for a context, as they say.

    In the end everything must have come from the page's own host, and nothing may have been complained about.
    """
    sheets: list[Sheet] = []
    own: list[BrowserContext] = []

    def page_for(options: dict[str, object]) -> Page:
        if options.keys() - EMULATED:
            own.append(chromium.new_context(**(USUAL | options)))  # type: ignore[arg-type]  # likewise
            return own[-1].new_page()
        page = tab if all(sheet.page is not tab for sheet in sheets) else profile.new_page()
        emulate(page, **options)
        return page

    def open_page(url: str, **options: object) -> Sheet:
        sheets.append(Sheet(page_for(options)))
        sheets[-1].open(url)
        return sheets[-1]

    yield open_page
    complaints = [sheet.complained() for sheet in sheets]  # leaving aborts requests that are under way
    profile.set_offline(False)
    for sheet in sheets:
        if sheet.page is tab:
            sheet.leave()
        else:
            sheet.page.close()
    for context in own:
        context.close()
    assert complaints == [[] for _ in sheets]
    assert all(sheet.hosts <= sheet.trusted for sheet in sheets)
