"""Whole answers of a vendor, stored as they came: a folder per tenant, kind and arguments, an object per fetch.

    answers/tenant=acme/outcome/brand=__all__/2026-11-01T00:00:00Z_2026-11-22T00:00:00Z/20261122T101500.000000Z.json.gz
    answers/tenant=acme/reports/2026-11-01_2026-11-22_any/20261122T101500.000000Z.json.gz

The newest readable one counts. Once it is too old, one caller asks the vendor again; when that fails, the old answer
is given and marked as stale.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson

from ledger.answers.freshness import Freshness, Source
from ledger.storage.breakers import Breakers, BreakerState
from ledger.storage.lease_records import FreeLease, free_lease
from ledger.storage.leases import LEASE, Leases
from ledger.storage.store import LedgerUnavailable, Store
from runtime import telemetry
from runtime.clock import Clock, stamp, unstamp
from runtime.compression import CorruptGzipError, pack, unpack
from runtime.deadline import Deadline
from runtime.memory import Memory
from upstreams.errors import UpstreamError

LOG = logging.getLogger("tally.ledger")

ANSWERS_PREFIX = "answers"
SUFFIX = ".json.gz"
CACHE_BYTES = 16 * 1024 * 1024
LONG_AGO = datetime.min.replace(tzinfo=UTC)

type IsValid = Callable[[object], bool]
"""Whether a stored JSON value is an answer of some kind, with every field of the right type."""


class Question(NamedTuple):
    """What to ask a vendor, where its answers are stored, and until when one is good.

    `good_until` takes an answer's JSON value and when it was fetched. `changed_at` tells when something last made the
    stored answers outdated: those fetched up to then are never good again, but still answer when the vendor fails.
    """

    tenant: str
    folder: str
    upstream: str
    ask: Callable[[], Awaitable[object]]
    is_valid: IsValid
    good_until: Callable[[object, datetime], datetime]
    changed_at: Callable[[], Awaitable[datetime | None]] | None = None


class CachedAnswer(NamedTuple):
    """A JSON value, when it was fetched, where it came from, and until when it would be given again."""

    value: object
    fetched: datetime
    source: Source
    stale: bool = False
    good_until: datetime = LONG_AGO

    def __repr__(self) -> str:
        """Without the value, which may hold links and phone numbers."""
        return f"CachedAnswer(fetched={self.fetched}, source={self.source}, stale={self.stale})"

    @property
    def freshness(self) -> Freshness:
        """How fresh its data are; whether they are final is for the caller to add."""
        return Freshness(self.source, self.fetched, self.good_until, self.stale)


class _NewestAnswer(NamedTuple):
    """The newest stored answer to a question, whether it is good, and the lease beside it, where it was free."""

    answer: CachedAnswer | None
    good: bool
    lease: FreeLease | None


class Answers:
    """Every tenant's whole answers; a warm process looks at S3 again after `recheck`."""

    def __init__(self, store: Store, leases: Leases, breakers: Breakers, clock: Clock, recheck: timedelta) -> None:
        self._store = store
        self._leases = leases
        self._breakers = breakers
        self._clock = clock
        self._recheck = recheck
        self._memory: Memory[str, CachedAnswer] = Memory(CACHE_BYTES)

    async def get(self, question: Question, deadline: Deadline, *, stale_if_error: bool = True) -> CachedAnswer:
        """A good answer from memory, from S3 or from the vendor; else an old one, marked as stale.

        Raises:
            UpstreamError: the vendor failed, and no older answer is stored or may be used.
        """
        began = self._clock()
        if (remembered := self._recall(question, began)) is not None:
            telemetry.count("ledger.hit")
            return remembered
        try:
            newest = await self._newest(question, began)
        except LedgerUnavailable as error:
            # Without a lease and a breaker: both need S3, and asking it again would use up the time that is left.
            LOG.warning("answering without the ledger: %s", error)
            return CachedAnswer(await question.ask(), began, Source.UPSTREAM)
        stored = newest.answer
        if stored and newest.good:
            telemetry.count("ledger.hit")
            return self._remember(question, stored)
        telemetry.count("ledger.miss")
        try:
            return self._remember(question, await self._refreshed(question, newest, began, deadline))
        except UpstreamError as error:
            if stored is None or not stale_if_error:
                raise
            telemetry.count("ledger.stale")
            telemetry.hidden(error.code)
            return CachedAnswer(stored.value, stored.fetched, stored.source, stale=True)

    def forget(self, folder: str) -> None:
        """Drop this process's memory of the answers in and below a folder."""
        self._memory.forget_where(lambda key: f"{key}/".startswith(f"{folder}/"))

    async def store(self, folder: str, value: object) -> None:
        """Store an answer that came with another call, as if it had been asked for now."""
        await self._put(folder, self._clock(), value)
        self.forget(folder)

    async def keys(self, folder: str) -> list[str]:
        """The keys of the answers in and below a folder; those of one question in the order of their fetches.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        return [item.key for item in await self._store.listing(folder) if item.key.endswith(SUFFIX)]

    async def read(self, key: str, is_valid: IsValid) -> CachedAnswer | None:
        """One stored answer; None when it was deleted meanwhile, cannot be read or is not valid.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        stored = await self._store.get(key)
        if stored is None:
            return None
        try:
            fetched = unstamp(key.rpartition("/")[2].removesuffix(SUFFIX))
            value = orjson.loads(unpack(stored.body))
        except (CorruptGzipError, ValueError) as error:
            LOG.warning("%s is unreadable: %s", key, error)
            return None
        if not is_valid(value):
            LOG.warning("%s is not an answer of its kind", key)
            return None
        return CachedAnswer(value, fetched, Source.CACHE)

    async def _refreshed(
        self, question: Question, newest: _NewestAnswer, began: datetime, deadline: Deadline
    ) -> CachedAnswer:
        """A new answer, fetched here or by the lease's holder; the breaker is looked at beside the lease."""
        key, looks = f"{question.folder}/{LEASE}", list[Awaitable[BreakerState]]()

        async def find() -> CachedAnswer | None:
            looks.clear()  # what was known of the breaker is too old after a wait
            found = await self._newest(question, began)
            return found.answer if found.good else None

        async def fetch() -> CachedAnswer:
            return await self._fetch(question, newest.answer, looks.pop() if looks else None)

        if not self._leases.is_refreshing(key):
            looks.append(asyncio.ensure_future(self._breakers.look(question.tenant, question.upstream)))
        return await self._leases.once(key, find, fetch, question.upstream, deadline, newest.lease)

    async def _newest(self, question: Question, began: datetime) -> _NewestAnswer:
        """The newest stored answer, and whether it is good; a change that outdates it is looked up alongside."""
        changed_at = question.changed_at() if question.changed_at else _never()
        (stored, lease), changed = await asyncio.gather(self._newest_readable(question), changed_at)
        if stored is None or (changed is not None and stored.fetched <= changed):
            return _NewestAnswer(stored, good=False, lease=lease)
        fetched_since = stored.fetched >= began  # by another caller, while this one was waiting
        good = fetched_since or question.good_until(stored.value, stored.fetched) > self._clock()
        return _NewestAnswer(stored, good, lease)

    async def _newest_readable(self, question: Question) -> tuple[CachedAnswer | None, FreeLease | None]:
        """The newest answer that can be read, and the lease, if the same LIST showed it to be free."""
        found = await self._store.listing(question.folder)
        lease = free_lease(next((item for item in found if item.key.endswith(f"/{LEASE}")), None))
        for item in reversed([item for item in found if item.key.endswith(SUFFIX)]):
            if (answer := await self.read(item.key, question.is_valid)) is not None:
                return answer, lease
        return None, lease

    async def _fetch(
        self, question: Question, stored: CachedAnswer | None, looked: Awaitable[BreakerState] | None
    ) -> CachedAnswer:
        """Ask the vendor and store the answer, dated after the one that it replaces."""
        fetched = self._clock() if stored is None else max(self._clock(), stored.fetched + timedelta.resolution)
        value = await self._breakers.guard(question.tenant, question.upstream, question.ask, looked)
        await self._put(question.folder, fetched, value)
        return CachedAnswer(value, fetched, Source.UPSTREAM)

    async def _put(self, folder: str, fetched: datetime, value: object) -> None:
        try:
            await self._store.put(f"{folder}/{stamp(fetched)}{SUFFIX}", pack(orjson.dumps(value)))
        except LedgerUnavailable as error:
            LOG.warning("an answer was not stored: %s", error)

    def _recall(self, question: Question, now: datetime) -> CachedAnswer | None:
        remembered = self._memory.recall(question.folder)
        return remembered if remembered is not None and now < remembered.good_until else None

    def _remember(self, question: Question, answer: CachedAnswer) -> CachedAnswer:
        """Remember an answer while it is good, but no longer than `recheck`: another process may change things."""
        now = self._clock()
        until = min(now + self._recheck, question.good_until(answer.value, answer.fetched))
        if until > now:
            again = answer._replace(source=Source.CACHE, good_until=until)
            self._memory.remember(question.folder, again, 2 * len(orjson.dumps(answer.value)))
        return answer._replace(good_until=until)


async def _never() -> datetime | None:
    return None
