"""The ledger's bucket under a policy: how long an answer is waited for, what is counted, what a conflict means.

In an invocation with a deadline no call waits for more than a share of the time that is left, and once a call was
not answered in time S3 counts as away for the rest of that invocation. So successive calls cannot use up the time, and
the vendor call keeps most of it. Without a deadline (tools, tests) the client's own limits apply.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from weakref import WeakSet

from ledger.storage.bucket import ABSENT, PART_BYTES, Bucket, LedgerUnavailable, ListedObject, SignedLink, StoredObject
from runtime import telemetry
from runtime.deadline import Deadline, current

__all__ = ["LedgerUnavailable", "ListedObject", "Store", "StoredObject"]

LONGEST_WAIT = 8.0
SHORTEST_WAIT = 0.15
"""Even near the end a healthy S3 has this long to answer, as long as there is time at all."""
SHARE = 0.25
"""Of the time that is left, for one call."""
ENDING_SECONDS = 0.4
"""S3 may be asked for this long after the deadline of vendor calls, to give back a lease or to store an outcome."""
ASKS_AGAIN_SECONDS = 60.0
"""With more time left than this (keeper, exporter), one call that timed out does not make S3 count as away."""
CREATE_TRIES = 3


class Store:
    """One bucket. Every method raises `LedgerUnavailable` when S3 cannot serve or does not answer in time."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._silent: WeakSet[Deadline] = WeakSet()  # the invocations in which S3 has not answered in time

    async def get(self, key: str) -> StoredObject | None:
        """Read one object; None when there is none."""
        async with self._limit():
            telemetry.count("s3.get")
            stored = await self._bucket.get(key)
        return _measured(stored)

    async def get_early(self, key: str, most_bytes: int) -> StoredObject | None:
        """Read one object that may not be needed, beside a call that is; None when there is none or it is larger.

        When it takes too long, S3 does not count as away: that is for the call beside it to say.
        """
        async with self._limit(tells=False):
            telemetry.count("s3.get")
            stored = await self._bucket.get_small(key, most_bytes)
        return _measured(stored)

    async def get_range(self, key: str, start: int, end: int) -> bytes | None:
        """Read the bytes from `start` up to `end`, fewer where the object ends earlier; None when there is none."""
        async with self._limit():
            telemetry.count("s3.get")
            part = await self._bucket.get_range(key, start, end)
        if part is not None:
            telemetry.count("s3.bytes_read", len(part))
        return part

    async def put(self, key: str, body: bytes, attributes: Mapping[str, str] | None = None) -> None:
        """Write one object, replacing what was there."""
        await self._put(key, body, attributes, None)

    async def create(self, key: str, body: bytes, attributes: Mapping[str, str] | None = None) -> str | None:
        """Write an object that does not exist yet and return its ETag; None when there is one already."""
        created = await self.create_or_get(key, body, attributes)
        return created if isinstance(created, str) else None

    async def create_or_get(
        self, key: str, body: bytes, attributes: Mapping[str, str] | None = None
    ) -> str | StoredObject:
        """Write an object that does not exist yet and return its ETag, or else the object that exists.

        S3 may refuse a conditional write because of a concurrent one (409) and store neither: a refusal is proof of
        an object only when a read finds it.
        """
        for _ in range(CREATE_TRIES):
            e_tag = await self._put(key, body, attributes, ABSENT)
            if e_tag is not None:
                return e_tag
            if (existing := await self.get(key)) is not None:
                return existing
        raise LedgerUnavailable("S3 refuses to create an object that it cannot find either")

    async def replace(self, key: str, body: bytes, e_tag: str) -> str | None:
        """Write over exactly the version with this ETag; None when that version is gone."""
        return await self._put(key, body, None, e_tag)

    async def _put(
        self, key: str, body: bytes, attributes: Mapping[str, str] | None, condition: str | None
    ) -> str | None:
        async with self._limit():
            telemetry.count("s3.put")
            return await self._bucket.put(key, body, attributes or {}, condition)

    async def upload(self, key: str, chunks: AsyncIterator[bytes], attributes: Mapping[str, str]) -> None:
        """Write one object of any size as its bytes arrive; it becomes visible when all of them have.

        An error of `chunks` is raised unchanged, and the upload is aborted. End `chunks` rather than
        cancel the upload, which would leave the parts to the bucket's lifecycle rule. There is no time limit here.
        """
        head = bytearray()  # an upload that ends within its first part is a single PUT
        async for chunk in chunks:
            head += chunk
            if len(head) >= PART_BYTES:
                break
        else:
            await self.put(key, bytes(head), attributes)
            return
        telemetry.count("s3.put")
        await self._bucket.upload(key, _continued(head, chunks), attributes)

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; missing ones are not an error."""
        if not keys:
            return
        async with self._limit():
            telemetry.count("s3.delete")
            await self._bucket.delete(keys)

    async def folders(self, folder: str) -> list[str]:
        """The names of the folders directly inside a folder."""
        async with self._limit():
            telemetry.count("s3.list")
            return await self._bucket.folders(folder)

    async def listing(self, folder: str, after: str | None = None, before: str | None = None) -> list[ListedObject]:
        """List a folder's objects in key order, from beyond `after` up to (not including) `before`."""
        found: list[ListedObject] = []
        async for page in self.pages(folder, after):
            found.extend(page)
            if before is not None and found and found[-1].key >= before:
                return [item for item in found if item.key < before]
        return found

    async def pages(self, folder: str, after: str | None = None) -> AsyncIterator[list[ListedObject]]:
        """List a folder's objects page by page; each page is one LIST request."""
        pages = self._bucket.pages(folder, after)
        number = 0
        while True:
            async with self._limit():
                page = await anext(pages, None)
            if page is not None or number == 0:  # an empty folder takes one request as well
                telemetry.count("s3.list")
            if page is None:
                return
            number += 1
            yield page

    async def link(self, key: str, seconds: int) -> SignedLink:
        """Presign a GET of one object: read-only, for that many seconds."""
        async with self._limit():
            return await self._bucket.link(key, seconds)

    @asynccontextmanager
    async def _limit(self, *, tells: bool = True) -> AsyncIterator[None]:
        """Wait for one answer of S3 no longer than the invocation can spare.

        A late one means that S3 is away, if it `tells`.
        """
        deadline = current.get()
        if deadline is None:
            yield
            return
        left = deadline.later(ENDING_SECONDS).remaining()
        if not left:
            raise LedgerUnavailable("no time is left to ask S3")
        if left < ASKS_AGAIN_SECONDS and deadline in self._silent:
            raise LedgerUnavailable("S3 did not answer in time earlier in this invocation")
        try:
            async with _timeout(longest_wait(left)):
                yield
        except TimeoutError as error:
            if tells:
                self._silent.add(deadline)
            raise LedgerUnavailable("S3 did not answer in time") from error


def _measured(stored: StoredObject | None) -> StoredObject | None:
    if stored is not None:
        telemetry.count("s3.bytes_read", len(stored.body))
    return stored


def longest_wait(left: float) -> float:
    """How long one call may wait when so many seconds are left."""
    return min(LONGEST_WAIT, max(left * SHARE, min(left, SHORTEST_WAIT)))


@asynccontextmanager
async def _timeout(seconds: float) -> AsyncIterator[None]:
    """Like `asyncio.timeout`; time in which this process was too busy to take an answer does not count.

    Importing a client or reading rows may block the event loop for longer than a call may wait near the end. S3 may
    have answered by then, so a limit that is noticed late is extended, once, by as much.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as timeout:

        def expire(due: float) -> None:
            now = loop.time()
            timeout.reschedule(now + min(now - due, seconds))

        handle = loop.call_later(seconds, expire, loop.time() + seconds)
        try:
            yield
        finally:
            handle.cancel()


async def _continued(head: bytearray, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield bytes(head)
    async for chunk in chunks:
        yield chunk
