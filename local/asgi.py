"""ASGI as the local servers use it: the types, reading a request's body, sending a complete response."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

type Message = MutableMapping[str, Any]
type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type App = Callable[[Scope, Receive, Send], Awaitable[None]]


class RequestTooLargeError(Exception):
    """The request's body has more bytes than the server accepts."""


async def read_body(receive: Receive, limit: int | None = None) -> bytes:
    """The whole body of a request, or what arrived of it before the client disconnected.

    Raises:
        RequestTooLargeError: the body is longer than `limit`.
    """
    body = bytearray()
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if limit is not None and len(body) > limit:
            raise RequestTooLargeError
        if not message.get("more_body", False):
            break
    return bytes(body)


def text_headers(scope: Scope) -> list[tuple[str, str]]:
    """A request's headers as text; ASGI has their names in lower case already."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]


async def respond(
    send: Send, status: int, headers: Iterable[tuple[str, str]], body: bytes, *, truncated: bool = False
) -> None:
    """Send a response; `truncated`: leave it open after `body`, so that the server drops the connection."""
    await _start(send, status, headers)
    await send({"type": "http.response.body", "body": body, "more_body": truncated})


async def respond_in_pieces(
    receive: Receive, send: Send, status: int, headers: Iterable[tuple[str, str]], pieces: Iterable[bytes]
) -> None:
    """Send a response whose body is too large for memory, unless the client disconnects before all of it was sent."""
    await _start(send, status, headers)
    disconnected = asyncio.ensure_future(receive())
    try:
        for piece in pieces:
            if disconnected.done():
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b""})
    finally:
        disconnected.cancel()


async def _start(send: Send, status: int, headers: Iterable[tuple[str, str]]) -> None:
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
