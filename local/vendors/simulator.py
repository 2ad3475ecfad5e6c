"""What both simulated vendors share: a request log, a clock, and faults.

A vendor is a function from `SimulatorRequest` to `SimulatorResponse`. A fault is a function from the correct response
to the faulty one, so that a new fault is one line and a test can write its own. Latency is added after the vendor has
acted: a scheduling call that times out at the client has still taken effect.
"""

import asyncio
import csv
import io
import json
import logging
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from types import TracebackType
from typing import Literal, Self
from urllib.parse import unquote

from local.asgi import Receive, Scope, Send, read_body, respond, respond_in_pieces, text_headers
from local.server import BackgroundServer

log = logging.getLogger(__name__)

type Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class SimulatorRequest:
    """One request as the vendor receives it; `query` has the first value of each name, and `+` stays a plus sign."""

    method: str
    path: str
    query_string: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SimulatorResponse:
    """What a vendor answers; `sent_bytes`: close the connection after that many, below zero before the status line.

    `framing` says how the end of the body is marked: by its length, by chunks, or by closing the connection. A body
    that is too large for memory comes in `pieces`, which are sent as chunks.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    sent_bytes: int | None = None
    framing: Literal["length", "chunked", "close"] = "length"
    pieces: Iterator[bytes] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """How a response goes wrong; `acts`: the vendor carries out the request before it fails."""

    change: Callable[[SimulatorResponse], SimulatorResponse]
    acts: bool = True


def failing(status: int, retry_after: str | int | None = None) -> Fault:
    """Answer `status` without carrying out the request."""
    headers = () if retry_after is None else (("retry-after", str(retry_after)),)
    return Fault(lambda _: SimulatorResponse(status, b"the service is not well", headers=headers), acts=False)


def answering_html() -> Fault:
    """Answer 200 with an HTML page, as a proxy or a login wall does."""
    return Fault(
        lambda correct: replace(
            correct, body=b"<!DOCTYPE html><html><body>Sign in</body></html>", content_type="text/html"
        )
    )


def cut_off(share: float = 0.5) -> Fault:
    """Announce the whole body, send a share of it, close the connection."""
    return Fault(lambda correct: replace(correct, sent_bytes=int(len(correct.body) * share)))


def shortened(share: float = 0.5) -> Fault:
    """Send a share of the body with a matching Content-Length."""
    return Fault(lambda correct: replace(correct, body=correct.body[: int(len(correct.body) * share)]))


def breaking_off(share: float = 0.5, coding: Literal["gzip", "deflate"] = "gzip") -> Fault:
    """Compress a share of the body, flush it and end HTTP properly, as a proxy does whose origin died."""

    def change(correct: SimulatorResponse) -> SimulatorResponse:
        packer = zlib.compressobj(wbits=31 if coding == "gzip" else 15)
        body = packer.compress(correct.body[: int(len(correct.body) * share)]) + packer.flush(zlib.Z_SYNC_FLUSH)
        return replace(correct, body=body, headers=(*correct.headers, ("content-encoding", coding)), framing="chunked")

    return Fault(change)


def closing_early(share: float = 0.5) -> Fault:
    """Send a share of the body's lines without any length and close the connection, as though that were the whole."""

    def change(correct: SimulatorResponse) -> SimulatorResponse:
        lines = correct.body.splitlines(keepends=True)
        return replace(correct, body=b"".join(lines[: int(len(lines) * share)]), framing="close")

    return Fault(change)


def hanging_up() -> Fault:
    """Carry out the request, then close the connection without sending a byte."""
    return Fault(lambda correct: replace(correct, sent_bytes=-1))


def without_column(name: str) -> Fault:
    """Leave a column out of a CSV answer."""

    def change(correct: SimulatorResponse) -> SimulatorResponse:
        rows = list(csv.reader(io.StringIO(correct.body.decode(), newline="")))
        index = rows[0].index(name)
        return replace(correct, body=csv_bytes([row[:index] + row[index + 1 :] for row in rows]))

    return Fault(change)


def csv_bytes(rows: list[list[str]]) -> bytes:
    """Rows as RFC 4180 writes them: CRLF, quotes where needed."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def json_answer(value: object, status: int = 200) -> SimulatorResponse:
    """A JSON answer."""
    return SimulatorResponse(status, json.dumps(value).encode(), "application/json; charset=utf-8")


@dataclass(slots=True)
class _ActiveFault:
    fault: Fault
    path: str
    times: int | None


class Simulator:
    """A vendor as a real HTTP server; subclasses implement `answer`.

    `latency` is in seconds, and waited for by `pause`, which a test may replace. `failure_rate` is the share of calls
    that get a 503, in a repeatable sequence. `requests` is the request log.
    """

    def __init__(self, *, port: int = 0, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or _now
        self.latency = 0.0
        self.pause: Callable[[], Awaitable[None]] = self._wait_for_latency
        self.failure_rate = 0.0
        self.requests: list[SimulatorRequest] = []
        self._active: list[_ActiveFault] = []
        self._rng = Random(0)
        self._server = BackgroundServer(self._app, port)

    def answer(self, request: SimulatorRequest) -> SimulatorResponse:
        """The correct response."""
        raise NotImplementedError

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return self._server.url

    def misbehave(self, fault: Fault, *, times: int | None = 1, path: str = "") -> None:
        """Apply a fault to the next `times` calls (None: all) whose path ends with `path`; the oldest fault first."""
        self._active.append(_ActiveFault(fault, path, times))

    def behave(self) -> None:
        """Remove all faults, the latency and the failure rate."""
        self._active.clear()
        self.latency = self.failure_rate = 0.0

    def count(self, path: str = "", method: str | None = None) -> int:
        """Number of requests for paths that end with `path`."""
        return sum(request.path.endswith(path) and method in (None, request.method) for request in self.requests)

    def stop(self) -> None:
        """Stop listening, like a vendor whose host is down."""
        self._server.stop()

    def __enter__(self) -> Self:
        """Start listening."""
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        self.stop()

    def _respond(self, request: SimulatorRequest) -> SimulatorResponse:
        self.requests.append(request)
        fault = self._next_fault(request.path)
        if fault is None:
            return self.answer(request)
        return fault.change(self.answer(request) if fault.acts else SimulatorResponse())

    def _next_fault(self, path: str) -> Fault | None:
        for active in self._active:
            if path.endswith(active.path):
                if active.times is not None:
                    active.times -= 1
                    if active.times == 0:
                        self._active.remove(active)
                return active.fault
        if self.failure_rate and self._rng.random() < self.failure_rate:
            return failing(503)
        return None

    async def _wait_for_latency(self) -> None:
        if self.latency:
            await asyncio.sleep(self.latency)

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = await _request(scope, receive)
        try:
            answer = self._respond(request)
        except Exception:
            log.exception("the simulator itself failed")
            raise
        await self.pause()
        if answer.sent_bytes is not None and answer.sent_bytes < 0:
            await self._server.drop(scope)
            return
        if answer.framing == "close":
            await self._server.send_and_close(scope, _raw(answer))
            return
        await _send(answer, receive, send, head=scope["method"] == "HEAD")


async def _request(scope: Scope, receive: Receive) -> SimulatorRequest:
    body = await read_body(receive)
    query_string = scope["query_string"].decode("latin-1")
    headers = dict(text_headers(scope))
    return SimulatorRequest(scope["method"], scope["path"], query_string, parsed_query(query_string), headers, body)


def parsed_query(query_string: str) -> dict[str, str]:
    """Names and values, percent-decoded. A plus stays a plus: the vendors document only percent-encoding."""
    pairs = [pair.partition("=") for pair in query_string.split("&") if pair]
    return {unquote(name): unquote(value) for name, _, value in reversed(pairs)}


async def _send(answer: SimulatorResponse, receive: Receive, send: Send, *, head: bool) -> None:
    if answer.pieces is not None:
        headers = (("content-type", answer.content_type), ("transfer-encoding", "chunked"), *answer.headers)
        await respond_in_pieces(receive, send, answer.status, headers, answer.pieces)
        return
    length = {"length": ("content-length", str(len(answer.body))), "chunked": ("transfer-encoding", "chunked")}
    headers = (("content-type", answer.content_type), length[answer.framing], *answer.headers)
    body = b"" if head else answer.body[: answer.sent_bytes]
    await respond(send, answer.status, headers, body, truncated=answer.sent_bytes is not None)


def _raw(answer: SimulatorResponse) -> bytes:
    """A response that no server would write: without a length, so that only the closed connection ends it."""
    headers = (("content-type", answer.content_type), ("connection", "close"), *answer.headers)
    lines = (f"HTTP/1.1 {answer.status} Answer", *(f"{name}: {value}" for name, value in headers), "", "")
    return "\r\n".join(lines).encode("latin-1") + answer.body


def _now() -> datetime:
    return datetime.now(UTC)
