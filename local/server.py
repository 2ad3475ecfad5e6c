"""One HTTP server on a thread of its own, for anything that speaks ASGI: the two vendors and the gateway use it.

uvicorn's protocol, but not its `Server`: that one polls every 100 ms and sleeps while it stops, which a test suite that
starts two vendors per test would pay for hundreds of times. Here starting and stopping take about two milliseconds.
"""

import asyncio
import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn
from uvicorn._types import ASGIApplication
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

GRACE_SECONDS = 1.0
"""How long requests under way may still take when the server stops."""


class BackgroundServer:
    """Serves `app` on `host:port` (0: any free port) between `start` and `stop`, or inside a `with`."""

    def __init__(self, app: ASGIApplication, port: int = 0, host: str = "127.0.0.1") -> None:
        self._config = uvicorn.Config(
            app,
            interface="asgi3",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",  # a simulator that cuts its answer short does so on purpose
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
        )
        self._config.load()
        self._address = (host, port)
        self._state = ServerState()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The server's origin, without a slash at its end."""
        host, port = self._address
        return f"http://{host}:{port}"

    def start(self) -> Self:
        """Listen; connections are taken from the moment this returns.

        Raises:
            OSError: the port is taken.
        """
        listener = socket.create_server(self._address, backlog=512)
        # asyncio only does so for sockets that name their protocol; without it an answer's body waits for the
        # acknowledgement of its head, 40 ms. What is accepted takes it over.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._address = listener.getsockname()[:2]
        running = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(listener, running)), daemon=True)
        self._thread.start()
        running.wait()
        return self

    def stop(self) -> None:
        """Take no more connections, let requests under way end, close the rest."""
        if self._thread is None or self._loop is None or self._stopping is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._thread = None

    async def drop(self, client: tuple[str, int] | None) -> None:
        """Cut a client's connection at once; called by the application that serves it."""
        for connection in list(self._state.connections):
            if isinstance(connection, HttpToolsProtocol) and connection.client == client:
                connection.transport.abort()
        await asyncio.sleep(0)  # the loop tells the protocol on its next turn

    async def _serve(self, listener: socket.socket, running: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(self._protocol, sock=listener)
        running.set()
        await self._stopping.wait()
        server.close()
        await self._finish()

    async def _finish(self) -> None:
        for connection in list(self._state.connections):
            connection.shutdown()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks, timeout=GRACE_SECONDS)
        for task in list(self._state.tasks):
            task.cancel()
        for connection in list(self._state.connections):
            if isinstance(connection, HttpToolsProtocol):
                connection.transport.abort()  # a client that was killed in the middle never reads what is left
        # One turn of the loop each for the cancelled tasks and for the transports that are closing.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def _protocol(self) -> HttpToolsProtocol:
        return HttpToolsProtocol(config=self._config, server_state=self._state, app_state={})

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()
