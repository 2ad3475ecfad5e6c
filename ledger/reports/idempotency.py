"""Under one key something is done once: what was asked, and what came of it, kept for 24 hours.

    schedules/tenant=acme/4be1…/record.json    what was asked under the key, and how it ended
    schedules/tenant=acme/4be1…/_lease         the call is under way

The record is claimed by conditional PUTs before anything is done, so without S3 nothing is. Whoever gets the lease
and finds a claim knows that its holder died: nobody can say what became of the call, and nobody makes it again. Hence
a key is reserved first, which binds nobody: where S3 fails, it mostly fails there.
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

ROOT = "schedules"
KEPT = timedelta(hours=24)
DIED = "an earlier call under this key ended without an answer"
UNDER_WAY = "an earlier call under this key is still under way"
TRIES = 3
REMEMBERED_BYTES = 64 * 1024
HOLDER_BYTES = 256

type Json = dict[str, Any]


class KeyReused(Exception):
    """The key stands for another input."""


class Phase(Enum):
    """How far a key's call has come; `FREE`: it has certainly done nothing, and whoever has the lease may make it."""

    CLAIMED = "CLAIMED"
    DONE = "DONE"
    UNKNOWN = "UNKNOWN"
    FREE = "FREE"


@dataclass(frozen=True, slots=True)
class KeyedResult:
    """What a call gave, when, and whether that was an earlier call."""

    answer: Json
    answered: datetime
    replayed: bool


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is known of a key; `error` is an unknown outcome's code and reason."""

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
        """Read the object's body."""
        said = orjson.loads(body)
        answered = said["answered"] and datetime.fromisoformat(said["answered"])
        error = said["error"] and tuple(said["error"])
        since = datetime.fromisoformat(said["since"])
        return cls(Phase(said["phase"]), said["asked"], said["holder"], since, said["answer"], answered, error, e_tag)


class IdempotencyKeys:
    """Every tenant's keys for one upstream's changing calls."""

    def __init__(self, store: Store, leases: Leases, clock: Clock, upstream: str) -> None:
        self._store = store
        self._leases = leases
        self._clock = clock
        self._upstream = upstream
        # Holders of this process whose calls have certainly done nothing, though S3 may not have heard of it.
        self._idle: Memory[str, bool] = Memory(REMEMBERED_BYTES)

    async def once(
        self, tenant: str, key: str, asked: str, call: Callable[[], Awaitable[Json]], deadline: Deadline
    ) -> KeyedResult:
        """Make a call, or give what it gave before under the same key; `asked` spells the input.

        Raises:
            KeyReused: the key was used with another input.
            LedgerUnavailable: nothing could be kept; the call was not made.
            UpstreamError: the call's own; with `sent` it is every later call's under the key as well.
        """
        folder = f"{ROOT}/tenant={tenant}/{_digest(key)}"
        mine = KeyRecord(Phase.CLAIMED, _digest(asked), uuid.uuid4().hex, self._clock())
        pause = FIRST_POLL_SECONDS
        while True:
            if kept := self._told(await self._read(folder), mine.asked):
                return kept
            async with self._leases.hold(f"{folder}/{LEASE}") as held:
                if held and (claimed := await self._claim(folder, mine)):
                    return await self._call(folder, claimed, call)
            if not held:
                telemetry.count("lease.waited")
                if deadline.remaining() <= pause:
                    raise UpstreamTimeout(self._upstream, UNDER_WAY)
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, LONGEST_POLL_SECONDS)

    def _told(self, record: KeyRecord | None, asked: str) -> KeyedResult | None:
        """What a key's record says by itself; None while that is nothing final."""
        if record is None or self._free(record):
            return None
        if record.asked != asked:
            raise KeyReused
        if record.error:
            code, reason = record.error
            raise BY_CODE[code](self._upstream, reason, sent=True)
        if record.answer is None or record.answered is None:
            return None
        return KeyedResult(record.answer, record.answered, replayed=True)

    def _free(self, record: KeyRecord) -> bool:
        """Whether a record lets another call be made."""
        old = self._clock() - record.since >= KEPT
        return old or record.phase is Phase.FREE or self._idle.recall(record.holder) is not None

    async def _claim(self, folder: str, mine: KeyRecord) -> KeyRecord | None:
        """Make the key ours; None when its record has become final, by another's hand or because its holder died.

        Raises:
            LedgerUnavailable: S3 did not confirm; whatever it has stored, our call will not be made.
        """
        there = await self._read(folder)
        if self._told(there, mine.asked):
            return None
        if there and not self._free(there):
            LOG.warning("the holder of a key has died, nobody knows what became of its call")
            error = (UpstreamTimeout.code, unknown(DIED))
            await self._write(folder, replace(there, phase=Phase.UNKNOWN, error=error), there.e_tag)
            return None
        reserved = await self._put(folder, replace(mine, phase=Phase.FREE), there.e_tag if there else None)
        if reserved is None:
            return None
        try:
            return await self._put(folder, mine, reserved.e_tag)
        except LedgerUnavailable:
            self._idle.remember(mine.holder, True, HOLDER_BYTES)
            raise

    async def _put(self, folder: str, record: KeyRecord, e_tag: str | None) -> KeyRecord | None:
        """Write, and look when S3 does not confirm: it may have stored the record all the same."""
        try:
            if written := await self._write(folder, record, e_tag):
                return written
        except LedgerUnavailable as error:
            LOG.warning("looking whether a key's record was written: %s", error)
            if found := await self._found(folder, record):
                return found
            raise
        return await self._found(folder, record)  # the client tried again what S3 had done, but not confirmed

    async def _found(self, folder: str, record: KeyRecord) -> KeyRecord | None:
        """Our own record as it is stored; also one that somebody has closed who took us for dead."""
        there = await self._read(folder)
        if there is None or there.holder != record.holder or there.phase not in {record.phase, Phase.UNKNOWN}:
            return None
        return replace(record, e_tag=there.e_tag)

    async def _call(self, folder: str, claimed: KeyRecord, call: Callable[[], Awaitable[Json]]) -> KeyedResult:
        try:
            answer = await call()
        except (UpstreamError, LedgerUnavailable) as error:
            if isinstance(error, UpstreamError) and error.sent:
                ended = replace(claimed, phase=Phase.UNKNOWN, error=(error.code, error.reason))
            else:
                ended = replace(claimed, phase=Phase.FREE)
                self._idle.remember(claimed.holder, True, HOLDER_BYTES)
            await self._settle(folder, ended)
            raise
        answered = self._clock()
        await self._settle(folder, replace(claimed, phase=Phase.DONE, answer=answer, answered=answered))
        return KeyedResult(answer, answered, replayed=False)

    async def _settle(self, folder: str, record: KeyRecord) -> None:
        """Write how our call ended, also over the word of somebody who took us for dead."""
        try:
            for _ in range(TRIES):
                if await self._write(folder, record, record.e_tag):
                    return
                there = await self._read(folder)
                if there is None or there.holder != record.holder:
                    return
                record = replace(record, e_tag=there.e_tag)
        except LedgerUnavailable as error:
            LOG.warning("what became of a key's call could not be kept, it stays unknown: %s", error)

    async def _read(self, folder: str) -> KeyRecord | None:
        stored = await self._store.get(f"{folder}/record.json")
        try:
            return KeyRecord.from_bytes(stored.body, stored.e_tag or "") if stored else None
        except (ValueError, LookupError, TypeError) as error:
            # Nobody can say whether the key's call was made, so it must not be made again.
            raise LedgerUnavailable(f"a key's record cannot be read: {type(error).__name__}") from error

    async def _write(self, folder: str, record: KeyRecord, e_tag: str | None) -> KeyRecord | None:
        """Write over exactly the version with an ETag (None: where there is nothing); None when that is not there."""
        key, body = f"{folder}/record.json", record.to_bytes()
        written = await (self._store.create(key, body) if e_tag is None else self._store.replace(key, body, e_tag))
        return None if written is None else replace(record, e_tag=written)


def unknown(reason: str) -> str:
    """The reason of a call whose outcome nobody knows, with the way out."""
    return (
        f"{reason}; the report may have been scheduled all the same: look at `reports` before you schedule it"
        " again, or under a new key"
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
