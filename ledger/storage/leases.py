"""One refresh at a time: callers that miss the same thing make about one upstream call, in a process and across them.

A lease is an object written by S3's conditional PUT. It expires some seconds after it was last renewed, so a holder
that dies blocks nobody for long. A holder that fails says so in the object, and whoever was waiting for it gets the
same error. Without S3 there is no lease and everybody asks: a wrong wait would cost more than a second call.
"""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, cast
from weakref import WeakKeyDictionary

import orjson

from ledger.storage.store import LedgerUnavailable, Store
from runtime import telemetry
from runtime.deadline import Deadline
from upstreams.errors import BY_CODE, UpstreamError, UpstreamTimeout

LOG = logging.getLogger("tally.ledger")

POLL_FIRST = 0.05
POLL_LONGEST = 0.5


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """What a lease object says: whose it is, until when (seconds since the epoch), and how its refresh failed."""

    holder: str
    until: float
    failed: UpstreamError | None = None

    def over(self) -> bool:
        """Whether somebody else may take the lease."""
        return self.failed is not None or self.until < time.time()

    def to_bytes(self) -> bytes:
        """The object's body."""
        failed = self.failed and {
            "code": self.failed.code,
            "upstream": self.failed.upstream,
            "reason": self.failed.reason,
        }
        return orjson.dumps({"holder": self.holder, "until": self.until, "failed": failed})

    @classmethod
    def from_bytes(cls, body: bytes) -> Self:
        """Read the object's body; one that cannot be read is over."""
        try:
            said = orjson.loads(body)
            failed = said["failed"] and BY_CODE[said["failed"]["code"]](
                said["failed"]["upstream"], said["failed"]["reason"]
            )
            return cls(said["holder"], said["until"], failed)
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return cls("", 0.0)


class Leases:
    """Leases in one bucket; `seconds` is how long one lives after it was last renewed."""

    def __init__(self, store: Store, seconds: float = 10.0) -> None:
        self._store = store
        self._seconds = seconds
        self._running: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Task[Any]]] = WeakKeyDictionary()

    @property
    def lifetime(self) -> timedelta:
        """How long a lease lives after it was last renewed."""
        return timedelta(seconds=self._seconds)

    async def once[T](
        self,
        key: str,
        held: Callable[[], Awaitable[T | None]],
        refresh: Callable[[], Awaitable[T]],
        upstream: str,
        deadline: Deadline,
    ) -> T:
        """Have `refresh` run by one caller at a time; the others get what `held` finds afterwards.

        Raises:
            UpstreamError: the refresh failed, here or in the caller that was waited for.
        """
        running = self._running.setdefault(asyncio.get_running_loop(), {})
        task = running.get(key)
        if task is None:
            task = asyncio.create_task(self._lead_or_follow(key, held, refresh, upstream, deadline))
            running[key] = task
            task.add_done_callback(lambda done: running.pop(key, None) and (done.cancelled() or done.exception()))
        else:
            telemetry.count("lease.joined")
        return cast("T", await asyncio.shield(task))

    @contextlib.asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[bool]:
        """Hold a lease for as long as the block runs; False, at once, when somebody else has it.

        Raises:
            LedgerUnavailable: S3 could not say.
        """
        lease = await self._take(key)
        if lease is None:
            yield False
            return
        try:
            async with self._renewed(lease):
                yield True
        finally:
            await self._release(lease)

    async def _lead_or_follow[T](
        self,
        key: str,
        held: Callable[[], Awaitable[T | None]],
        refresh: Callable[[], Awaitable[T]],
        upstream: str,
        deadline: Deadline,
    ) -> T:
        while True:
            try:
                lease = await self._take(key)
                found = await self._look(lease, held) if lease else await self._follow(key, held, upstream, deadline)
            except LedgerUnavailable as error:
                LOG.warning("no lease without S3, asking the upstream: %s", error)
                return await refresh()
            if lease is None and found is None:
                continue
            if lease is None or found is not None:
                await self._release(lease)
                return cast("T", found)
            return await self._lead(lease, refresh)

    async def _look[T](self, lease: "_Lease", held: Callable[[], Awaitable[T | None]]) -> T | None:
        """What is held by now; whoever cannot look gives the lease back."""
        try:
            return await held()
        except BaseException:
            await self._release(lease)
            raise

    async def _lead[T](self, lease: "_Lease", refresh: Callable[[], Awaitable[T]]) -> T:
        try:
            async with self._renewed(lease):
                result = await refresh()
        except UpstreamError as error:
            await self._release(lease, error)
            raise
        except BaseException:
            await self._release(lease)
            raise
        await self._release(lease)
        return result

    async def _follow[T](
        self, key: str, held: Callable[[], Awaitable[T | None]], upstream: str, deadline: Deadline
    ) -> T | None:
        """Wait for the leaseholder; None when the lease may be tried for again."""
        telemetry.count("lease.waited")
        pause, leader = POLL_FIRST, None
        while deadline.remaining() > pause:
            lease = await self._store.get(key)
            if lease is None:
                return await held()
            state = LeaseRecord.from_bytes(lease.body)
            leader = leader or state.holder
            if state.failed and state.holder == leader:
                raise state.failed
            if state.over():
                return None
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, POLL_LONGEST)
        raise UpstreamTimeout(upstream, "another caller's request for the same data did not end in time")

    async def _take(self, key: str) -> "_Lease | None":
        mine = LeaseRecord(uuid.uuid4().hex, time.time() + self._seconds)
        e_tag = await self._store.create(key, mine.to_bytes())
        if e_tag is None and (there := await self._store.get(key)):
            held = LeaseRecord.from_bytes(there.body)
            if held.holder == mine.holder:  # the client tried again what S3 had done, but not confirmed
                e_tag = there.e_tag
            elif held.over():
                e_tag = await self._replace(key, mine, there.e_tag or "")
        return None if e_tag is None else _Lease(key, mine.holder, e_tag, time.monotonic())

    @contextlib.asynccontextmanager
    async def _renewed(self, lease: "_Lease") -> AsyncIterator[None]:
        task = asyncio.create_task(self._renew(lease))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and (error := task.exception()) is not None:
                LOG.error("a lease was renewed no more", exc_info=error)

    async def _renew(self, lease: "_Lease") -> None:
        while True:
            await asyncio.sleep(self._seconds / 3)
            state = LeaseRecord(lease.holder, time.time() + self._seconds)
            try:
                e_tag = await self._replace(lease.key, state, lease.e_tag)
            except LedgerUnavailable as error:
                LOG.warning("a lease could not be renewed: %s", error)
                continue
            if e_tag is None:
                return
            lease.e_tag, lease.renewed = e_tag, time.monotonic()

    async def _replace(self, key: str, state: LeaseRecord, e_tag: str) -> str | None:
        """Write over one version of a lease; None when it is no longer there."""
        written = await self._store.replace(key, state.to_bytes(), e_tag)
        if written is None and (there := await self._store.get(key)) and there.body == state.to_bytes():
            return there.e_tag  # the client tried again what S3 had done, but not confirmed
        return written

    async def _release(self, lease: "_Lease | None", failed: UpstreamError | None = None) -> None:
        """Give a lease back, unless it may have passed to somebody else by now."""
        if lease is None or time.monotonic() - lease.renewed > self._seconds:
            return
        try:
            if failed is None:
                await self._store.delete([lease.key])
            else:
                await self._store.replace(lease.key, LeaseRecord(lease.holder, 0.0, failed).to_bytes(), lease.e_tag)
        except LedgerUnavailable as error:
            LOG.warning("a lease could not be released, it will expire: %s", error)


@dataclass(slots=True)
class _Lease:
    key: str
    holder: str
    e_tag: str
    renewed: float
