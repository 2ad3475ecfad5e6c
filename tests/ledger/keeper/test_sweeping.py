"""What a sweep of a tenant's answers costs, and what it leaves alone."""

from datetime import timedelta

import pytest

from ledger.answers.ageing import Ageing
from ledger.keeper.old_answers import delete_old_answers
from ledger.keeper.run import KeeperRun
from runtime.clock import stamp
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.s3.memory_store import MemoryBucket, MemoryStore

pytestmark = pytest.mark.anyio
AGEING = Ageing(timedelta(minutes=1), timedelta(hours=72))


async def test_one_listing_finds_all_that_is_old_and_what_it_cannot_read_stays() -> None:
    clock = MovingClock()
    bucket, run = MemoryBucket(clock), KeeperRun(Deadline.after(60))
    store, name = MemoryStore(bucket), f"{stamp(clock())}.json.gz"
    answers, period = "answers/tenant=acme", "2019-12-05T00:00:00Z_2019-12-05T12:00:00Z"
    old = f"{answers}/outcome/brand=A_B/{period}/{name}"
    strange = [
        f"{answers}/outcome/brand=__all__/{period}/latest.json.gz",
        f"{answers}/outcome/brand=__all__/2019-12-05_tomorrow/{name}",
        f"{answers}/reports/2019-12-05/{name}",
        f"{answers}/something/{period}/{name}",
    ]
    for key in (old, *strange, old.replace("acme", "acme-2")):
        await store.put(key, b"")
    clock.advance(days=400)
    bucket.seen.clear()
    await delete_old_answers(store, "acme", AGEING, clock(), run)
    assert bucket.seen == [("LIST", answers), ("DELETE", old)]
    assert (run.deleted, sorted(bucket.objects)) == (1, sorted([*strange, old.replace("acme", "acme-2")]))
