"""A proxy to the embedded AWS that records the target of every request."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass
class Targets:
    """The targets of the requests: keys and key prefixes of S3, and names of secrets."""

    url: str = ""
    keys: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)

    def forget(self) -> None:
        self.keys.clear()
        self.secrets.clear()

    def keep(self, path: str, headers: dict[str, str], body: bytes) -> None:
        target = next((value for name, value in headers.items() if name.lower() == "x-amz-target"), "")
        if "secretsmanager" in target.lower():
            self.secrets.append(str(json.loads(body).get("SecretId")))
            return
        parts = urlsplit(path)
        asked = parse_qs(parts.query, keep_blank_values=True)
        if "list-type" in asked:
            self.keys.append(asked["prefix"][0])
        elif "delete" in asked:
            self.keys += re.findall(r"<Key>(.*?)</Key>", body.decode())
        else:
            self.keys.append(unquote(parts.path).split("/", 2)[-1])


@contextmanager
def listening(endpoint: str) -> Iterator[Targets]:
    """Pass on what is sent to `url` to `endpoint`, and record the targets."""
    targets, upstream = Targets(), urlsplit(endpoint).netloc

    class Through(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            targets.keep(self.path, dict(self.headers), body)
            connection = HTTPConnection(upstream)
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            length = answer.getheader("content-length") if self.command == "HEAD" else len(content)
            self.send_header("content-length", str(length))
            self.end_headers()
            self.wfile.write(content)
            connection.close()

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any  # noqa: N815 - the server's own names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the server's own name
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Through) as server:
        targets.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield targets
        finally:
            server.shutdown()
            thread.join()
