"""A failing upstream is left alone for a short, growing time, then probed by one caller.

The state sits in the ledger, one small object per tenant and upstream, so that every process sees it. The healthy
path writes nothing and reads one object per miss. Only failures to serve count (unavailable, timed out): wrong
credentials or an odd answer say nothing about the next call, nor does a call for which our own time was too short.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

import orjson

from ledger.storage.store import LedgerUnavailable, Store
from runtime import telemetry
from runtime.clock import Clock
from upstreams.errors import BY_CODE, UpstreamError, UpstreamTimeout, UpstreamUnavailable

LOG = logging.getLogger("tally.ledger")

PATIENCE = 5
"""So many failing calls in a row open the breaker."""
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=30)
MEMORY = timedelta(minutes=5)
"""Failures further apart than this are not in a row."""


@dataclass(frozen=True, slots=True)
class BreakerState:
    """How often an upstream has failed in a row, with what, when last, and until when it is left alone."""

    failures: int
    code: str
    reason: str
    last: datetime
    until: datetime
    e_tag: str = ""

    def to_bytes(self) -> bytes:
        """The object's body."""
        return orjson.dumps(
            {
                "failures": self.failures,
                "code": self.code,
                "reason": self.reason,
                "last": self.last.isoformat(),
                "until": self.until.isoformat(),
            }
        )

    @classmethod
    def from_bytes(cls, body: bytes, e_tag: str) -> Self:
        """Read the object's body."""
        said = orjson.loads(body)
        last, until = datetime.fromisoformat(said["last"]), datetime.fromisoformat(said["until"])
        return cls(said["failures"], said["code"], said["reason"], last, until, e_tag)


class Breakers:
    """The breakers of one bucket."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def guard[T](self, tenant: str, upstream: str, call: Callable[[], Awaitable[T]]) -> T:
        """Call the upstream unless it is being left alone; then its last error is raised again.

        Raises:
            UpstreamError: the call's own, or the one that opened the breaker.
        """
        key = f"breakers/tenant={tenant}/{upstream}.json"
        state = await self._state(key)
        if state and state.failures >= PATIENCE and not await self._may_probe(key, state):
            telemetry.count("breaker.open")
            raise BY_CODE[state.code](upstream, f"{state.reason} (left alone until {state.until:%H:%M:%S} UTC)")
        try:
            result = await call()
        except (UpstreamUnavailable, UpstreamTimeout) as error:
            if not error.hurried:
                await self._failed(key, state, error)
            raise
        if state:
            await self._recovered(key)
        return result

    async def _state(self, key: str) -> BreakerState | None:
        try:
            stored = await self._store.get(key)
        except LedgerUnavailable:
            return None
        if stored is None:
            return None
        try:
            state = BreakerState.from_bytes(stored.body, stored.e_tag or "")
        except (ValueError, LookupError, TypeError) as error:
            LOG.warning("%s cannot be read, it counts as closed: %s", key, error)
            return None
        return None if self._clock() - state.last > MEMORY else state

    async def _may_probe(self, key: str, state: BreakerState) -> bool:
        """Whether the pause is over and this caller is the one that may try."""
        now = self._clock()
        if now < state.until:
            return False
        probing = BreakerState(state.failures, state.code, state.reason, state.last, now + pause(state.failures))
        try:
            return await self._store.replace(key, probing.to_bytes(), state.e_tag) is not None
        except LedgerUnavailable:
            return True

    async def _failed(self, key: str, state: BreakerState | None, error: UpstreamError) -> None:
        now = self._clock()
        failures = (state.failures if state else 0) + 1
        until = now + pause(failures) if failures >= PATIENCE else now
        try:
            await self._store.put(key, BreakerState(failures, error.code, error.reason, now, until).to_bytes())
        except LedgerUnavailable as unavailable:
            LOG.warning("a breaker could not be written: %s", unavailable)

    async def _recovered(self, key: str) -> None:
        try:
            await self._store.delete([key])
        except LedgerUnavailable as unavailable:
            LOG.warning("a breaker could not be closed: %s", unavailable)


def pause(failures: int) -> timedelta:
    """How long an upstream is left alone after so many failures in a row."""
    doublings = max(0, min(failures - PATIENCE, 10))
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)
