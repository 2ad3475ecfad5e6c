"""The page of docs/clients.md signs its user in and queries the API from an origin of its own, in a real browser."""

import json
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import copytree
from threading import Thread

import pytest
from playwright.sync_api import Browser

from deploy.processes import free_port
from tests.support.documents import blocks
from tests.support.explorer.sign_in import provider, stack
from tests.support.node import node_with_packages
from tests.support.repository import ROOT

CLIENTS = ROOT / "tests" / "clients"
MODULES = {"oidc-client-ts": "dist/esm/oidc-client-ts.js", "jwt-decode": "build/esm/index.js"}
PAGE = """<!doctype html><link rel="icon" href="data:,">
<script type="importmap">%s</script>
<script type="module">
  import { session } from "./sign-in.js";
  const token = await session(%s, "explorer")();
  const response = await fetch(%s, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ query: '{ reports(from: "2019-11-05", to: "2019-12-03") { totalCount } }' }),
  });
  document.body.append(await response.text());
</script>"""


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def page(tmp_path: Path) -> Iterator[str]:
    """The URL of the page; the issuer and the API are on other origins."""
    node_with_packages(CLIENTS)
    for name in MODULES:
        copytree(CLIENTS / "node_modules" / name, tmp_path / name)
    (code,) = [block.text for block in blocks(ROOT / "docs" / "clients.md") if block.name == "sign-in.js"]
    (tmp_path / "sign-in.js").write_text(code)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path)))
    url = f"http://127.0.0.1:{server.server_port}/"
    thread = Thread(target=server.serve_forever)
    port = free_port()
    with provider(url, tmp_path / "provider.log") as issuer, stack(port, issuer, tmp_path):
        imports = {name: f"/{name}/{file}" for name, file in MODULES.items()}
        values = ({"imports": imports}, issuer, f"http://127.0.0.1:{port}/graphql")
        (tmp_path / "index.html").write_text(PAGE % tuple(map(json.dumps, values)))
        thread.start()
        yield url
        server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
def test_the_block_signs_in_and_its_token_opens_the_api(page: str, chromium: Browser) -> None:
    context = chromium.new_context()
    tab = context.new_page()
    tab.goto(page)
    tab.fill('input[name="name"]', "alice")
    tab.get_by_role("button", name="Continue").click()
    tab.wait_for_url(page)
    tab.get_by_text("totalCount").wait_for()
    assert tab.locator("body").inner_text() == '{"data":{"reports":{"totalCount":7}}}'
    stored = tab.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert "access_token" not in stored
    context.close()
