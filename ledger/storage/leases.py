"""One refresh at a time: callers that miss the same data make about one vendor call, in one process and across all.

A lease is an object that S3's conditional PUT creates. It expires some seconds after its last renewal, so a process
that dies delays the others only briefly. When a refresh fails, its error is written into the lease, and every waiting
caller raises the same error. Without S3 there are no leases and every caller asks the vendor: waiting for nothing
would cost more than a second call.

A caller that misses something has just listed its folder, with the lease in it. If it gets the lease as that LIST
showed it, it need not list again: `ledger.storage.lease_records` says why.
"""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, cast
from weakref import WeakKeyDictionary

from ledger.storage.lease_records import LEASE, FreeLease, LeaseRecord
from ledger.storage.store import LedgerUnavailable, Store, StoredObject
from runtime import telemetry
from runtime.deadline import Deadline
from upstreams.errors import UpstreamError, UpstreamTimeout

__all__ = ["LEASE", "LeaseRecord", "Leases"]

LOG = logging.getLogger("tally.ledger")

LEASE_SECONDS = 10.0
FIRST_POLL_SECONDS = 0.05
LONGEST_POLL_SECONDS = 0.5
DELETABLE_SHARE = 0.25
"""A lease is deleted only while more than this share of its life is left."""


class _Lease:
    """A lease that this process holds; `until` is in epoch seconds, `expires` on the monotonic clock."""

    def __init__(self, key: str, holder: str, e_tag: str, until: float, expires: float) -> None:
        self.key = key
        self.holder = holder
        self.e_tag = e_tag
        self.until = until
        self.expires = expires

    def left(self) -> float:
        """Seconds until it expires, by the clock that says less: the monotonic one may stop in a frozen process."""
        return min(self.until - time.time(), self.expires - time.monotonic())


class Leases:
    """The leases of one bucket; `seconds` is how long one runs after its last renewal."""

    def __init__(self, store: Store, seconds: float = LEASE_SECONDS) -> None:
        self._store = store
        self._seconds = seconds
        self._running: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Task[Any]]] = WeakKeyDictionary()

    @property
    def lifetime(self) -> timedelta:
        """A lease that was last written longer ago than this has expired."""
        return timedelta(seconds=self._seconds)

    def is_refreshing(self, key: str) -> bool:
        """Whether a refresh under this key runs in this process, which the next caller will join."""
        return key in self._running.get(asyncio.get_running_loop(), {})

    async def once[T](
        self,
        key: str,
        find: Callable[[], Awaitable[T | None]],
        refresh: Callable[[], Awaitable[T]],
        upstream: str,
        deadline: Deadline,
        seen: FreeLease | None = None,
    ) -> T:
        """Run `refresh` in one caller at a time; the other callers get what `find` returns afterwards.

        `seen` is the free lease that a LIST of what `find` looks for has shown.

        Raises:
            UpstreamError: the refresh failed, here or in the caller that held the lease.
        """
        running = self._running.setdefault(asyncio.get_running_loop(), {})
        task = running.get(key)
        if task is not None:
            telemetry.count("lease.joined")
            return cast("T", await _joined(task, upstream, deadline))
        task = asyncio.create_task(self._lead_or_follow(key, find, refresh, upstream, deadline, seen))
        running[key] = task

        def end(done: asyncio.Task[Any]) -> None:
            running.pop(key, None)
            if not done.cancelled():
                done.exception()  # each caller raises it; when all are cancelled it must not be reported as lost

        task.add_done_callback(end)
        return cast("T", await asyncio.shield(task))

    @contextlib.asynccontextmanager
    async def hold(self, key: str) -> AsyncIterator[bool]:
        """Hold a lease while the block runs; False, at once, when another caller holds it.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        lease, _ = await self._take(key, None)
        if lease is None:
            yield False
            return
        try:
            async with self._renewed(lease):
                yield True
        finally:
            await self._delete(lease)

    async def _lead_or_follow[T](
        self,
        key: str,
        find: Callable[[], Awaitable[T | None]],
        refresh: Callable[[], Awaitable[T]],
        upstream: str,
        deadline: Deadline,
        seen: FreeLease | None,
    ) -> T:
        while True:
            try:
                lease, as_seen = await self._take(key, seen)
                found = None if as_seen else await self._looked(lease, key, find, upstream, deadline)
            except LedgerUnavailable as error:
                LOG.warning("asking the vendor without a lease: %s", error)
                return await refresh()
            if lease is not None and found is None:
                return await self._lead(lease, refresh)
            if lease is not None:
                await self._release(lease)
            if found is not None:
                return found
            seen = None

    async def _looked[T](
        self,
        lease: _Lease | None,
        key: str,
        find: Callable[[], Awaitable[T | None]],
        upstream: str,
        deadline: Deadline,
    ) -> T | None:
        """What another caller has stored in the meantime, perhaps after a wait for it; None if there is nothing."""
        return await (self._follow(key, find, upstream, deadline) if lease is None else self._find(lease, find))

    async def _find[T](self, lease: _Lease, find: Callable[[], Awaitable[T | None]]) -> T | None:
        """What another caller has stored in the meantime; the lease is released when that cannot be read."""
        try:
            return await find()
        except BaseException:
            await self._release(lease)
            raise

    async def _lead[T](self, lease: _Lease, refresh: Callable[[], Awaitable[T]]) -> T:
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
        self, key: str, find: Callable[[], Awaitable[T | None]], upstream: str, deadline: Deadline
    ) -> T | None:
        """Wait for the lease's holder; None when the lease may be taken again."""
        telemetry.count("lease.waited")
        pause, holder = FIRST_POLL_SECONDS, None
        while deadline.remaining() > pause:
            stored = await self._store.get(key)
            record = LeaseRecord.from_bytes(stored.body) if stored else None
            if record is None or record.given_back:
                return await find()
            holder = holder or record.holder
            if record.failed and record.holder == holder:
                raise record.failed
            if record.expired():
                return None
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_POLL_SECONDS)
        raise _too_late(upstream)

    async def _take(self, key: str, seen: FreeLease | None) -> tuple[_Lease | None, bool]:
        """The lease, if it is free or has expired, and whether it has had no other holder since it was seen."""
        record, expires = self._record(uuid.uuid4().hex), time.monotonic() + self._seconds
        e_tag = await self._replace(key, record, seen.e_tag) if seen and seen.e_tag else None
        as_seen = e_tag is not None
        if e_tag is None:
            created = await self._store.create_or_get(key, record.to_bytes())
            as_seen = isinstance(created, str) and seen == FreeLease()
            e_tag = created if isinstance(created, str) else await self._take_over(key, created, record)
        return None if e_tag is None else _Lease(key, record.holder, e_tag, record.until, expires), as_seen

    async def _take_over(self, key: str, existing: StoredObject, record: LeaseRecord) -> str | None:
        """The ETag of our lease in the place of an expired one; None when the existing one has not expired."""
        there = LeaseRecord.from_bytes(existing.body)
        if there.holder == record.holder:  # S3 stored ours, its answer was lost, and the client tried again
            return existing.e_tag
        return await self._replace(key, record, existing.e_tag) if there.expired() else None

    @contextlib.asynccontextmanager
    async def _renewed(self, lease: _Lease) -> AsyncIterator[None]:
        task = asyncio.create_task(self._renew(lease))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and (error := task.exception()) is not None:
                LOG.error("the renewal of a lease stopped", exc_info=error)

    async def _renew(self, lease: _Lease) -> None:
        while True:
            await asyncio.sleep(self._seconds / 3)
            record, expires = self._record(lease.holder), time.monotonic() + self._seconds
            try:
                e_tag = await self._replace(lease.key, record, lease.e_tag)
            except LedgerUnavailable as error:
                LOG.warning("a lease could not be renewed: %s", error)
                continue
            if e_tag is None:
                LOG.warning("a lease was lost to another process")
                return
            lease.e_tag, lease.until, lease.expires = e_tag, record.until, expires

    def _record(self, holder: str) -> LeaseRecord:
        return LeaseRecord(holder, time.time() + self._seconds)

    async def _replace(self, key: str, record: LeaseRecord, e_tag: str) -> str | None:
        """Write over one version of a lease; None when that version is gone."""
        body = record.to_bytes()
        written = await self._store.replace(key, body, e_tag)
        if written is None and (stored := await self._store.get(key)) and stored.body == body:
            return stored.e_tag  # S3 stored it, its answer was lost, and the client tried again
        return written

    async def _release(self, lease: _Lease, failed: UpstreamError | None = None) -> None:
        """Give a lease back: an expired record replaces exactly our version, which another process may have taken."""
        if lease.left() <= 0:
            return
        try:
            await self._store.replace(lease.key, LeaseRecord(lease.holder, 0.0, failed).to_bytes(), lease.e_tag)
        except LedgerUnavailable as error:
            LOG.warning("a lease could not be released, it will expire: %s", error)

    async def _delete(self, lease: _Lease) -> None:
        """Give back a lease that no LIST is made for, and leave nothing behind.

        S3's DELETE takes no condition, so it is used only while the lease is certainly ours until S3 has answered.
        """
        left = lease.left()
        if left <= self._seconds * DELETABLE_SHARE:
            await self._release(lease)
            return
        try:
            async with asyncio.timeout(left):
                await self._store.delete([lease.key])
        except (LedgerUnavailable, TimeoutError) as error:
            LOG.warning("a lease could not be released, it will expire: %s", error)


async def _joined[T](task: asyncio.Task[T], upstream: str, deadline: Deadline) -> T:
    """The result of a refresh that runs in this process already, as long as this caller can wait for it."""
    try:
        async with asyncio.timeout(deadline.remaining()):
            return await asyncio.shield(task)
    except TimeoutError as error:
        raise _too_late(upstream) from error


def _too_late(upstream: str) -> UpstreamTimeout:
    return UpstreamTimeout(upstream, "another caller's request for the same data did not end in time")
