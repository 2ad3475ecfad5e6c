"""S3 behind a proxy that loses answers: requests are carried out, but the client may not learn of it."""

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
CUT = b""


@dataclass
class LossyS3:
    """A proxy to the S3 at `endpoint`, on a port of its own.

    Of PUTs of an object whose key ends so the first `spared` are answered; the answers to the next `lost` become
    `instead`. With `gone_after` S3 is away from that one on.
    """

    endpoint: str
    ending: str = "/record.json"
    spared: int = 0
    lost: int = 0
    instead: bytes = FAILED
    gone_after: int | None = None
    writes: int = 0
    _lines: set[asyncio.Task[None]] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head, body = await _request(reader)
            verb, target, _ = head.split(b" ", 2)
            writer.write(await self._answer(verb, target.decode(), head, body))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a connection that was opened ahead, or given up
        finally:
            writer.close()

    async def _answer(self, verb: bytes, target: str, head: bytes, body: bytes) -> bytes:
        if self.gone_after is not None and self.writes >= self.gone_after:
            return self.instead
        answer = await self._forward(head, body)
        if verb != b"PUT" or not target.partition("?")[0].endswith(self.ending):
            return answer
        self.writes += 1
        if self.writes <= self.spared:
            return answer
        self.lost -= 1
        return self.instead if self.lost >= 0 or self.writes == self.gone_after else answer

    async def _forward(self, head: bytes, body: bytes) -> bytes:
        to = urlsplit(self.endpoint)
        reader, writer = await asyncio.open_connection(to.hostname, to.port)
        try:
            writer.write(head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) + body)
            return await reader.read()
        finally:
            writer.close()


async def _request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    return head, await reader.readexactly(int(headers.get(b"content-length", 0)))
