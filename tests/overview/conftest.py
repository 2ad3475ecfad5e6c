"""A browser and the real stack for the overview, both once for a module, since starting them is most of a test."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

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


@pytest.fixture
def read(chromium: Browser) -> Iterator[Callable[..., Sheet]]:
    """Open an address in a new browser profile; options are Playwright's for a context.

    In the end everything must have come from the page's own host, and nothing may have been complained about.
    """
    sheets: list[Sheet] = []

    def open_page(url: str, **options: object) -> Sheet:
        usual = {"viewport": {"width": 1280, "height": 900}, "timezone_id": "Europe/London", "accept_downloads": True}
        context = chromium.new_context(**(usual | options))  # type: ignore[arg-type]  # Playwright's own options
        context.set_default_timeout(30_000)
        sheet = Sheet(context.new_page())
        sheets.append(sheet)
        sheet.open(url)
        return sheet

    yield open_page
    complaints = [list(sheet.complaints) for sheet in sheets]  # closing aborts requests that are under way
    for sheet in sheets:
        sheet.page.context.close()
    assert complaints == [[] for _ in sheets]
    assert all(sheet.hosts <= sheet.trusted for sheet in sheets)
