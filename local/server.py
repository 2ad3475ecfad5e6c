"""A uvicorn server on a thread of its own: the two simulated vendors and the local gateway use it."""

import asyncio
import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn

from local.asgi import App, Scope

GRACE_SECONDS = 1
"""How long requests in progress may still take when the server stops."""


class _EventServer(uvicorn.Server):
    """Stops when an event is set, where uvicorn polls every 100 ms, and reports when it listens and when it has closed.

    A test suite starts hundreds of servers, so the polling would add up to minutes.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()
        self.closed = threading.Event()
        self.stopping = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        await self.stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # What the base class does first, then sleeps; nothing can connect from here on.
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        self.closed.set()
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # its client went away without reading what was sent
        await asyncio.sleep(0)


class BackgroundServer:
    """Serves `app` on `host:port` (0: any free port) between `start` and `stop`, or inside a `with`."""

    def __init__(self, app: App, port: int = 0, host: str = "127.0.0.1") -> None:
        self._app = app
        self._address = (host, port)
        self._server: _EventServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The server's origin, without a slash at its end."""
        host, port = self._address
        return f"http://{host}:{port}"

    def start(self) -> Self:
        """Listen; connections are accepted from the moment this returns.

        Raises:
            OSError: the port is taken.
        """
        listener = socket.create_server(self._address, backlog=512)
        # asyncio does this only for sockets that name their protocol. Without it, a response's body waits 40 ms for
        # the acknowledgement of its head. Accepted connections inherit it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._address = listener.getsockname()[:2]
        self._server = server = _EventServer(_config(self._app))
        self._thread = threading.Thread(target=lambda: server.run([listener]), name="server", daemon=True)
        self._thread.start()
        server.listening.wait()
        return self

    def stop(self, *, wait: bool = False) -> None:
        """Accept no more connections and close the idle ones.

        Requests in progress get `GRACE_SECONDS`, on the server's own thread; `wait`: return only after them.
        """
        if self._server is None or self._thread is None or self._server.loop is None:
            return
        self._server.loop.call_soon_threadsafe(self._server.stopping.set)
        self._server.closed.wait()
        if wait:
            self._thread.join()
        self._server = self._thread = None

    async def drop(self, scope: Scope) -> None:
        """Cut the connection of the request with this scope; called by the application that answers it."""
        if self._server is None:
            return
        for connection in list(self._server.server_state.connections):
            if connection.transport.get_extra_info("peername") == scope["client"]:
                connection.transport.abort()
        await asyncio.sleep(0)  # the loop tells the protocol on its next turn

    async def send_and_close(self, scope: Scope, data: bytes) -> None:
        """Write raw bytes to the connection of the request with this scope, instead of a response, and close it."""
        if self._server is None:
            return
        open_connections = self._server.server_state.connections
        for connection in list(open_connections):
            if connection.transport.get_extra_info("peername") == scope["client"]:
                connection.transport.write(data)
                connection.transport.close()
                while connection in open_connections:  # noqa: ASYNC110 - uvicorn sets no event when all is written
                    await asyncio.sleep(0.001)

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()


def _config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        interface="asgi3",
        loop="asyncio",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",  # a simulator that cuts its response short does so on purpose
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
