"""The overview as a reader sees it: its figures by their names, and what a browser or axe complains about."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Request

from tests.support.explorer.visit import Visit
from tests.support.repository import ROOT

AXE = ROOT / "tests" / "overview" / "node_modules" / "axe-core" / "axe.min.js"

CELLS = """caption => {
  const table = [...document.querySelectorAll("table")].find((each) => each.caption?.textContent === caption);
  const text = (cell) => cell.textContent.replace(/\\u00a0/g, " ");
  return [...table.rows].filter((row) => !row.matches(".mark")).map((row) => [...row.cells].map(text));
}"""
"""The texts of a table's cells, of one that is folded too."""


@dataclass(slots=True)
class Sheet(Visit):
    """One opened overview; `asked` are its requests to the API."""

    asked: list[Request] = field(default_factory=list)

    def requested(self, request: Request) -> None:
        Visit.requested(self, request)
        if "/graphql" in request.url:
            self.asked.append(request)

    def complained(self) -> list[str]:
        """What the browser complained about; a question that another view has overtaken is broken off on purpose."""
        return [line for line in self.complaints if not (line.startswith("failed: ") and "/graphql?" in line)]

    def wait_until_ready(self) -> "Sheet":
        self.page.wait_for_selector('#figures[aria-busy="false"]', state="attached")
        return self

    def choose(self, control: str, option: str) -> "Sheet":
        """Choose an option of the control with this id, and wait for its figures."""
        self.page.locator(f"#{control}").select_option(option)
        return self.wait_until_ready()

    def text(self, place: str) -> str:
        """The text of the element with this id, blanks made plain."""
        return self.page.locator(f"#{place}").inner_text().replace("\u00a0", " ")

    def tile(self, name: str, currency: str = "GBP") -> dict[str, str]:
        """A tile's figure and what it is compared with."""
        row = self.page.get_by_role("group", name=f"Figures in {currency}")
        tile = row.locator(".tile", has=self.page.get_by_role("heading", name=f"{name} {currency}", exact=True))
        return {part: plain(tile.locator(f".{part}")) for part in ("value", "compared")}

    def table(self, caption: str) -> list[dict[str, str]]:
        """The rows of a table by its caption, each by the heads of its columns."""
        found: list[list[str]] = self.page.evaluate(CELLS, caption)
        heads, *rows = found
        return [dict(zip(heads, row, strict=True)) for row in rows]

    def address(self) -> dict[str, str]:
        """What the address says about the view."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.page.url).query).items()}

    def audit(self) -> list[str]:
        """What axe finds wrong, by rule and element."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        result: dict[str, Any] = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [f"{found['id']}: {node['html'][:150]}" for found in result["violations"] for node in found["nodes"]]

    def overflows(self) -> bool:
        """Whether the page is wider than the window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def plain(locator: Locator) -> str:
    """An element's text with plain blanks."""
    return locator.inner_text().replace("\u00a0", " ")
