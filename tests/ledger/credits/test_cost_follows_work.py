"""What many queries ask of S3 at the same time, and that reading ends at the deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from functions.settings import Settings
from ledger.credits.credit_log import CreditLog
from ledger.days.rows import Credit
from ledger.figures.filters import CreditFilter
from ledger.figures.selection import Selection
from ledger.figures.summaries import SummaryKey, SummaryRequest
from ledger.storage.bucket import LedgerUnavailable, StoredObject
from ledger.storage.store import Store
from local.vendors.openmarket import OpenMarketSimulator
from runtime.clock import DAY, Period
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.ledger_process import process
from tests.support.s3.memory_store import MemoryBucket, MemoryConnection, MemoryStore
from tests.support.s3.settled_days import settle

pytestmark = pytest.mark.anyio
FIRST = datetime(2019, 1, 1, tzinfo=UTC)
DAYS = 60
A_DAY = 12
PERIOD = Period(FIRST, FIRST + DAYS * DAY)
FILTERS = [CreditFilter(msisdn=f"4477009000{number:02}") for number in range(15)]


class SlowConnection(MemoryConnection):
    """S3 that takes some time for each GET."""

    seconds = 0.01

    async def get(self, key: str) -> StoredObject | None:
        await asyncio.sleep(self.seconds)
        return await super().get(key)


def started(bucket: MemoryBucket, environ: dict[str, str], seconds: float = 0.01) -> CreditLog:
    """A new process's credit log, for which each GET takes some time."""
    connection = SlowConnection(bucket)
    connection.seconds = seconds
    return process(Settings.read(environ), MovingClock(), Store(connection)).credit_log


@pytest.fixture
async def bucket() -> MemoryBucket:
    bucket = MemoryBucket(MovingClock())
    await settle(MemoryStore(bucket), FIRST, DAYS, A_DAY)
    bucket.seen.clear()
    return bucket


async def select(log: CreditLog, where: CreditFilter | None, seconds: float = 20) -> Selection:
    return Selection(await log.snapshot("default", None, PERIOD, Deadline.after(seconds)), PERIOD, where)


async def test_fifteen_aliases_read_each_day_once(bucket: MemoryBucket, settings_environ: dict[str, str]) -> None:
    log = started(bucket, settings_environ)

    async def alias(where: CreditFilter) -> int:
        return await (await select(log, where)).count()

    totals = await asyncio.gather(*map(alias, FILTERS))
    assert len(bucket.asked("LIST")) == 1
    days_read = bucket.asked("GET", "/rows.csv.gz")
    assert len(days_read) == len(set(days_read)) == DAYS
    alone = [await (await select(started(bucket, settings_environ, 0), where)).count() for where in FILTERS]
    assert totals == alone
    assert sum(totals) > 0


async def test_fifteen_summaries_read_each_rollup_once(bucket: MemoryBucket, settings_environ: dict[str, str]) -> None:
    log = started(bucket, settings_environ)

    async def alias() -> int:
        return sum(
            bucket.count
            for bucket in await (await select(log, None)).summary(SummaryRequest(frozenset({SummaryKey.HOUR})))
        )

    assert set(await asyncio.gather(*(alias() for _ in range(15)))) == {DAYS * A_DAY}
    assert len(bucket.asked("LIST")) == 1
    rollups_read = [key for key in bucket.asked("GET") if "/_settled-" in key]
    assert len(rollups_read) == len(set(rollups_read)) == DAYS


@pytest.mark.parametrize("wish", ["page", "count", "summary", "rollups"])
async def test_reading_ends_at_the_deadline_and_no_vendor_is_asked(
    wish: str, bucket: MemoryBucket, settings_environ: dict[str, str], openmarket_simulator: OpenMarketSimulator
) -> None:
    seconds = 0.3
    log = started(bucket, settings_environ, seconds=2.0 if wish == "rollups" else 0.1)
    selection = await select(log, None if wish == "rollups" else FILTERS[0], seconds)
    wishes: dict[str, Callable[[], Awaitable[object]]] = {
        "page": lambda: selection.page(1000, None),
        "count": selection.count,
        "summary": lambda: selection.summary(SummaryRequest(frozenset())),
        "rollups": lambda: selection.summary(SummaryRequest(frozenset({SummaryKey.DAY}))),
    }
    began = time.monotonic()
    with pytest.raises(LedgerUnavailable, match="deadline"):
        await wishes[wish]()
    assert time.monotonic() - began < seconds + 0.3
    assert openmarket_simulator.requests == []


async def test_work_in_memory_ends_at_the_deadline_too(bucket: MemoryBucket, settings_environ: dict[str, str]) -> None:
    log = started(bucket, settings_environ, 0)
    await (await select(log, FILTERS[0])).count()
    selection = await select(log, FILTERS[1], seconds=0)
    with pytest.raises(LedgerUnavailable, match="deadline"):
        await selection.count()


async def test_a_query_fetches_a_month_of_lost_days_again_and_no_more(
    bucket: MemoryBucket, settings_environ: dict[str, str], openmarket_simulator: OpenMarketSimulator
) -> None:
    """A day is fetched by itself then: a year of them would be hundreds of requests to the vendor."""
    openmarket_simulator.clock = MovingClock()
    openmarket_simulator.rows_a_day, openmarket_simulator.history_days = A_DAY, 400
    log = started(bucket, settings_environ, 0)
    selection = await select(log, FILTERS[0])
    bucket.down = True
    with pytest.raises(LedgerUnavailable, match="31 other days"):
        await selection.count()
    assert openmarket_simulator.count("/csv/log") == 31


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        (CreditFilter(outcome=frozenset({"FAILED"})), lambda credit: credit.outcome.name == "FAILED"),
        (CreditFilter(network=frozenset({"O2", "Three"})), lambda credit: credit.network in {"O2", "Three"}),
        (CreditFilter(currency=frozenset({"EUR"})), lambda credit: credit.currency == "EUR"),
        (CreditFilter(currency=frozenset()), lambda _: False),
        (CreditFilter(msisdn="447700900001"), lambda credit: credit.msisdn == "447700900001"),
        (CreditFilter(min_amount=Decimal("1.50")), lambda credit: Decimal(credit.amount) >= Decimal("1.5")),
        (CreditFilter(max_amount=Decimal("1.50")), lambda credit: Decimal(credit.amount) <= Decimal("1.5")),
        (
            CreditFilter(frozenset({"SUCCESS"}), frozenset({"O2"}), min_amount=Decimal(1), max_amount=Decimal(5)),
            lambda credit: (
                credit.outcome.name == "SUCCESS" and credit.network == "O2" and 1 <= Decimal(credit.amount) <= 5
            ),
        ),
    ],
)
async def test_a_filter_keeps_the_rows_that_meet_all_its_conditions(
    where: CreditFilter,
    kept: Callable[[Credit], bool],
    bucket: MemoryBucket,
    settings_environ: dict[str, str],
) -> None:
    log = started(bucket, settings_environ, 0)
    everything = list((await (await select(log, None)).page(10_000, None)).rows)
    filtered = list((await (await select(log, where)).page(10_000, None)).rows)
    assert filtered == [credit for credit in everything if kept(credit)]
    assert len(everything) == DAYS * A_DAY
