"""A vendor over real HTTP that misbehaves on demand: a script says how each request is answered."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self


@dataclass(frozen=True)
class Seen:
    """One request as received."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass(frozen=True)
class ScriptedAnswer:
    """What goes back; `declared` is the Content-Length, where that shall not be the truth.

    `framing` says how the end of the body is marked: by its length, by chunks, or by closing the connection.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    declared: int | None = None
    seconds_before: float = 0
    seconds_within: float = 0
    hang_up: bool = False
    framing: Literal["length", "chunked", "close"] = "length"

    def __str__(self) -> str:
        oddities = (self.declared, self.seconds_before, self.seconds_within, self.hang_up)
        return f"{self.status} {len(self.body)} bytes {self.headers} {oddities}"


type Script = Callable[[Seen], ScriptedAnswer]


def in_turn(*answers: ScriptedAnswer) -> Script:
    """One answer after the other; the last one is repeated."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def by_path(scripts: dict[str, Script]) -> Script:
    return lambda seen: scripts[seen.path](seen)


class ScriptedVendor:
    """`async with ScriptedVendor(script) as vendor:` serves on a free port and records the requests."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.script = script
        self._tls = tls
        self.seen: list[Seen] = []
        self.most_at_once = 0
        self._at_once = 0
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def paths(self) -> list[str]:
        return [seen.path for seen in self.seen]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.create_task(self._serve(reader, writer, len(self._connections)))
        self._connections.add(connection)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        try:
            while (seen := await _read(reader, connection)) is not None:
                self.seen.append(seen)
                if not await self._answer(seen, writer):
                    break
        except ConnectionError:
            pass  # the client went away, as some of these tests want
        finally:
            writer.close()

    async def _answer(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            answer = self.script(seen)
            await asyncio.sleep(answer.seconds_before)
            if answer.hang_up:
                return False
            await _write(answer, writer)
        finally:
            self._at_once -= 1
        return answer.declared is None and answer.framing != "close"


async def _read(reader: asyncio.StreamReader, connection: int) -> Seen | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, target, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(method, target, headers, body, connection)


async def _write(answer: ScriptedAnswer, writer: asyncio.StreamWriter) -> None:
    length = len(answer.body) if answer.declared is None else answer.declared
    framing = {"length": {"Content-Length": str(length)}, "chunked": {"Transfer-Encoding": "chunked"}, "close": {}}
    headers = framing[answer.framing] | answer.headers
    lines = [f"HTTP/1.1 {answer.status} Scripted", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    writer.write("\r\n".join(lines).encode("latin-1"))
    body = _chunked(answer.body) if answer.framing == "chunked" else answer.body
    half = len(body) // 2 if answer.seconds_within else 0
    writer.write(body[:half])
    await writer.drain()
    await asyncio.sleep(answer.seconds_within)
    writer.write(body[half:])
    await writer.drain()


def _chunked(body: bytes, size: int = 1000) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
