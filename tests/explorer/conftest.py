"""A real browser for the explorer's tests: Debian's chromium, driven by Playwright."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.support.explorer.visit import Visit

CHROMIUM = Path("/usr/bin/chromium")
# No name resolves: whatever the page wanted from another host would fail, and be seen.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


# Playwright keeps an event loop in the thread: a scope wider than a module would reach into other modules' tests.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        missing = f"{CHROMIUM} is missing: apt-get install -y chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


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
