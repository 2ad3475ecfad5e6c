"""Whole answers, kept as the upstream gave them: a folder per tenant, kind and arguments, an object per fetch.

    answers/tenant=acme/outcome/brand=__all__/2026-11-01T00:00:00Z_2026-11-22T00:00:00Z/20261122T101500.000000Z.json.gz
    answers/tenant=acme/reports/2026-11-01_2026-11-22_any/20261122T101500.000000Z.json.gz

The newest one counts. When it is no longer good one caller asks again; when that fails, it still answers, and says
that it is stale.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import orjson

from ledger.answers.freshness import Source
from ledger.storage.breakers import Breakers
from ledger.storage.leases import LEASE, Leases
from ledger.storage.store import LedgerUnavailable, Store
from runtime import telemetry
from runtime.clock import Clock, stamp, unstamp
from runtime.compression import CorruptGzipError, pack, unpack
from runtime.deadline import Deadline
from runtime.memory import Memory
from upstreams.errors import UpstreamError

LOG = logging.getLogger("tally.ledger")

ROOT = "answers"
SUFFIX = ".json.gz"
REMEMBERED_BYTES = 16 * 1024 * 1024
BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to know: where its answers lie, whom to ask, and until when an answer is good.

    `good_until` is given an answer's JSON value and when it was fetched. `since` tells from when on an answer still
    counts: one that was fetched before something changed it is kept for bad times, but is never good.
    """

    tenant: str
    folder: str
    upstream: str
    ask: Callable[[], Awaitable[object]]
    good_until: Callable[[object, datetime], datetime]
    since: Callable[[], Awaitable[datetime | None]] | None = None


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """A JSON value, when it was fetched, how it was come by, and until when it would be given again."""

    value: object = field(repr=False)
    fetched: datetime
    source: Source
    stale: bool = False
    good_until: datetime = BEGINNING


class Answers:
    """Every tenant's whole answers."""

    def __init__(self, store: Store, leases: Leases, breakers: Breakers, clock: Clock, recheck: timedelta) -> None:
        """`recheck`: how long a warm process may answer from memory before it looks at S3 again."""
        self._store = store
        self._leases = leases
        self._breakers = breakers
        self._clock = clock
        self._recheck = recheck
        self._memory: Memory[str, CachedAnswer] = Memory(REMEMBERED_BYTES)

    async def get(self, question: Question, deadline: Deadline, *, stale_if_error: bool = True) -> CachedAnswer:
        """A good answer: from memory, from S3, or asked for; else an old one that says it is stale.

        Raises:
            UpstreamError: the upstream failed and nothing is held, or an old answer will not do.
        """
        began = self._clock()
        if (remembered := self._recall(question, began)) is not None:
            telemetry.count("ledger.hit")
            return remembered
        try:
            held, good = await self._look(question, began)
        except LedgerUnavailable as error:
            LOG.warning("answering without the ledger: %s", error)
            # Without S3 nobody can say how the vendor fares, and each question to S3 would cost the time that is left.
            return CachedAnswer(await question.ask(), began, Source.UPSTREAM)
        if held and good:
            telemetry.count("ledger.hit")
            return self._remember(question, held)
        telemetry.count("ledger.miss")
        try:
            return self._remember(question, await self._refreshed(question, held, began, deadline))
        except UpstreamError as error:
            if held is None or not stale_if_error:
                raise
            telemetry.count("ledger.stale")
            telemetry.hidden(error.code)
            return CachedAnswer(held.value, held.fetched, held.source, stale=True)

    def forget(self, folder: str) -> None:
        """Drop what this process remembers of the answers in and below a folder."""
        self._memory.forget_where(lambda key: key.startswith(f"{folder}/"))

    async def _refreshed(
        self, question: Question, held: CachedAnswer | None, began: datetime, deadline: Deadline
    ) -> CachedAnswer:
        async def already() -> CachedAnswer | None:
            newest, good = await self._look(question, began)
            return newest if good else None

        return await self._leases.once(
            f"{question.folder}/{LEASE}",
            already,
            lambda: self._fetch(question, held),
            question.upstream,
            deadline,
        )

    async def _look(self, question: Question, began: datetime) -> tuple[CachedAnswer | None, bool]:
        """The newest kept answer, and whether it is good; what may have changed it is looked up beside it."""
        held, since = await asyncio.gather(self._held(question), question.since() if question.since else _never())
        if held is None or (since is not None and held.fetched <= since):
            return held, False
        return held, held.fetched >= began or question.good_until(held.value, held.fetched) > self._clock()

    async def _held(self, question: Question) -> CachedAnswer | None:
        """The newest kept answer."""
        keys = await self.kept(question.folder)
        return await self.read(keys[-1]) if keys else None

    async def kept(self, folder: str) -> list[str]:
        """The keys of the answers in and below a folder; those of one question in the order of their fetches.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        return [item.key for item in await self._store.listing(folder) if item.key.endswith(SUFFIX)]

    async def read(self, key: str) -> CachedAnswer | None:
        """One kept answer; None when it has been deleted since, or cannot be read.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        stored = await self._store.get(key)
        if stored is None:
            return None
        try:
            value = orjson.loads(unpack(stored.body))
        except (CorruptGzipError, orjson.JSONDecodeError) as error:
            LOG.warning("%s is unreadable: %s", key, error)
            return None
        return CachedAnswer(value, unstamp(key.rpartition("/")[2].removesuffix(SUFFIX)), Source.CACHE)

    async def _fetch(self, question: Question, held: CachedAnswer | None) -> CachedAnswer:
        """Ask the upstream, and keep what it says."""
        fetched = self._clock() if held is None else max(self._clock(), held.fetched + timedelta.resolution)
        value = await self._breakers.guard(question.tenant, question.upstream, question.ask)
        await self._keep(f"{question.folder}/{stamp(fetched)}{SUFFIX}", value)
        return CachedAnswer(value, fetched, Source.UPSTREAM)

    async def _keep(self, key: str, value: object) -> None:
        try:
            await self._store.put(key, pack(orjson.dumps(value)))
        except LedgerUnavailable as error:
            LOG.warning("an answer was not kept: %s", error)

    def _recall(self, question: Question, now: datetime) -> CachedAnswer | None:
        entry = self._memory.recall(question.folder)
        if entry is None:
            return None
        return entry if now < entry.good_until else None

    def _remember(self, question: Question, answer: CachedAnswer) -> CachedAnswer:
        """Keep an answer in memory while it is good, but look at S3 again soon: others may have changed things."""
        checked = self._clock() + self._recheck
        until = min(checked, question.good_until(answer.value, answer.fetched))
        again = replace(answer, source=Source.CACHE, good_until=until)
        if until > self._clock():
            self._memory.remember(question.folder, again, 2 * len(orjson.dumps(answer.value)))
        return replace(answer, good_until=until)


async def _never() -> datetime | None:
    return None
