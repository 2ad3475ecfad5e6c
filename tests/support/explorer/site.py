"""A small web server around the explorer: the page and its assets under a prefix, and an endpoint with canned answers.

It answers by the contract's types (introspection included) and writes down what it was asked.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from graphql import build_schema, graphql_sync

import explorer
from tests.support.repository import ROOT
from web.delivery import Asset
from web.sign_in import SignIn

SCHEMA = build_schema((ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8"))
FRESH = {"source": "UPSTREAM", "asOf": "2026-03-01T12:00:00Z", "stale": False}
CREDIT = {
    "creditId": "18446744073709551615",
    "time": "2026-03-01T11:59:00Z",
    "msisdn": "447700900021",
    "network": "Vodafone",
    "outcome": "SUCCESS",
    "amount": "1.5",
    "currency": "GBP",
}
OUTCOME = {"brand": "Acme", "amount": "1.5", "currency": "GBP", "success": 3, "failed": 1}
PREVIEW = {
    "state": "READY",
    "rowCount": 240,
    "rows": [["Contoso", "12.50"]],
    "columns": [{"name": "company", "type": "STRING", "sum": None}, {"name": "net", "type": "DECIMAL", "sum": "99.95"}],
}
REPORT = {"name": "withres2", "format": "XLSX", "creationDate": "2019-11-12T09:51:14Z", "preview": PREVIEW}
ANSWER = {
    "creditOutcome": {"rows": [OUTCOME], "freshness": FRESH},
    "creditLog": {"totalCount": 1, "freshness": FRESH, "nodes": [CREDIT]},
    "reports": {"totalCount": 1, "freshness": FRESH, "nodes": [REPORT]},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to the endpoint."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(slots=True)
class Site:
    """The running server: its address, the token that it writes into the page, and the requests it got."""

    prefix: str = ""
    token: str = ""
    sign_in: SignIn | None = None
    port: int = 0
    asked: list[Asked] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def runs(self) -> list[Asked]:
        """The requests other than introspection."""
        return [asked for asked in self.asked if asked.body["operationName"] != "IntrospectionQuery"]

    def introspections(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.body["operationName"] == "IntrospectionQuery"]

    def get(self, path: str) -> Asset | None:
        path = path.partition("?")[0]
        if path in {self.prefix, f"{self.prefix}/"}:
            return explorer.page(path, self.sign_in)
        folder = f"{self.prefix}/assets/"
        return explorer.FILES.asset(path.removeprefix(folder)) if path.startswith(folder) else None

    def post(self, asked: Asked) -> dict[str, Any]:
        self.asked.append(asked)
        query, operation = asked.body["query"], asked.body.get("operationName")
        result = graphql_sync(SCHEMA, query, ANSWER, None, asked.body.get("variables"), operation)
        return result.formatted  # type: ignore[return-value]  # a TypedDict is a dict


@contextmanager
def serving(prefix: str = "", token: str = "", sign_in: SignIn | None = None) -> Iterator[Site]:
    """Serve on a free loopback port; `token` is written into the page as a local gateway does."""
    site = Site(prefix, token, sign_in)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asset = site.get(self.path)
            if asset is None:
                self.send_error(404)
                return
            body = asset.body
            if asset.content_type.startswith("text/html") and site.token:
                meta = f'<meta name="tally-token" content="{site.token}"></head>'
                body = body.replace(b"</head>", meta.encode(), 1)
            self.answer(body, asset.content_type, *asset.headers)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = site.post(Asked(self.path, headers, body))
            self.answer(json.dumps(answer).encode(), "application/graphql-response+json")

        def answer(self, body: bytes, content_type: str, *headers: tuple[str, str]) -> None:
            self.send_response(200)
            for name, value in (("content-type", content_type), ("content-length", str(len(body))), *headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
            """Stay quiet: the tests read `asked`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.port = server.server_port
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield site
        server.shutdown()
        thread.join()
