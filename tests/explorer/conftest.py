"""A real browser for the explorer's tests."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.browser import launched
from tests.support.explorer.visit import Visit


# Playwright keeps an event loop in the thread: a scope wider than a module would reach into other modules' tests.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


VIEWPORT = {"width": 1280, "height": 800}


def own_profile(chromium: Browser) -> BrowserContext:
    context = chromium.new_context(viewport=VIEWPORT)  # type: ignore[arg-type]  # it is a dictionary of its own
    context.set_default_timeout(30_000)
    return context


@pytest.fixture(scope="module")
def tab(chromium: Browser) -> Iterator[Page]:
    """One tab for the tests of a module: a new one takes two thirds of the time of a page."""
    context = own_profile(chromium)
    yield context.new_page()
    context.close()


@pytest.fixture
def visit(tab: Page) -> Iterator[Callable[[str], Visit]]:
    """Open a URL in a browser that knows nothing of it; everything must come from hosts that the test trusts.

    Nor may the browser have reported an error in a script, a missing file or a breach of the page's policy.
    """
    visits: list[Visit] = []
    tab.set_viewport_size(VIEWPORT)  # type: ignore[arg-type]  # likewise

    def open_page(url: str) -> Visit:
        visits.append(Visit(tab))
        return visits[-1].open(url)

    yield open_page
    for visited in visits:
        complained = list(visited.complaints)  # leaving aborts requests that are under way
        tab.evaluate("localStorage.clear(); sessionStorage.clear()")
        visited.leave()
        tab.context.clear_cookies()
        assert complained == []
        assert visited.hosts <= visited.trusted
