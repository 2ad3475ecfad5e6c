"""A proxy before the simulated OpenMarket that ends its answers by closing the connection, and can cut off a log.

Without a length, a coding or chunks nothing shows that an answer came to its end (RFC 9112 §6.3).
"""

import csv
import io
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from operator import itemgetter
from typing import Self
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlsplit
from urllib.request import Request, urlopen

LOG_PATH = "/csv/log"
FINAL_WORDS = frozenset({"success", "confirmed", "failed"})


@dataclass(frozen=True, slots=True)
class CutLog:
    """A log that lost rows: its query, the days of the lost ones, and those of lost credits in a final state."""

    query: Mapping[str, str]
    days: frozenset[date]
    final_days: frozenset[date]


@dataclass
class UnframedProxy:
    """Passes on what `origin` answers; of a log only the first `rows` rows, unless that is None.

    With `framed` it passes the length on as well, and cuts nothing. Rows from before `spare` are never lost.
    """

    origin: str
    rows: int | None = None
    spare: date = date.min
    framed: bool = False
    cut: list[CutLog] = field(default_factory=list)

    def __enter__(self) -> Self:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = proxy.fetched(self.path, dict(self.headers))
                self.send_response(status)
                self.send_header("Content-Type", "text/csv")
                if proxy.framed:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """The simulator has a log of its own."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def base_url(self) -> str:
        """The value for `OPENMARKET_BASE_URL`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def fetched(self, target: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """The simulator's answer, cut off if it is a log."""
        kept = {name: value for name, value in headers.items() if name.lower() == "authorization"}
        try:
            with urlopen(Request(self.origin + target, headers=kept)) as answer:  # noqa: S310 - a simulator
                status, body = answer.status, answer.read()
        except HTTPError as error:
            return error.code, error.read()
        if self.framed or self.rows is None or urlsplit(target).path != LOG_PATH:
            return status, body
        return status, self._cut(dict(parse_qsl(urlsplit(target).query)), body)

    def _cut(self, query: Mapping[str, str], body: bytes) -> bytes:
        head, *rows = list(csv.reader(io.StringIO(body.decode(), newline="")))
        rows.sort(key=itemgetter(1))
        start = max(self.rows or 0, sum(row[1] < str(self.spare) for row in rows))
        lost = rows[start:]
        self.cut.append(
            CutLog(
                query,
                frozenset(date.fromisoformat(row[1][:10]) for row in lost),
                frozenset(date.fromisoformat(row[1][:10]) for row in lost if row[4].lower() in FINAL_WORDS),
            )
        )
        text = io.StringIO(newline="")
        csv.writer(text).writerows([head, *rows[:start]])
        return text.getvalue().encode()
