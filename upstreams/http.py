"""The one place that asks the vendors' APIs: deadline, retries, how many at once, and what a failure is called.

A GET is tried at most three times, a request that changes something once, and that over a connection of its own: one
kept from an earlier call may be dead, and then nobody could say whether the request arrived. A call waits for its turn
as long as the invocation lasts; from then on it has one deadline, which all its tries, the pauses between them and its
token share. It keeps its turn in a pause: a vendor in trouble should not get the next call instead.
"""

import asyncio
import math
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from runtime.deadline import Deadline
from runtime.per_loop import PerLoop
from upstreams.auth import Flow, as_auth
from upstreams.errors import UpstreamError, UpstreamTimeout
from upstreams.failures import TryAgain, of_status, of_transport
from upstreams.transport import LARGEST_ANSWER, OPERATION, Sent, new_client

if TYPE_CHECKING:
    import httpx

TRIES = 3
FIRST_PAUSE_SECONDS = 0.2
CONNECT_SECONDS = 5.0
FAIR_SHARE = 0.9
"""With less than this share of its time, a call that did not end in time might have ended in the rest of it."""
READ = frozenset({HTTPStatus.OK, HTTPStatus.NO_CONTENT})


@dataclass(frozen=True, slots=True)
class Call:
    """What to ask a vendor; `operation` is its name in telemetry. The address may hold what nobody should read."""

    operation: str
    url: str = field(repr=False)
    flow: Flow = field(repr=False)
    method: str = "GET"
    body: bytes | None = field(default=None, repr=False)


class _Connections(NamedTuple):
    client: "httpx.AsyncClient"
    slots: asyncio.Semaphore


class VendorClient:
    """One vendor's API, asked `concurrency` times at once at most; a call may take `seconds`, an answer `max_bytes`."""

    def __init__(self, upstream: str, seconds: float, *, concurrency: int = 4, max_bytes: int = LARGEST_ANSWER) -> None:
        self._upstream = upstream
        self._seconds = seconds
        self._concurrency = concurrency
        self._max_bytes = max_bytes
        self._lines = PerLoop(self._open)

    async def get(self, call: Call, deadline: Deadline) -> bytes:
        """The body of a successful answer, decompressed; one that passes trouble in a moment is tried again.

        Raises:
            UpstreamError: no usable answer; its kind by docs/vendors.md, "Failures".
        """
        client = (await self._lines.get()).client
        async with self._turn(deadline) as own:
            return await self._tried(call, own, client)

    async def _tried(self, call: Call, own: Deadline, client: "httpx.AsyncClient") -> bytes:
        pauses = full_jitter(TRIES - 1)
        while True:
            try:
                response = await self._ask(call, own, client)
                if response.status_code not in READ:
                    raise of_status(self._upstream, response)
            except TryAgain as failure:
                pause = max(next(pauses, math.inf), failure.after)
                if pause >= own.remaining():
                    raise
            else:
                return response.content
            await asyncio.sleep(pause)

    async def send_once(self, call: Call, deadline: Deadline) -> bytes:
        """The body of a successful answer to a request that changes something; it is never tried again.

        Raises:
            UpstreamError: no usable answer; `sent` says whether the vendor may have acted all the same.
        """
        async with (
            self._turn(deadline) as own,
            new_client(self._upstream, self._max_bytes, self._concurrency) as client,
        ):
            response = await self._ask(call, own, client, Sent())
        if not response.is_success:
            raise of_status(self._upstream, response, changing=True)
        return response.content

    @asynccontextmanager
    async def _turn(self, deadline: Deadline) -> AsyncIterator[Deadline]:
        """One of the places at the vendor, and how long the call that has it may take."""
        slots = (await self._lines.get()).slots
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

    async def _ask(
        self, call: Call, deadline: Deadline, client: "httpx.AsyncClient", sent: Sent | None = None
    ) -> "httpx.Response":
        import httpx

        try:
            async with asyncio.timeout(deadline.remaining()):
                return await client.send(self._request(client, call, deadline, sent), auth=as_auth(call.flow))
        except TimeoutError as error:
            late = "the deadline passed before the answer was whole"
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
        extensions = {OPERATION: call.operation} | ({} if sent is None else {"trace": sent})
        headers = {} if call.body is None else {"Content-Type": "application/json"}
        return client.build_request(
            call.method, call.url, headers=headers, content=call.body, timeout=timeout, extensions=extensions
        )

    async def _open(self) -> AsyncGenerator[_Connections]:
        async with new_client(self._upstream, self._max_bytes, self._concurrency) as client:
            yield _Connections(client, asyncio.Semaphore(self._concurrency))


def _unanswered(sent: Sent | None) -> bool:
    return sent is not None and sent.unanswered


def full_jitter(pauses: int) -> Iterator[float]:
    """That many pauses in seconds, each one somewhere below a bound that doubles: callers that failed together part."""
    for power in range(pauses):
        yield random.uniform(0, FIRST_PAUSE_SECONDS * 2**power)  # noqa: S311 it spreads load and guards nothing
