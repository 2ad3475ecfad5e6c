"""S3 behind a line that is slow, or that accepts requests and never answers; Secrets Manager is not affected."""

import threading
import time
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class SlowS3:
    """A listener in front of the AWS at `endpoint`, inside a `with`.

    Every answer of S3 takes `delay` seconds more. While `hangs` returns true for a request's method and path, the
    request is read and never answered; `waiting` counts those.
    """

    def __init__(self, endpoint: str) -> None:
        self.delay = 0.0
        self.hangs: Callable[[str, str], bool] = lambda method, path: False  # noqa: ARG005
        self.waiting = 0
        self.requests: list[tuple[str, str]] = []
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, urlsplit(endpoint).netloc))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def hang(self) -> None:
        """Answer nothing from now on."""
        self.hangs = lambda method, path: True  # noqa: ARG005

    def answers(self, method: str, path: str) -> bool:
        """Hold a request up; whether it is answered at all."""
        self.requests.append((method, path))
        if self.hangs(method, path):
            self.waiting += 1
            self._released.wait()
            return False
        time.sleep(self.delay)
        return True


def _handler(s3: SlowS3, upstream: str) -> type[BaseHTTPRequestHandler]:
    class Forwarding(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            secrets = "secretsmanager" in (self.headers.get("x-amz-target") or "")
            if not secrets and not s3.answers(self.command, self.path):
                self.close_connection = True
                return
            connection = HTTPConnection(upstream)
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            connection.close()

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = forward  # noqa: N815 - the server's own names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the server's own name
            """Write nothing."""

    return Forwarding
