"""A browser and the real stack for the overview, both once for a module, since starting them is most of a test."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

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


USUAL = {"viewport": {"width": 1280, "height": 900}, "timezone_id": "Europe/London"}


@pytest.fixture(scope="module")
def profile(chromium: Browser) -> Iterator[BrowserContext]:
    """One browser profile for all tests of a module that need nothing special: it keeps the page's files."""
    context = chromium.new_context(**USUAL)  # type: ignore[arg-type]  # Playwright's own options
    yield context
    context.close()


@pytest.fixture
def read(chromium: Browser, profile: BrowserContext) -> Iterator[Callable[..., Sheet]]:
    """Open an address in a tab of its own; with options, which are Playwright's for a context, in a profile of its own.

    In the end everything must have come from the page's own host, and nothing may have been complained about.
    """
    sheets: list[Sheet] = []
    own: list[BrowserContext] = []

    def open_page(url: str, **options: object) -> Sheet:
        if options:
            own.append(chromium.new_context(**(USUAL | options)))  # type: ignore[arg-type]  # likewise
        sheets.append(Sheet((own[-1] if options else profile).new_page()))
        sheets[-1].open(url)
        return sheets[-1]

    yield open_page
    complaints = [sheet.complained() for sheet in sheets]  # closing aborts requests that are under way
    for sheet in sheets:
        sheet.page.close()
    for context in own:
        context.close()
    assert complaints == [[] for _ in sheets]
    assert all(sheet.hosts <= sheet.trusted for sheet in sheets)
