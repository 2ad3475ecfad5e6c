"""How often a query waits for S3, one call after the other: on Lambda each wait is 20 ms of the caller's time."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property

import pytest

from ledger.credits.early_rows import PageStart
from ledger.credits.period_snapshot import PeriodSnapshot
from ledger.figures.selection import Selection
from ledger.storage.lease_records import LEASE
from ledger.storage.leases import Leases
from ledger.storage.store import Store
from runtime.clock import DAY, Period
from runtime.deadline import Deadline
from tests.support.processes.ledger_process import LedgerProcess, process
from tests.support.processes.shared_ledger import MIDNIGHT, SharedLedger
from tests.support.s3.memory_store import MemoryBucket, MemoryConnection
from tests.support.s3.waits import WaitingConnection, Waits

pytestmark = pytest.mark.anyio
TODAY = Period(MIDNIGHT, MIDNIGHT + DAY)
SETTLED = Period(MIDNIGHT - 9 * DAY, MIDNIGHT - 8 * DAY)


@pytest.fixture
def waits() -> Waits:
    return Waits()


class PatientProcess(LedgerProcess):
    """Does not renew its leases while a vendor answers, however busy the machine is."""

    @cached_property
    def leases(self) -> Leases:
        return Leases(self.store)


def started(shared: SharedLedger, waits: Waits) -> LedgerProcess:
    """A process whose waits are counted."""
    store = Store(WaitingConnection(shared.bucket, waits))
    return PatientProcess(shared.settings, shared.clock, store, shared.vendors)


async def page(asker: LedgerProcess, period: Period) -> PeriodSnapshot:
    start = PageStart(None, newest_first=False)
    snapshot = await asker.credit_log.snapshot("default", None, period, Deadline.after(20), page=start)
    assert (await Selection(snapshot, period, None).page(100, None)).rows
    return snapshot


async def test_a_page_that_the_vendor_is_asked_for_waits_four_times(shared: SharedLedger, waits: Waits) -> None:
    """The lease goes beside the look at the vendor's breaker, the rows beside their rollup."""
    shared.clock.advance(hours=11)
    asker = started(shared, waits)
    assert (await page(asker, TODAY)).query.from_vendor
    assert waits.steps == ["LIST", "GET+PUT", "PUT+PUT", "PUT"]


async def test_a_settled_days_rollup_follows_its_rows_beside_the_lease(shared: SharedLedger, waits: Waits) -> None:
    """The first query for a month that could be settled looks for the month's object as well.

    The GET of each day's rows, which are not there yet, is beside a wait.
    """
    asker = started(shared, waits)
    await page(asker, SETTLED)
    assert waits.steps == ["GET+GET", "LIST", "GET+PUT", "PUT", "PUT+PUT"]
    waits.forget()
    await page(asker, Period(SETTLED.start - DAY, SETTLED.start))
    assert waits.steps == ["GET+LIST", "GET+PUT", "PUT", "PUT+PUT"]


async def test_a_refresh_waits_no_longer_than_the_first_fetch(shared: SharedLedger, waits: Waits) -> None:
    """The lease that the last refresh gave back is taken as the LIST showed it."""
    asker = started(shared, waits)
    shared.clock.advance(hours=11)
    await page(asker, TODAY)
    shared.clock.advance(seconds=70)
    waits.forget()
    assert (await page(asker, TODAY)).query.from_vendor
    assert waits.steps == ["LIST", "GET+PUT", "PUT+PUT", "PUT"]


async def test_a_listing_that_the_vendor_is_asked_for_waits_four_times(shared: SharedLedger, waits: Waits) -> None:
    asked = await started(shared, waits).ask(
        '{ reports(from: "2019-11-05", to: "2019-11-08") { totalCount freshness { source } } }'
    )
    assert asked["data"]["reports"]["freshness"]["source"] == "UPSTREAM"
    assert waits.steps == ["LIST+LIST+LIST", "GET+PUT", "PUT", "PUT"]


class OvertakenConnection(MemoryConnection):
    """A connection over which another process does something just before the first lease is asked for."""

    def __init__(self, bucket: MemoryBucket, overtake: Callable[[], Awaitable[object]]) -> None:
        super().__init__(bucket)
        self._overtake: Callable[[], Awaitable[object]] | None = overtake

    async def put(self, key: str, body: bytes, attributes: Mapping[str, str], condition: str | None) -> str | None:
        if key.endswith(LEASE) and (overtake := self._overtake):
            self._overtake = None
            await overtake()
        return await super().put(key, body, attributes, condition)


@pytest.mark.parametrize("fetched_before", [False, True])
async def test_a_day_that_another_process_has_fetched_since_the_list_is_not_fetched_again(
    shared: SharedLedger, fetched_before: bool
) -> None:
    """The other one has given its lease back by now: the lease is free, but not as the LIST showed it."""
    shared.clock.advance(hours=11)
    other = shared.start()
    if fetched_before:
        await page(shared.start(), TODAY)
        shared.clock.advance(seconds=70)
    connection = OvertakenConnection(shared.bucket, lambda: page(other, TODAY))
    late = process(shared.settings, shared.clock, Store(connection), shared.vendors)
    assert (await page(late, TODAY)).freshness.as_of == shared.clock()
    assert len(shared.asked_periods) == 1 + fetched_before
