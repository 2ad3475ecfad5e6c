"""Settled days whose rows were lost and fetched again: what is known of the lost rows is never told of the new ones."""

from collections import Counter

import pytest

from ledger.days.rows import OUTCOME
from ledger.figures.selection import Selection
from ledger.figures.summaries import SummaryKey, SummaryRequest
from ledger.storage.store import LedgerUnavailable
from runtime.clock import DAY, Period
from runtime.deadline import Deadline
from tests.support.processes.ledger_process import LedgerProcess, process
from tests.support.processes.shared_ledger import MIDNIGHT, SharedLedger
from tests.support.s3.memory_store import Killed, MemoryStore

pytestmark = pytest.mark.anyio
A_DAY = Period(MIDNIGHT - 20 * DAY, MIDNIGHT - 19 * DAY)
ROWS = "/rows.csv.gz"
BEFORE, NOW = {"SUCCESS": 10}, {"SUCCESS": 7, "UNKNOWN": 3}


async def select(asker: LedgerProcess) -> Selection:
    return Selection(await asker.credit_log.snapshot("default", None, A_DAY, Deadline.after(20)), A_DAY, None)


async def by_rows(asker: LedgerProcess) -> dict[str, int]:
    return dict(Counter((await (await select(asker)).page(1000, None)).rows.column(OUTCOME)))


async def by_summary(asker: LedgerProcess) -> dict[str, int]:
    lines = await (await select(asker)).summary(SummaryRequest(frozenset({SummaryKey.OUTCOME})))
    return {line.outcome.value: line.count for line in lines if line.outcome}


async def figures(asker: LedgerProcess) -> list[dict[str, int]]:
    return [await by_summary(asker), await by_rows(asker)]


def lose_rows(shared: SharedLedger) -> None:
    """Lose a day's rows; the vendor has as many by now, with other outcomes."""
    (key,) = (key for key in shared.bucket.objects if key.endswith(ROWS))
    del shared.bucket.objects[key]
    shared.clock.advance(minutes=20)
    for credit in shared.openmarket.credits_between(A_DAY.start, A_DAY.end)[:3]:
        shared.openmarket.change_outcome(credit.credit_id, "refunded")


@pytest.fixture
async def settled(shared: SharedLedger) -> SharedLedger:
    assert await figures(shared.start()) == [BEFORE, BEFORE]
    return shared


async def test_killed_before_the_new_rollup_the_old_one_is_not_believed(settled: SharedLedger) -> None:
    lose_rows(settled)
    dying = process(settled.settings, settled.clock, MemoryStore(settled.bucket, 2), settled.vendors)
    with pytest.raises(Killed):
        await select(dying)
    assert [key.endswith(ROWS) for key in settled.bucket.objects].count(True) == 1
    assert await figures(settled.start()) == [NOW, NOW]
    settled.clock.advance(minutes=1)
    assert await figures(settled.start()) == [NOW, NOW]
    assert settled.openmarket.count("/csv/log") == 2


async def test_a_process_that_knows_the_lost_rows_shows_no_mixture(settled: SharedLedger) -> None:
    knows_totals, knows_day = settled.start(), settled.start()
    assert await by_summary(knows_totals) == BEFORE
    await select(knows_day)
    lose_rows(settled)
    assert await figures(settled.start()) == [NOW, NOW]
    with pytest.raises(LedgerUnavailable, match="changed since"):
        await by_rows(knows_totals)
    assert await figures(knows_totals) == [NOW, NOW]
    assert [await by_rows(knows_day), await by_summary(knows_day)] == [NOW, NOW]
    assert settled.openmarket.count("/csv/log") == 2, "the new rows are stored"


async def test_rows_without_the_time_of_their_fetch_are_of_the_time_that_a_rollup_names(
    settled: SharedLedger,
) -> None:
    """As after a copy by a tool that drops attributes: the day stays settled, and no vendor is asked."""
    (key,) = (key for key in settled.bucket.objects if key.endswith(ROWS))
    settled.clock.advance(minutes=20)
    await MemoryStore(settled.bucket).put(key, settled.bucket.objects[key].body)
    assert await figures(settled.start()) == [BEFORE, BEFORE]
    assert settled.openmarket.count("/csv/log") == 1


async def test_without_s3_the_vendor_has_the_rows_of_a_day_that_a_process_knows(settled: SharedLedger) -> None:
    asker = settled.start()
    assert await by_summary(asker) == BEFORE
    settled.bucket.down = True
    assert await figures(asker) == [BEFORE, BEFORE]
    assert settled.openmarket.count("/csv/log") == 2
