"""What S3 has stored without saying so blocks no key, and nothing is ever posted twice."""

from collections.abc import Callable
from typing import Any

import pytest

from ledger.reports.idempotency import IdempotencyKeys, Json
from ledger.storage.leases import Leases
from ledger.storage.store import LedgerUnavailable, Store
from local.aws import Aws
from local.vendors.rde import RdeSimulator
from runtime.clock import now
from runtime.deadline import Deadline
from tests.support.processes.scheduling_process import SchedulingProcess
from tests.support.s3.lossy_s3 import CUT, FAILED, LossyS3
from tests.support.s3.memory_store import MemoryBucket, MemoryConnection, MemoryStore
from upstreams.errors import UpstreamTimeout, UpstreamUnavailable

pytestmark = pytest.mark.anyio
LEASE_SECONDS = 0.1
EVERY_TIME = 1000
REQUESTS = 7
"""What a keyed call asks of S3 when all goes well."""
CLAIM = 4
"""Which of them, counted from 0, says that the call may be made."""

type Start = Callable[[str], SchedulingProcess]


@pytest.fixture
def start(settings_environ: dict[str, str]) -> Start:
    """Start a process that finds its S3 at an address; it lives, and keeps its connections, to the end."""
    started: list[SchedulingProcess] = []

    def begin(endpoint: str) -> SchedulingProcess:
        started.append(SchedulingProcess(settings_environ | {"AWS_ENDPOINT_URL": endpoint}))
        return started[-1]

    return begin


@pytest.mark.parametrize("instead", [FAILED, CUT], ids=["answered 500", "hung up"])
@pytest.mark.parametrize("lost", [1, EVERY_TIME], ids=["once", "every time"])
async def test_who_finds_its_own_claim_goes_on(
    lost: int, instead: bytes, start: Start, rde_simulator: RdeSimulator, aws: Aws
) -> None:
    async with LossyS3(aws.endpoint, lost=lost, instead=instead) as unsure:
        first = await start(unsure.url).schedule()
    assert unsure.writes > 3, "the client has tried again"
    assert first[1] is False
    assert await start(aws.endpoint).schedule() == (first[0], True)
    assert rde_simulator.count("/reports", "POST") == 1


async def test_a_key_that_was_only_reserved_when_s3_went_away_is_free(
    start: Start, rde_simulator: RdeSimulator, aws: Aws
) -> None:
    async with LossyS3(aws.endpoint, gone_after=1) as unsure:
        with pytest.raises(LedgerUnavailable):
            await start(unsure.url).schedule()
    assert unsure.writes == 1
    assert rde_simulator.count("/reports", "POST") == 0
    assert (await start(aws.endpoint).schedule())[1] is False
    assert rde_simulator.count("/reports", "POST") == 1


async def test_a_process_knows_that_it_did_not_post_though_s3_has_its_claim(
    start: Start, rde_simulator: RdeSimulator, aws: Aws
) -> None:
    async with LossyS3(aws.endpoint, gone_after=2) as unsure:
        process = start(unsure.url)
        with pytest.raises(LedgerUnavailable):
            await process.schedule()
        unsure.gone_after = None
        assert (unsure.writes, rde_simulator.count("/reports", "POST")) == (2, 0)
        assert (await process.schedule())[1] is False
    assert rde_simulator.count("/reports", "POST") == 1


class UnsureConnection(MemoryConnection):
    """S3 that carries out its `last` request and does not confirm it, and is away for so many more."""

    def __init__(self, bucket: MemoryBucket, last: int, away: int) -> None:
        super().__init__(bucket)
        self.left, self.away = last, away

    async def get(self, key: str) -> Any:
        return self._confirm(await super().get(key))

    async def put(self, *request: Any) -> str | None:
        return self._confirm(await super().put(*request))

    async def delete(self, keys: Any) -> None:
        await super().delete(keys)
        self._confirm(None)

    def enter(self, verb: str, key: str, *, writes: bool = False) -> None:
        if self.left < 0 and self.away > 0:
            self.away -= 1
            raise LedgerUnavailable("S3 could not serve: it is away")
        self.left -= 1
        super().enter(verb, key, writes=writes)

    def _confirm[T](self, answer: T) -> T:
        if self.left == -1:
            self.left -= 1
            raise LedgerUnavailable("S3 could not serve: its answer was lost")
        return answer


class Caller:
    """A process that makes a call which must not be made twice, unless the vendor refuses it."""

    def __init__(self, store: Store) -> None:
        self.keys = IdempotencyKeys(store, Leases(store, LEASE_SECONDS), now, "rde")
        self.refused = False
        self.made = 0

    async def call(self) -> Json:
        if self.refused:
            raise UpstreamUnavailable("rde", "not now")
        self.made += 1
        return {"id": "one"}

    async def once(self) -> Json:
        return (await self.keys.once("acme", "key", "this", self.call, Deadline.after(5))).answer


@pytest.mark.parametrize(("away", "locked_out"), [(0, []), (1, [CLAIM]), (EVERY_TIME, [CLAIM])])
async def test_wherever_s3_goes_away_the_call_is_made_once_and_only_a_claim_locks_others_out(
    away: int, locked_out: list[int]
) -> None:
    """Whether its holder has acted on a claim only the holder knows, and it cannot say so while S3 is away."""
    locks = []
    for last in range(REQUESTS):
        bucket = MemoryBucket()
        connection = UnsureConnection(bucket, last, away)
        first, other = Caller(Store(connection)), Caller(MemoryStore(bucket))
        try:
            await first.once()
        except LedgerUnavailable:
            assert first.made == 0, "a call is made only when its key is held for sure"
        connection.away = 0
        try:
            await other.once()
        except UpstreamTimeout:
            locks += [] if first.made else [last]
        if not first.made:
            await first.once()
        assert first.made + other.made == 1
    assert locks == locked_out


async def test_a_keyed_call_asks_s3_seven_times() -> None:
    bucket = MemoryBucket()
    await Caller(MemoryStore(bucket)).once()
    assert [verb for verb, _ in bucket.seen] == ["GET", "PUT", "GET", "PUT", "PUT", "PUT", "DELETE"]
    assert len(bucket.seen) == REQUESTS


async def test_a_refusal_frees_the_key_for_its_process_though_s3_did_not_hear_of_it() -> None:
    store = MemoryStore(MemoryBucket())
    caller = Caller(store)
    caller.refused = True
    store.bucket.turns = [True] * (CLAIM + 1) + [False]
    with pytest.raises(UpstreamUnavailable):
        await caller.once()
    caller.refused = False
    assert await caller.once() == {"id": "one"}
