"""The explorer in a browser: its editors, its answer, the hosts it fetched from, and the browser's complaints."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, Request


@dataclass(slots=True)
class Visit:
    """One opened page, and everything a browser would complain about or fetch for it."""

    page: Page
    host: str = ""
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    trusted: set[str] = field(default_factory=lambda: {"data:"})
    listeners: dict[str, Callable[[Any], object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.listeners = {
            "console": lambda message: self.complaints.append(f"{message.type}: {message.text}"),
            "pageerror": lambda error: self.complaints.append(str(error)),
            "requestfailed": lambda request: self.complaints.append(f"failed: {request.url}"),
            "request": lambda request: self.requested(request),  # noqa: PLW0108 - Playwright marks a method's object
        }
        for event, listener in self.listeners.items():
            self.page.on(event, listener)  # type: ignore[call-overload]  # one signature for each event

    def requested(self, request: Request) -> None:
        self.hosts.add(urlsplit(request.url).netloc or "data:")

    def leave(self) -> None:
        """Leave the tab blank and unwatched, for another visit: a new one costs two processes."""
        for event, listener in self.listeners.items():
            self.page.remove_listener(event, listener)
        self.page.unroute_all()
        self.page.goto("about:blank")
        self.page.mouse.move(0, 0)

    def open(self, url: str) -> "Visit":
        self.host = urlsplit(url).netloc
        self.trust(url)
        self.page.goto(url)
        return self.wait_until_ready()

    def trust(self, url: str) -> None:
        """Let the page load from this host too."""
        self.trusted.add(urlsplit(url).netloc)

    def reload(self) -> "Visit":
        """Reload the page once its requests have ended: a reload aborts them, which counts as a complaint."""
        self.page.wait_for_load_state("networkidle")
        self.page.reload()
        return self.wait_until_ready()

    def wait_until_ready(self) -> "Visit":
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
        """Give all that the page has stored in the browser, once GraphiQL has written its tabs (half a second late)."""
        self.page.wait_for_timeout(700)
        return str(self.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])"))

    def _editor(self, label: str) -> Locator:
        return self.page.locator(f'section[aria-label="{label}"] .CodeMirror:visible')
