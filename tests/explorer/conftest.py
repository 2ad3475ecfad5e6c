"""A real browser for the explorer's tests: Debian's chromium, driven by Playwright."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
# No name resolves: whatever the page wanted from another host would fail, and be seen.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@dataclass(slots=True)
class Visit:
    """One opened page, and everything a browser would complain about or fetch for it."""

    page: Page
    host: str = ""
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc or "data:"))

    def open(self, url: str) -> "Visit":
        self.host = urlsplit(url).netloc
        self.page.goto(url)
        self.page.wait_for_selector(".graphiql-execute-button")
        return self

    def play(self) -> None:
        self.page.click(".graphiql-execute-button")

    def answer(self) -> str:
        """Wait for an answer and give its text, all of it."""
        self.page.wait_for_selector(".result-window .cm-property")
        return str(self.page.locator(".result-window .CodeMirror").evaluate("element => element.CodeMirror.getValue()"))

    def text(self, label: str) -> str:
        """Give the whole text of the editor with this label (CodeMirror draws only the lines in sight)."""
        return str(self._editor(label).evaluate("element => element.CodeMirror.getValue()"))

    def type(self, label: str, text: str) -> None:
        """Replace the text of the editor with this label."""
        self._editor(label).evaluate("(element, text) => element.CodeMirror.setValue(text)", text)

    def stored(self) -> str:
        """Give all that the page has left in the browser, once GraphiQL has written its tabs (half a second late)."""
        self.page.wait_for_timeout(700)
        return str(self.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])"))

    def _editor(self, label: str) -> Locator:
        return self.page.locator(f'section[aria-label="{label}"] .CodeMirror:visible')


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
    """Open a URL in a browser that has never been here before; in the end nothing may have come from another host.

    Nor may the browser have complained: an error in a script, a file not found, a breach of the page's policy.
    """
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    visits: list[Visit] = []

    def open_page(url: str) -> Visit:
        visits.append(Visit(context.new_page()))
        return visits[-1].open(url)

    yield open_page
    context.close()
    for visited in visits:
        assert visited.complaints == []
        assert visited.hosts <= {visited.host, "data:"}
