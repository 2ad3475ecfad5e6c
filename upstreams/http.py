"""The one place that calls the vendors' APIs: deadline, retries, concurrency, and which error a failure becomes.

A GET is tried at most three times. A request that changes something is sent once, over a new connection: an old one may
be dead, and then it would be unknown whether the request arrived. A call may wait for a free slot until the
invocation's deadline. Once it has one, a single deadline covers all attempts, the pauses between them and the token
request. It keeps the slot while pausing, so that a struggling vendor gets no extra call.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from runtime.deadline import Deadline
from runtime.per_loop import PerLoop
from upstreams.auth import Flow, as_auth
from upstreams.bodies import SpooledBody
from upstreams.errors import UpstreamError, UpstreamTimeout
from upstreams.failures import TryAgain, correlation_id, of_status, of_transport
from upstreams.transport import (
    LARGEST_IN_MEMORY,
    MAX_BYTES,
    OPERATION,
    PROVEN_WHOLE,
    SPOOLED,
    AnswerLimits,
    Sent,
    new_client,
)

if TYPE_CHECKING:
    import httpx

LOG = logging.getLogger("tally.upstreams")

ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.2
CONNECT_SECONDS = 5.0
FAIR_SHARE = 0.9
"""A call that had less than this share of its time might have succeeded in the rest of it."""
READABLE = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT})
# Not the module's own generator: all processes restored from one snapshot would draw the same pauses from it.
_RANDOM = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Call:
    """What to ask a vendor; `operation` is its name in telemetry. The URL may hold personal data and is not printed."""

    operation: str
    url: str = field(repr=False)
    flow: Flow = field(repr=False)
    method: str = "GET"
    body: bytes | None = field(default=None, repr=False)
    accepts: "Callable[[httpx.Response], bool]" = field(default=lambda _: False, repr=False)
    """Whether an answer with another status than `READABLE` is an answer nevertheless."""
    max_bytes: int | None = None
    """The size limit of the answer, if it is smaller than the client's."""


@dataclass(frozen=True, slots=True)
class VendorAnswer:
    """A successful answer, decompressed; `content_type` is the header as the vendor wrote it.

    `proven_whole` is false when neither HTTP nor a compression shows that the body came to its end. `spooled` is the
    body where it is on disk, for the caller to close; `body` is empty then.
    """

    body: bytes = field(repr=False)
    content_type: str | None = None
    correlation_id: str | None = None
    proven_whole: bool = False
    spooled: SpooledBody | None = field(default=None, repr=False)

    @classmethod
    def of(cls, response: "httpx.Response") -> "VendorAnswer":
        """The answer that a response holds."""
        return cls(
            response.content,
            response.headers.get("Content-Type"),
            correlation_id(response),
            proven_whole=response.extensions[PROVEN_WHOLE],
            spooled=response.extensions.get(SPOOLED),
        )


class _Connections(NamedTuple):
    client: "httpx.AsyncClient"
    slots: asyncio.Semaphore


class VendorClient:
    """One vendor's API: at most `concurrency` calls at once, each of `seconds` at most, answers up to `max_bytes`.

    Of an answer no more than `in_memory` bytes are in memory, if that is given: a larger one is on disk.
    """

    def __init__(
        self,
        upstream: str,
        seconds: float,
        *,
        concurrency: int = 4,
        max_bytes: int = LARGEST_IN_MEMORY,
        in_memory: int | None = None,
    ) -> None:
        self._upstream = upstream
        self._seconds = seconds
        self._concurrency = concurrency
        self._limits = AnswerLimits(max_bytes, max_bytes if in_memory is None else min(in_memory, max_bytes))
        self._connections = PerLoop(self._open)

    async def get(self, call: Call, deadline: Deadline) -> VendorAnswer:
        """A successful answer; a failure that may pass soon is retried.

        Raises:
            UpstreamError: no usable answer.
        """
        client = (await self._connections.get()).client
        with self._logged(call):
            async with self._slot(deadline) as own_deadline:
                return VendorAnswer.of(await self._retried(call, own_deadline, client))

    async def send_once(self, call: Call, deadline: Deadline) -> VendorAnswer:
        """A successful answer to a request that changes something; it is never retried.

        Raises:
            UpstreamError: no usable answer; `sent` says whether the request may have taken effect all the same.
        """
        with self._logged(call):
            async with (
                self._slot(deadline) as own_deadline,
                new_client(self._upstream, self._limits, self._concurrency) as client,
            ):
                response = await self._send(call, own_deadline, client, Sent())
            if not response.is_success:
                raise of_status(self._upstream, response, changing=True)
            return VendorAnswer.of(response)

    @contextmanager
    def parsing(self, call: Call, answer: VendorAnswer) -> Iterator[None]:
        """Parse an answer inside this block: an error about its content gets the call's correlation id, and a log line.

        Raises:
            UpstreamError: the block's own.
        """
        with self._logged(call):
            try:
                yield
            except UpstreamError as error:
                error.correlation_id = answer.correlation_id
                raise

    async def _retried(self, call: Call, deadline: Deadline, client: "httpx.AsyncClient") -> "httpx.Response":
        for jitter in full_jitter(ATTEMPTS - 1):
            try:
                return await self._read(call, deadline, client)
            except TryAgain as failure:
                pause = max(jitter, failure.retry_after or 0)
                if pause >= deadline.remaining():
                    raise
            await asyncio.sleep(pause)
        return await self._read(call, deadline, client)

    async def _read(self, call: Call, deadline: Deadline, client: "httpx.AsyncClient") -> "httpx.Response":
        response = await self._send(call, deadline, client)
        if response.status_code not in READABLE and not call.accepts(response):
            raise of_status(self._upstream, response)
        return response

    @asynccontextmanager
    async def _slot(self, deadline: Deadline) -> AsyncIterator[Deadline]:
        """One of the concurrent calls that the vendor gets, and the deadline of the call that has it."""
        slots = (await self._connections.get()).slots
        try:
            async with asyncio.timeout(deadline.remaining()):
                await slots.acquire()
        except TimeoutError as error:
            late = UpstreamTimeout(self._upstream, "the deadline passed before earlier calls had ended")
            late.hurried = True
            raise late from error
        own = deadline.within(self._seconds)
        hurried = own.remaining() < FAIR_SHARE * self._seconds
        try:
            yield own
        except UpstreamError as error:
            error.hurried = hurried and not own.remaining()
            raise
        finally:
            slots.release()

    @contextmanager
    def _logged(self, call: Call) -> Iterator[None]:
        """Log a failed call with what the vendor's support asks for."""
        try:
            yield
        except UpstreamError as error:
            LOG.warning(
                "%s %s failed: %s; status %s, correlation id %s, the vendor's message: %s",
                self._upstream,
                call.operation,
                error.reason,
                error.status,
                error.correlation_id,
                error.vendor_message,
            )
            raise

    async def _send(
        self, call: Call, deadline: Deadline, client: "httpx.AsyncClient", sent: Sent | None = None
    ) -> "httpx.Response":
        import httpx

        try:
            async with asyncio.timeout(deadline.remaining()):
                return await client.send(self._request(client, call, deadline, sent), auth=as_auth(call.flow))
        except TimeoutError as error:
            late = "the deadline passed before the answer was complete"
            raise UpstreamTimeout(self._upstream, late, sent=_unanswered(sent)) from error
        except httpx.RequestError as error:
            raise of_transport(self._upstream, error, sent=_unanswered(sent)) from error
        except UpstreamError as error:
            error.sent = error.sent or _unanswered(sent)
            raise

    def _request(
        self, client: "httpx.AsyncClient", call: Call, deadline: Deadline, sent: Sent | None
    ) -> "httpx.Request":
        import httpx

        left = deadline.remaining()
        timeout = httpx.Timeout(left, connect=min(CONNECT_SECONDS, left))
        extensions = {OPERATION: call.operation, MAX_BYTES: call.max_bytes} | ({} if sent is None else {"trace": sent})
        headers = {} if call.body is None else {"Content-Type": "application/json"}
        return client.build_request(
            call.method, call.url, headers=headers, content=call.body, timeout=timeout, extensions=extensions
        )

    async def _open(self) -> AsyncGenerator[_Connections]:
        async with new_client(self._upstream, self._limits, self._concurrency) as client:
            yield _Connections(client, asyncio.Semaphore(self._concurrency))


def _unanswered(sent: Sent | None) -> bool:
    return sent is not None and sent.unanswered


def full_jitter(pauses: int) -> Iterator[float]:
    """That many pauses in seconds, each random below a bound that doubles: callers that failed together spread out."""
    for power in range(pauses):
        yield _RANDOM.uniform(0, FIRST_PAUSE_SECONDS * 2**power)
