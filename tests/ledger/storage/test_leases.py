"""Leases between processes: each `Leases` here is one, its own memory, the same bucket."""

import asyncio
import contextlib
import time
import uuid

import pytest

from ledger.storage.bucket import ListedObject
from ledger.storage.lease_records import FreeLease, free_lease
from ledger.storage.leases import DELETABLE_SHARE, LeaseRecord, Leases
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from local.aws import Aws
from runtime.deadline import Deadline
from tests.support.s3.lossy_s3 import LossyS3
from tests.support.s3.memory_store import Killed, MemoryBucket, MemoryStore
from upstreams.errors import UpstreamBadResponse, UpstreamError, UpstreamTimeout, UpstreamUnavailable

pytestmark = pytest.mark.anyio
SHORT_SECONDS = 0.4
"""Of a lease that a test waits for to expire."""
LONG_SECONDS = 10.0
"""Of a lease that does not expire during a test, however slow the machine is."""


class Work:
    """Work to be done once: it lasts some seconds or until it may `finish`, and leaves its result for every process."""

    def __init__(
        self, seconds: float = 0.1, error: UpstreamError | None = None, finish: asyncio.Event | None = None
    ) -> None:
        self.calls = 0
        self.result: int | None = None
        self.started = asyncio.Event()
        self._seconds = seconds
        self._error = error
        self._finish = finish

    async def held(self) -> int | None:
        return self.result

    async def refresh(self) -> int:
        self.calls += 1
        self.started.set()
        await (self._finish.wait() if self._finish else asyncio.sleep(self._seconds))
        if self._error:
            raise self._error
        self.result = self.calls
        return self.calls


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


@pytest.fixture
def bucket_name(aws: Aws) -> str:
    name = f"leases-{uuid.uuid4().hex}"
    aws.create_bucket(name)
    return name


def process(bucket: MemoryBucket, seconds: float = LONG_SECONDS, writes_left: int | None = None) -> Leases:
    return Leases(MemoryStore(bucket, writes_left), seconds)


async def once(leases: Leases, work: Work, seconds: float = 5, seen: FreeLease | None = None) -> int:
    return await leases.once("lease", work.held, work.refresh, "openmarket", Deadline.after(seconds), seen)


def listed_lease(bucket: MemoryBucket) -> ListedObject | None:
    """The lease as a LIST shows it."""
    lease = bucket.objects.get("lease")
    return ListedObject("lease", len(lease.body), lease.modified, lease.e_tag) if lease else None


def was_given_back(bucket: MemoryBucket) -> bool:
    """Whether nobody holds the lease, and its last holder's record is there."""
    return set(bucket.objects) == {"lease"} and LeaseRecord.from_bytes(bucket.objects["lease"].body).given_back


async def test_many_callers_of_many_processes_make_one_call(bucket: MemoryBucket) -> None:
    work, processes = Work(), [process(bucket) for _ in range(5)]
    assert await asyncio.gather(*(once(leases, work) for leases in processes * 4)) == [1] * 20
    assert work.calls == 1
    assert was_given_back(bucket)


async def test_a_later_caller_finds_the_stored_result_and_makes_no_call(bucket: MemoryBucket) -> None:
    work = Work()
    await once(process(bucket), work)
    assert await once(process(bucket), work) == 1
    assert work.calls == 1


async def test_a_waiting_caller_raises_the_holders_error(bucket: MemoryBucket) -> None:
    work, processes = Work(error=UpstreamBadResponse("openmarket", "no CSV")), [process(bucket) for _ in range(4)]
    outcomes = await asyncio.gather(*(once(leases, work) for leases in processes), return_exceptions=True)
    assert work.calls == 1
    assert {(type(error), str(error)) for error in outcomes} == {(UpstreamBadResponse, "openmarket: no CSV")}


async def test_a_later_caller_does_not_raise_an_earlier_error(bucket: MemoryBucket) -> None:
    with pytest.raises(UpstreamUnavailable):
        await once(process(bucket), Work(error=UpstreamUnavailable("openmarket", "500")))
    well = Work()
    assert await once(process(bucket), well) == 1


async def test_a_dead_holders_lease_expires(bucket: MemoryBucket) -> None:
    work, began = Work(), time.monotonic()
    with pytest.raises(Killed):
        await once(process(bucket, SHORT_SECONDS, writes_left=1), Work(seconds=0))
    assert await asyncio.gather(*(once(process(bucket), work) for _ in range(4))) == [1] * 4
    assert work.calls == 1
    assert time.monotonic() - began > 0.9 * SHORT_SECONDS, "it was not taken over before"


async def test_a_lease_is_renewed_for_as_long_as_the_work_takes(bucket: MemoryBucket) -> None:
    """The second process would take over an expired lease; on a slow machine a renewal may be 0.8 seconds late."""
    lifetime = 1.2
    work, processes = Work(seconds=1.5 * lifetime), [process(bucket, lifetime) for _ in range(2)]
    assert await asyncio.gather(*(once(leases, work) for leases in processes)) == [1, 1]
    assert work.calls == 1


async def test_a_caller_that_cannot_wait_any_longer_times_out(bucket: MemoryBucket) -> None:
    work = Work(finish=(finish := asyncio.Event()))
    leader = asyncio.create_task(once(process(bucket), work))
    await work.started.wait()
    with pytest.raises(UpstreamTimeout):
        await once(process(bucket), work, seconds=0.2)
    finish.set()
    assert await leader == 1


async def test_without_s3_every_caller_asks_the_vendor(bucket: MemoryBucket) -> None:
    work = Work()
    bucket.down = True
    assert sorted(await asyncio.gather(*(once(process(bucket), work) for _ in range(3)))) == [3, 3, 3]
    assert work.calls == 3


async def test_a_cancelled_caller_does_not_cancel_the_others(bucket: MemoryBucket) -> None:
    work, leases = Work(), process(bucket)
    first, second = (asyncio.create_task(once(leases, work)) for _ in range(2))
    await work.started.wait()
    first.cancel()
    assert await second == 1
    assert work.calls == 1
    assert was_given_back(bucket)


async def test_a_lease_has_one_holder(bucket: MemoryBucket) -> None:
    async with process(bucket).hold("lease") as mine, process(bucket).hold("lease") as theirs:
        assert (mine, theirs) == (True, False)
    assert bucket.objects == {}


async def test_a_holder_whose_lease_expired_leaves_the_next_holders_alone(bucket: MemoryBucket) -> None:
    late, following = contextlib.AsyncExitStack(), contextlib.AsyncExitStack()
    assert await late.enter_async_context(process(bucket, SHORT_SECONDS).hold("lease"))
    bucket.down = True
    await asyncio.sleep(1.5 * SHORT_SECONDS)
    bucket.down = False
    assert await following.enter_async_context(process(bucket).hold("lease"))
    await late.aclose()
    assert "lease" in bucket.objects
    await following.aclose()
    assert bucket.objects == {}


async def test_a_takeover_counts_although_s3s_answer_to_it_was_lost(aws: Aws, bucket_name: str) -> None:
    dead = LeaseRecord("a dead process", time.time() - 1)
    await Store(S3Bucket(bucket_name, aws.endpoint)).put("day/_lease", dead.to_bytes())
    async with (
        LossyS3(aws.endpoint, ending="/_lease", spared=1, lost=1) as line,  # spared: there is one already
        Leases(Store(S3Bucket(bucket_name, line.url))).hold("day/_lease") as mine,
    ):
        assert mine


async def test_a_lease_is_released_when_the_stored_result_cannot_be_read(bucket: MemoryBucket) -> None:
    async def unreadable() -> int | None:
        raise ValueError("nonsense")

    with pytest.raises(ValueError, match="nonsense"):
        await process(bucket).once("lease", unreadable, Work().refresh, "openmarket", Deadline.after(5))
    assert was_given_back(bucket)


async def test_a_cancellation_as_the_work_ends_is_not_lost(bucket: MemoryBucket) -> None:
    leases, entered = process(bucket), asyncio.Event()

    async def hold() -> None:
        async with leases.hold("lease"):
            entered.set()
        await asyncio.sleep(0)
        pytest.fail("it went on")

    holder = asyncio.create_task(hold())
    await entered.wait()
    holder.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holder
    assert bucket.objects == {}


async def test_a_lease_near_its_end_is_released_without_a_delete(bucket: MemoryBucket) -> None:
    """The DELETE of a process that was frozen would take away what another one holds by then."""
    lifetime = 2.5
    frozen, following = process(bucket, lifetime), process(bucket)
    late = contextlib.AsyncExitStack()
    assert await late.enter_async_context(frozen.hold("lease"))
    mine = LeaseRecord.from_bytes(bucket.objects["lease"].body)
    bucket.turns = [False] * 10  # it cannot renew
    await asyncio.sleep((1.02 - DELETABLE_SHARE) * lifetime)
    bucket.turns = []
    bucket.seen.clear()
    await late.aclose()
    assert bucket.asked("DELETE") == []
    assert LeaseRecord.from_bytes(bucket.objects["lease"].body) == LeaseRecord(mine.holder, 0.0)
    async with following.hold("lease") as theirs:
        assert theirs


async def test_a_caller_that_joins_waits_no_longer_than_it_may(bucket: MemoryBucket) -> None:
    work, leases = Work(seconds=1), process(bucket)
    leader = asyncio.create_task(once(leases, work))
    await asyncio.sleep(0.05)
    with pytest.raises(UpstreamTimeout):
        await once(leases, work, seconds=0.2)
    assert await leader == 1


class LookedFor(Work):
    """Work that counts how often its result is looked for."""

    looks = 0

    async def held(self) -> int | None:
        self.looks += 1
        return await super().held()


@pytest.mark.parametrize("holders_before", [0, 1, 2])
async def test_a_lease_that_is_as_a_list_showed_it_needs_no_further_look(
    bucket: MemoryBucket, holders_before: int
) -> None:
    for _ in range(holders_before):
        await once(process(bucket), Work(seconds=0))
    work, seen = LookedFor(seconds=0), free_lease(listed_lease(bucket))
    bucket.seen.clear()
    assert await once(process(bucket), work, seen=seen) == 1
    assert (work.looks, [verb for verb, _ in bucket.seen]) == (0, ["PUT", "PUT"])


@pytest.mark.parametrize("holders_before", [0, 1])
async def test_a_holder_that_ended_since_the_list_is_noticed(bucket: MemoryBucket, holders_before: int) -> None:
    """Its result is there and its lease is free again: without a look the vendor would be asked twice."""
    for _ in range(holders_before):
        await once(process(bucket), Work(seconds=0))
    seen, work = free_lease(listed_lease(bucket)), LookedFor(seconds=0)
    assert await once(process(bucket), work) == 1
    looks_before = work.looks
    assert await once(process(bucket), work, seen=seen) == 1
    assert (work.calls, work.looks - looks_before) == (1, 1)


async def test_a_lease_that_runs_is_not_free_in_a_list(bucket: MemoryBucket) -> None:
    async with process(bucket).hold("lease") as mine:
        assert mine
        assert free_lease(listed_lease(bucket)) is None


async def test_a_failed_lease_is_not_free_in_a_list(bucket: MemoryBucket) -> None:
    with pytest.raises(UpstreamUnavailable):
        await once(process(bucket), Work(error=UpstreamUnavailable("openmarket", "500")))
    assert free_lease(listed_lease(bucket)) is None


async def test_s3_lists_the_tag_with_which_a_lease_can_be_replaced(aws: Aws, bucket_name: str) -> None:
    store, work = Store(S3Bucket(bucket_name, aws.endpoint)), Work(seconds=0)
    for calls in (1, 2):
        listing = await store.listing("day")
        seen = free_lease(listing[0] if listing else None)
        assert seen is not None
        assert (
            await Leases(store).once("day/_lease", nothing_stored, work.refresh, "openmarket", Deadline.after(5), seen)
            == calls
        )


async def nothing_stored() -> int | None:
    pytest.fail("it was looked for again")


async def test_a_free_lease_costs_one_write_and_one_delete(bucket: MemoryBucket) -> None:
    async with process(bucket).hold("lease") as mine:
        assert mine
    assert [verb for verb, _ in bucket.seen] == ["PUT", "DELETE"]


def test_an_unreadable_lease_counts_as_expired() -> None:
    assert LeaseRecord.from_bytes(b"").expired()
    assert LeaseRecord.from_bytes(b'{"holder": "x", "until": 0, "failed": {"code": "?"}}').expired()
    assert not LeaseRecord("x", time.time() + 5).expired()
