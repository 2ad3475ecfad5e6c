"""How long the store waits for S3, and what it makes of a refused conditional write."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from ledger.storage.s3 import S3Bucket
from ledger.storage.store import (
    ENDING_SECONDS,
    LONGEST_WAIT,
    SHARE,
    SHORTEST_WAIT,
    LedgerUnavailable,
    ListedObject,
    Store,
    StoredObject,
    longest_wait,
)
from runtime import deadline, telemetry
from runtime.deadline import Deadline
from tests.support.s3.memory_store import MemoryBucket, MemoryConnection

pytestmark = pytest.mark.anyio

type Call = Callable[[Store], Awaitable[object]]

CALLS: dict[str, Call] = {
    "get": lambda store: store.get("k"),
    "get_range": lambda store: store.get_range("k", 0, 1),
    "put": lambda store: store.put("k", b""),
    "create": lambda store: store.create("k", b""),
    "replace": lambda store: store.replace("k", b"", "e"),
    "delete": lambda store: store.delete(["k"]),
    "listing": lambda store: store.listing("k"),
    "folders": lambda store: store.folders("k"),
}


class Hanging(MemoryConnection):
    """S3 that takes `seconds` over each request."""

    def __init__(self, seconds: float) -> None:
        super().__init__(MemoryBucket())
        self.seconds = seconds
        self.asked = 0

    async def _wait(self) -> None:
        self.asked += 1
        await asyncio.sleep(self.seconds)

    async def get(self, key: str) -> StoredObject | None:
        await self._wait()
        return await super().get(key)

    async def get_range(self, key: str, start: int, end: int) -> bytes | None:
        await self._wait()
        return await super().get_range(key, start, end)

    async def put(self, key: str, body: bytes, attributes: Mapping[str, str], condition: str | None) -> str | None:
        await self._wait()
        return await super().put(key, body, attributes, condition)

    async def delete(self, keys: Sequence[str]) -> None:
        await self._wait()
        await super().delete(keys)

    async def folders(self, folder: str) -> list[str]:
        await self._wait()
        return await super().folders(folder)

    async def pages(self, folder: str, after: str | None) -> AsyncIterator[list[ListedObject]]:
        await self._wait()
        async for page in super().pages(folder, after):
            yield page


@pytest.fixture(autouse=True)
def _no_deadline() -> Iterator[None]:
    token = deadline.current.set(None)
    yield
    deadline.current.reset(token)


def begin(seconds: float) -> None:
    """Begin an invocation whose calls of S3 may take so long in all."""
    deadline.current.set(Deadline.after(seconds - ENDING_SECONDS))


@pytest.mark.parametrize(
    ("left", "wait"), [(100, LONGEST_WAIT), (10, 10 * SHARE), (0.3, SHORTEST_WAIT), (0.1, 0.1), (0, 0)]
)
def test_a_call_waits_for_a_share_of_what_is_left(left: float, wait: float) -> None:
    assert longest_wait(left) == pytest.approx(wait)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_every_call_is_given_up_in_time(call: Call) -> None:
    store = Store(Hanging(60))
    begin(0.8)
    began = time.monotonic()
    with pytest.raises(LedgerUnavailable, match="did not answer in time"):
        await call(store)
    assert 0.1 < time.monotonic() - began < 0.5


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
async def test_after_one_call_in_vain_s3_is_not_asked_again_in_this_invocation(call: Call) -> None:
    bucket = Hanging(60)
    store = Store(bucket)
    begin(0.8)
    with pytest.raises(LedgerUnavailable):
        await store.get("k")
    with pytest.raises(LedgerUnavailable, match="earlier in this invocation"):
        await call(store)
    assert bucket.asked == 1
    bucket.seconds = 0
    begin(0.8)
    await call(store)
    assert bucket.asked > 1, "the next invocation asks again"


async def test_an_invocation_that_is_over_asks_nothing() -> None:
    """A task that was frozen with the process must not change anything when it goes on in a later invocation."""
    bucket = Hanging(0)
    begin(-1)
    with pytest.raises(LedgerUnavailable, match="no time is left"):
        await Store(bucket).delete(["k"])
    assert bucket.asked == 0


async def test_a_slow_answer_is_waited_for_when_there_is_time() -> None:
    store = Store(Hanging(0.3))
    begin(20)
    await store.put("k", b"body")
    assert await store.get("k") is not None


async def test_an_answer_that_came_while_the_process_was_busy_counts() -> None:
    """Importing a client blocks the event loop for longer than a call may wait near the end."""
    store = Store(Hanging(0.1))
    await store.put("k", b"body")
    begin(0.8)

    async def busy() -> None:
        await asyncio.sleep(0)
        time.sleep(0.4)  # noqa: ASYNC251 - what is to be shown

    stored, _ = await asyncio.gather(store.get("k"), busy())
    assert stored is not None
    assert not store._silent


async def test_without_a_deadline_there_is_no_limit() -> None:
    assert await Store(Hanging(0.3)).get("k") is None


async def test_a_long_invocation_asks_again_after_one_call_in_vain() -> None:
    """One lost answer must not end a keeper's run over every tenant."""
    bucket = Hanging(60)
    store = Store(bucket)
    begin(900)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await store.get("k")
    store._silent.add(deadline.current.get() or Deadline(0))
    bucket.seconds = 0
    assert await store.get("k") is None


async def test_requests_and_bytes_are_counted() -> None:
    store = Store(MemoryConnection(MemoryBucket()))
    token = telemetry.current.set(telemetry.Telemetry())
    try:
        await store.put("f/k", b"body")
        await store.get("f/k")
        await store.get("f/none")
        await store.get_range("f/k", 1, 3)
        await store.listing("f")
        await store.listing("nothing")
        await store.delete(["f/k"])
        await store.delete([])
        counts = telemetry.current.get().counts
    finally:
        telemetry.current.reset(token)
    assert counts == {"s3.put": 1, "s3.get": 3, "s3.bytes_read": 6, "s3.list": 2, "s3.delete": 1}


class Conflicting(ThreadingHTTPServer):
    """S3 over HTTP that refuses the first conditional writes and stores nothing."""

    def __init__(self, status: int, code: str, refusals: int) -> None:
        self.objects: dict[str, bytes] = {}
        self.refusals = refusals
        refusal = f"<Error><Code>{code}</Code><Message>conflict</Message></Error>".encode()

        class Handler(BaseHTTPRequestHandler):
            server: Conflicting

            def answer(self, status: int, body: bytes = b"") -> None:
                self.send_response(status)
                for name, value in {"content-length": str(len(body)), "etag": '"e"'}.items():
                    self.send_header(name, value)
                self.send_header("last-modified", "Wed, 25 Nov 2026 15:00:00 GMT")
                self.end_headers()
                self.wfile.write(body)

            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.server.refusals -= 1
                if self.server.refusals >= 0:
                    self.answer(status, refusal)
                    return
                self.server.objects[self.path] = body
                self.answer(200)

            def do_GET(self) -> None:
                body = self.server.objects.get(self.path)
                missing = b"<Error><Code>NoSuchKey</Code></Error>"
                self.answer(404, missing) if body is None else self.answer(200, body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the server's own name
                """Write nothing."""

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("status", "code"), [(409, "ConditionalRequestConflict"), (409, "OperationAborted"), (412, "PreconditionFailed")]
)
@pytest.mark.parametrize(("refusals", "created"), [(1, True), (2, True), (9, False)])
async def test_a_refused_create_that_stored_nothing_is_tried_again(
    status: int, code: str, refusals: int, *, created: bool
) -> None:
    with Conflicting(status, code, refusals) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        store = Store(S3Bucket("ledger", f"http://127.0.0.1:{server.server_port}"))
        if created:
            assert await store.create("k", b"body") == '"e"'
            assert server.objects == {"/ledger/k": b"body"}
        else:
            with pytest.raises(LedgerUnavailable, match="cannot find"):
                await store.create("k", b"body")
        server.shutdown()


async def test_a_refused_create_gives_what_is_there() -> None:
    store = Store(MemoryConnection(MemoryBucket()))
    await store.put("k", b"first")
    existing = await store.create_or_get("k", b"second")
    assert isinstance(existing, StoredObject)
    assert existing.body == b"first"
