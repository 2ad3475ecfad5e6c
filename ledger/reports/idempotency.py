"""A call is made once for each idempotency key: what was asked and how it ended is stored for 24 hours.

    schedules/tenant=acme/4be1…/record.json    what was asked with the key, and how it ended
    schedules/tenant=acme/4be1…/_lease         the call is under way

The record is claimed by conditional writes before the call is made, so without S3 no call is made. A caller that gets
the lease and finds a claim knows that its holder died: the outcome of that call is unknown, and it is not repeated. So
a key is first written as FREE, which commits to nothing. Most S3 failures surface at that write, before anything is
claimed.
"""

import asyncio
import hashlib
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Self

import orjson

from ledger.storage.leases import FIRST_POLL_SECONDS, LEASE, LONGEST_POLL_SECONDS, Leases
from ledger.storage.store import LedgerUnavailable, Store
from runtime import telemetry
from runtime.clock import Clock
from runtime.deadline import Deadline
from runtime.memory import Memory
from upstreams.errors import BY_CODE, UpstreamError, UpstreamTimeout

LOG = logging.getLogger("tally.ledger")

SCHEDULES_PREFIX = "schedules"
KEY_LIFE = timedelta(hours=24)
DIED = "an earlier call with this key ended without an answer"
UNDER_WAY = "an earlier call with this key is still under way"
OUTCOME_TRIES = 3
CACHE_BYTES = 64 * 1024
HOLDER_BYTES = 256

type Json = dict[str, Any]


class KeyReused(Exception):
    """The key was used with another input."""


class Phase(Enum):
    """How far a key's call is; FREE: no call has taken effect, and the holder of the lease may make one."""

    CLAIMED = "CLAIMED"
    DONE = "DONE"
    UNKNOWN = "UNKNOWN"
    FREE = "FREE"


@dataclass(frozen=True, slots=True)
class KeyedResult:
    """What a call returned and when; `replayed`: it was an earlier call with the same key."""

    answer: Json
    answered: datetime
    replayed: bool


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key's stored state; `error` is the code and reason of a call whose outcome is unknown."""

    phase: Phase
    asked: str
    holder: str
    since: datetime
    answer: Json | None = None
    answered: datetime | None = None
    error: tuple[str, str] | None = None
    e_tag: str = ""

    def to_bytes(self) -> bytes:
        """The object's body."""
        return orjson.dumps(
            {
                "phase": self.phase.value,
                "asked": self.asked,
                "holder": self.holder,
                "since": self.since,
                "answer": self.answer,
                "answered": self.answered,
                "error": self.error,
            }
        )

    @classmethod
    def from_bytes(cls, body: bytes, e_tag: str) -> Self:
        """Read the object's body.

        Raises:
            ValueError: the body is not a complete record.
        """
        match orjson.loads(body):
            case {
                "phase": str(phase),
                "asked": str(asked),
                "holder": str(holder),
                "since": str(since),
                "answer": dict() | None as answer,
                "answered": str() | None as answered,
                "error": [str(), str()] | None as error,
            }:
                moment = datetime.fromisoformat(answered) if answered else None
                known = error and (error[0], error[1])
                record = cls(Phase(phase), asked, holder, datetime.fromisoformat(since), answer, moment, known, e_tag)
            case _:
                raise ValueError("a field is missing or of another type")
        record._check()
        return record

    def _check(self) -> None:
        """Refuse a record without what its phase promises."""
        if self.phase is Phase.DONE and (self.answer is None or self.answered is None):
            raise ValueError("the call is done, but its answer is missing")
        if self.phase is Phase.UNKNOWN and (self.error is None or self.error[0] not in BY_CODE):
            raise ValueError("the outcome is unknown, but the error is missing")


class IdempotencyKeys:
    """Every tenant's keys for one upstream's changing calls."""

    def __init__(self, store: Store, leases: Leases, clock: Clock, upstream: str) -> None:
        self._store = store
        self._leases = leases
        self._clock = clock
        self._upstream = upstream
        # Holders in this process whose calls took no effect, in case S3 did not learn of it.
        self._without_effect: Memory[str, bool] = Memory(CACHE_BYTES)

    async def once(
        self,
        tenant: str,
        key: str,
        asked: str,
        call: Callable[[], Awaitable[Json]],
        deadline: Deadline,
        check: Callable[[Json], object] = bool,
    ) -> KeyedResult:
        """Make a call, or return what an earlier call with the same key returned; `asked` spells the input.

        `check` raises `ValueError` for a stored answer that is not complete.

        Raises:
            KeyReused: the key was used with another input.
            LedgerUnavailable: nothing could be stored, so the call was not made; or the stored record is damaged.
            UpstreamError: the call's own; with `sent`, every later call with the key gets it as well.
        """
        folder = f"{SCHEDULES_PREFIX}/tenant={tenant}/{_digest(key)}"
        mine = KeyRecord(Phase.CLAIMED, _digest(asked), uuid.uuid4().hex, self._clock())
        pause = FIRST_POLL_SECONDS
        while True:
            if result := self._final_result(await self._read(folder), mine.asked):
                _check_answer(result.answer, check)
                return result
            async with self._leases.hold(f"{folder}/{LEASE}") as leased:
                if leased and (claimed := await self._claim(folder, mine)):
                    return await self._call(folder, claimed, call)
            if not leased:
                telemetry.count("lease.waited")
                if deadline.remaining() <= pause:
                    raise UpstreamTimeout(self._upstream, UNDER_WAY)
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, LONGEST_POLL_SECONDS)

    def _final_result(self, record: KeyRecord | None, asked: str) -> KeyedResult | None:
        """The result that a record holds; None while a call may still be made or is under way."""
        if record is None or self._is_free(record):
            return None
        if record.asked != asked:
            raise KeyReused
        if record.error:
            code, reason = record.error
            raise BY_CODE[code](self._upstream, reason, sent=True)
        if record.answer is None or record.answered is None:
            return None
        return KeyedResult(record.answer, record.answered, replayed=True)

    def _is_free(self, record: KeyRecord) -> bool:
        """Whether another call may be made with the record's key."""
        expired = self._clock() - record.since >= KEY_LIFE
        return expired or record.phase is Phase.FREE or self._without_effect.recall(record.holder) is not None

    async def _claim(self, folder: str, mine: KeyRecord) -> KeyRecord | None:
        """Claim the key; None when its record has become final, through another caller or because its holder died.

        Raises:
            LedgerUnavailable: S3 did not confirm; the call is not made, whatever S3 has stored.
        """
        stored = await self._read(folder)
        if self._final_result(stored, mine.asked):
            return None
        if stored and not self._is_free(stored):
            LOG.warning("the holder of an idempotency key has died, the outcome of its call is unknown")
            error = (UpstreamTimeout.code, unknown(DIED))
            await self._write(folder, replace(stored, phase=Phase.UNKNOWN, error=error), stored.e_tag)
            return None
        reserved = await self._put(folder, replace(mine, phase=Phase.FREE), stored.e_tag if stored else None)
        if reserved is None:
            return None
        try:
            return await self._put(folder, mine, reserved.e_tag)
        except LedgerUnavailable:
            self._without_effect.remember(mine.holder, True, HOLDER_BYTES)
            raise

    async def _put(self, folder: str, record: KeyRecord, e_tag: str | None) -> KeyRecord | None:
        """Write, and read back when S3 does not confirm: it may have stored the record all the same."""
        try:
            if written := await self._write(folder, record, e_tag):
                return written
        except LedgerUnavailable as error:
            LOG.warning("reading back whether a key's record was written: %s", error)
            if found := await self._find_own(folder, record):
                return found
            raise
        return await self._find_own(folder, record)  # the client may have repeated a write that S3 had carried out

    async def _find_own(self, folder: str, record: KeyRecord) -> KeyRecord | None:
        """Our own record as stored; also if another caller has marked it UNKNOWN because our lease had expired."""
        stored = await self._read(folder)
        if stored is None or stored.holder != record.holder or stored.phase not in {record.phase, Phase.UNKNOWN}:
            return None
        return replace(record, e_tag=stored.e_tag)

    async def _call(self, folder: str, claimed: KeyRecord, call: Callable[[], Awaitable[Json]]) -> KeyedResult:
        try:
            answer = await call()
        except (UpstreamError, LedgerUnavailable) as error:
            if isinstance(error, UpstreamError) and error.sent:
                ended = replace(claimed, phase=Phase.UNKNOWN, error=(error.code, error.reason))
            else:
                ended = replace(claimed, phase=Phase.FREE)
                self._without_effect.remember(claimed.holder, True, HOLDER_BYTES)
            await self._store_outcome(folder, ended)
            raise
        answered = self._clock()
        await self._store_outcome(folder, replace(claimed, phase=Phase.DONE, answer=answer, answered=answered))
        return KeyedResult(answer, answered, replayed=False)

    async def _store_outcome(self, folder: str, record: KeyRecord) -> None:
        """Write how our call ended, also if another caller has marked it UNKNOWN because our lease had expired."""
        try:
            for _ in range(OUTCOME_TRIES):
                if await self._write(folder, record, record.e_tag):
                    return
                stored = await self._read(folder)
                if stored is None or stored.holder != record.holder:
                    return
                record = replace(record, e_tag=stored.e_tag)
        except LedgerUnavailable as error:
            LOG.warning("the outcome of a key's call could not be stored, it remains unknown: %s", error)

    async def _read(self, folder: str) -> KeyRecord | None:
        stored = await self._store.get(f"{folder}/record.json")
        try:
            return KeyRecord.from_bytes(stored.body, stored.e_tag) if stored else None
        except ValueError as error:
            # Whether the key's call was made is unknown, so it must not be made again.
            raise LedgerUnavailable(f"a key's record is damaged: {error}") from error

    async def _write(self, folder: str, record: KeyRecord, e_tag: str | None) -> KeyRecord | None:
        """Write over exactly the version with an ETag (None: over no object); None when that version is gone."""
        key, body = f"{folder}/record.json", record.to_bytes()
        written = await (self._store.create(key, body) if e_tag is None else self._store.replace(key, body, e_tag))
        return None if written is None else replace(record, e_tag=written)


def unknown(reason: str) -> str:
    """The reason of a call whose outcome is unknown, with the way out."""
    return (
        f"{reason}; the report may have been scheduled all the same: look at `reports` before you schedule it"
        " again, or under a new key"
    )


def _check_answer(answer: Json, check: Callable[[Json], object]) -> None:
    try:
        check(answer)
    except ValueError as error:
        raise LedgerUnavailable(f"the answer stored with a key is damaged: {error}") from error


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
