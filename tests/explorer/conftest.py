"""A real browser for the explorer's tests."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import launched
from tests.support.explorer.visit import Visit


# Playwright keeps an event loop in the thread: a scope wider than a module would reach into other modules' tests.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture
def visit(chromium: Browser) -> Iterator[Callable[[str], Visit]]:
    """Open a URL in a new browser profile; in the end everything must have come from hosts that the test trusts.

    Nor may the browser have reported an error in a script, a missing file or a breach of the page's policy.
    """
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(30_000)
    visits: list[Visit] = []

    def open_page(url: str) -> Visit:
        visits.append(Visit(context.new_page()))
        return visits[-1].open(url)

    yield open_page
    complaints = [list(visited.complaints) for visited in visits]  # closing aborts requests that are under way
    context.close()
    for visited, complained in zip(visits, complaints, strict=True):
        assert complained == []
        assert visited.hosts <= visited.trusted
