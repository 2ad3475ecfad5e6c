"""A circuit breaker for each tenant and vendor: after failures in a row the vendor is not called for a while.

The pause grows with the failures; after it one caller probes. The state is one small object in the bucket, so every
process sees it. While all is well nothing is written, and one object is read for each miss. Only failures to serve
count (unavailable, timed out). A 429 does: a vendor that limits the rate asks for exactly this pause. Wrong credentials
or an odd answer do not, nor does a call for which our own time was too short: none of them predicts the next call.

`scheduleReport` does not pass the breaker. Its caller asks once and sees the error, and a vendor whose listings fail
may still accept a report: refusing without asking would be worse.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

import orjson

from ledger.storage.store import LedgerUnavailable, Store
from runtime import telemetry
from runtime.clock import Clock
from upstreams.errors import BY_CODE, UpstreamError, UpstreamTimeout, UpstreamUnavailable

LOG = logging.getLogger("tally.ledger")

BREAKERS_PREFIX = "breakers"
OPENS_AT = 5
"""The number of failures in a row that opens a breaker."""
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=30)
IN_A_ROW = timedelta(minutes=5)
"""Failures further apart than this are not in a row."""
WRITE_TRIES = 3
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class BreakerState(NamedTuple):
    """How often a vendor has failed in a row, with which error, when last, and until when it is not called.

    Zero failures: the breaker is closed. `e_tag` is None while there is no object.
    """

    failures: int = 0
    code: str = ""
    reason: str = ""
    last: datetime = LONG_AGO
    until: datetime = LONG_AGO
    e_tag: str | None = None

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
        """Read the object's body.

        Raises:
            ValueError: it is not a breaker's state.
        """
        match orjson.loads(body):
            case {"failures": int(failures), "code": str(code), "reason": str(reason), "last": last, "until": until}:
                if code in BY_CODE or failures == 0:
                    return cls(failures, code, reason, _moment(last), _moment(until), e_tag)
        raise ValueError("not a breaker's state")

    def failed(self, error: UpstreamError, now: datetime) -> "BreakerState":
        """The state after one failure more."""
        failures = self.failures + 1
        until = now + pause(failures) if failures >= OPENS_AT else now
        return BreakerState(failures, error.code, error.reason, now, until, self.e_tag)


class Breakers:
    """The breakers of one bucket."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def look(self, tenant: str, upstream: str) -> BreakerState:
        """The state of a vendor's breaker, for a `guard` that follows at once: other reads can go beside this one."""
        return await self._read(_key(tenant, upstream))

    async def guard[T](
        self,
        tenant: str,
        upstream: str,
        call: Callable[[], Awaitable[T]],
        looked: Awaitable[BreakerState] | None = None,
    ) -> T:
        """Call the vendor, unless its breaker is open; then its last error is raised again.

        `looked` is a look that is under way already.

        Raises:
            UpstreamError: the call's own, or the one that opened the breaker.
        """
        key = _key(tenant, upstream)
        state = await (looked or self._read(key))
        if state.failures >= OPENS_AT:
            state = await self._probe(key, state, upstream)
        try:
            result = await call()
        except (UpstreamUnavailable, UpstreamTimeout) as error:
            if not error.hurried:
                await self._record_failure(key, state, error)
            raise
        if state.failures:
            await self._close(key, state)
        return result

    async def _read(self, key: str) -> BreakerState:
        """The stored state; closed when there is none, it is unreadable or too old, or S3 cannot serve."""
        try:
            stored = await self._store.get(key)
        except LedgerUnavailable as error:
            LOG.warning("calling the vendor without its breaker: %s", error)
            return BreakerState()
        if stored is None:
            return BreakerState()
        try:
            state = BreakerState.from_bytes(stored.body, stored.e_tag)
        except ValueError as error:
            LOG.warning("%s cannot be read, the breaker counts as closed: %s", key, error)
            return BreakerState(e_tag=stored.e_tag)
        return BreakerState(e_tag=stored.e_tag) if self._clock() - state.last > IN_A_ROW else state

    async def _probe(self, key: str, state: BreakerState, upstream: str) -> BreakerState:
        """The state with which this caller may probe, after the pause and when no other caller does.

        Raises:
            UpstreamError: the last error; the vendor is not to be called now.
        """
        now = self._clock()
        if now >= state.until:
            probing = state._replace(until=now + pause(state.failures))
            try:
                e_tag = await self._write(key, probing)
            except LedgerUnavailable as error:
                LOG.warning("probing a vendor without recording it: %s", error)
                return state
            if e_tag is not None:
                return probing._replace(e_tag=e_tag)
        telemetry.count("breaker.open")
        reason = f"{state.reason} (not called again until {state.until:%H:%M:%S} UTC)"
        raise BY_CODE[state.code](upstream, reason, retry_after=max(0.0, (state.until - now).total_seconds()))

    async def _record_failure(self, key: str, state: BreakerState, error: UpstreamError) -> None:
        """Count a failure on top of those that other callers have counted meanwhile."""
        try:
            for _ in range(WRITE_TRIES):
                if await self._write(key, state.failed(error, self._clock())) is not None:
                    return
                state = await self._read(key)
        except LedgerUnavailable as unavailable:
            LOG.warning("a vendor's failure could not be counted: %s", unavailable)
            return
        LOG.warning("a vendor's failure was not counted: %s was written too often at once", key)

    async def _close(self, key: str, state: BreakerState) -> None:
        """Set the count back to zero, unless another caller has counted a failure meanwhile."""
        try:
            await self._write(key, BreakerState(e_tag=state.e_tag))
        except LedgerUnavailable as unavailable:
            LOG.warning("a breaker could not be closed: %s", unavailable)

    async def _write(self, key: str, state: BreakerState) -> str | None:
        """Write over the version that the state was made from; None when that version is gone."""
        body = state.to_bytes()
        if state.e_tag is None:
            return await self._store.create(key, body)
        return await self._store.replace(key, body, state.e_tag)


def _key(tenant: str, upstream: str) -> str:
    return f"{BREAKERS_PREFIX}/tenant={tenant}/{upstream}.json"


def pause(failures: int) -> timedelta:
    """How long a vendor is not called after this number of failures in a row."""
    doublings = max(0, min(failures - OPENS_AT, 10))
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def _moment(text: object) -> datetime:
    moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    if moment is None or moment.tzinfo is None:
        raise ValueError("not a moment with its offset")
    return moment
