"""What comes when the vendor, S3 or a process fails: what is stored and says so, or an error, never a wrong figure."""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from ledger.answers.freshness import Source
from ledger.figures.selection import Selection
from ledger.figures.summaries import SummaryKey, SummaryRequest
from ledger.storage.store import LedgerUnavailable
from local.vendors.credits import SimulatedCredit
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.simulator import failing
from runtime.clock import DAY, Period
from runtime.deadline import Deadline
from tests.support.processes.ledger_process import LedgerProcess
from tests.support.processes.shared_ledger import MIDNIGHT, NOON, SharedLedger
from tests.support.repository import ROOT
from tests.support.s3.memory_store import MemoryBucket
from upstreams.errors import UpstreamUnavailable

pytestmark = pytest.mark.anyio
BALANCE = '{ creditReconciliation(from: "2019-12-02T00:00:00Z", to: "2019-12-04T00:00:00Z") { balanced } }'


async def look(asker: LedgerProcess, start: datetime, end: datetime) -> tuple[Any, Selection]:
    period = Period(start, end)
    snapshot = await asker.credit_log.snapshot("default", None, period, Deadline.after(10))
    return snapshot.freshness, Selection(snapshot, period, None)


async def test_an_old_log_answers_for_a_vendor_that_fails_and_says_so(shared: SharedLedger) -> None:
    before, selection = await look(shared.start(), MIDNIGHT - 2 * DAY, NOON + DAY)
    count = await selection.count()
    shared.fail_vendors()
    shared.clock.advance(hours=8)
    shared.openmarket.add(late_row(NOON - timedelta(hours=30)))
    after, selection = await look(shared.start(), MIDNIGHT - 2 * DAY, NOON + DAY)
    assert (before.source, before.stale, before.as_of) == (Source.UPSTREAM, False, NOON)
    assert (after.source, after.stale, after.as_of) == (Source.CACHE, True, NOON)
    assert await selection.count() == count == len((await selection.page(1000, None)).rows)


async def test_a_log_with_a_day_that_was_never_held_is_an_error(shared: SharedLedger) -> None:
    await look(shared.start(), MIDNIGHT - 2 * DAY, MIDNIGHT)
    shared.fail_vendors()
    with pytest.raises(UpstreamUnavailable):
        await look(shared.start(), MIDNIGHT - 3 * DAY, MIDNIGHT)
    freshness, _ = await look(shared.start(), MIDNIGHT - 2 * DAY, MIDNIGHT)
    assert not freshness.stale, "and what is good needs no vendor"


async def test_nothing_goes_on_once_a_comparison_has_failed(shared: SharedLedger) -> None:
    """A process may be frozen once it has answered: what still ran would bring an old answer to the next request."""
    arrived = count()

    async def the_second_waits() -> None:
        await asyncio.sleep(0.3 * next(arrived))

    shared.openmarket.misbehave(failing(404), times=None)
    shared.openmarket.pause = the_second_waits
    asker, running = shared.start(), asyncio.all_tasks()
    reply = await asker.ask(BALANCE)
    assert [error["extensions"]["code"] for error in reply["errors"]] == ["UPSTREAM_BAD_RESPONSE"]
    assert next(arrived) == 2
    assert asyncio.all_tasks() == running


async def test_runs_of_days_fail_by_themselves(shared: SharedLedger) -> None:
    """Of two runs one can be had: it is kept, though the query fails for the other."""
    await look(shared.start(), MIDNIGHT - 20 * DAY, MIDNIGHT - 19 * DAY)
    shared.openmarket.misbehave(failing(500))
    with pytest.raises(UpstreamUnavailable):
        await look(shared.start(), MIDNIGHT - 25 * DAY, MIDNIGHT - 10 * DAY)
    days = {key.rpartition("/day=")[2][:10] for key in shared.bucket.objects if key.endswith("rows.csv.gz")}
    assert len(days) in {1 + 5, 1 + 9}


OUTCOME = """{ creditOutcome(from: "2019-12-01T00:00:00Z", to: "2019-12-06T00:00:00Z") {
  rows { brand amount currency success failed creditApplied } freshness { asOf stale } } }"""
REPORTS = """{ reports(from: "2019-11-05", to: "2019-12-05") {
  nodes { name creationDate downloadUrl } freshness { asOf stale } } }"""


@pytest.mark.parametrize(("query", "field"), [(OUTCOME, "creditOutcome"), (REPORTS, "reports")])
async def test_an_old_answer_answers_for_a_vendor_that_fails_and_says_so(
    query: str, field: str, shared: SharedLedger
) -> None:
    first = (await shared.start().ask(query))["data"][field]
    shared.fail_vendors()
    shared.clock.advance(minutes=2)
    second = (await shared.start().ask(query))["data"][field]
    assert (first["freshness"]["stale"], second["freshness"]["stale"]) == (False, True)
    assert second["freshness"]["asOf"] == first["freshness"]["asOf"] == "2019-12-05T12:00:00Z"
    assert second.get("rows") == first.get("rows")
    shared.clock.advance(days=30)
    third = (await shared.start().ask(query))["data"][field]
    assert third["freshness"]["stale"]
    assert len(third.get("nodes") or third["rows"]) == len(first.get("nodes") or first["rows"]) > 0
    assert all(node["downloadUrl"] is None for node in third.get("nodes", [])), "a dead link is never served"


@pytest.mark.parametrize(("query", "code"), [(OUTCOME, "openmarket"), (REPORTS, "rde")])
async def test_what_was_never_held_is_an_error(query: str, code: str, shared: SharedLedger) -> None:
    shared.fail_vendors()
    (error,) = (await shared.start().ask(query))["errors"]
    assert error["extensions"]["code"] == "UPSTREAM_UNAVAILABLE"
    assert error["extensions"]["upstream"] == code


async def test_without_s3_the_vendor_answers(shared: SharedLedger) -> None:
    shared.bucket.down = True
    freshness, selection = await look(shared.start(), MIDNIGHT - 40 * DAY, NOON)
    assert (freshness.source, freshness.stale) == (Source.UPSTREAM, False)
    assert await selection.count() == len((await selection.page(10_000, None)).rows)
    assert (
        sum(line.count for line in await selection.summary(SummaryRequest(frozenset({SummaryKey.DAY}))))
        == await selection.count()
    )
    assert shared.openmarket.count("/csv/log") == 2


async def test_what_s3_did_not_take_is_not_remembered_as_held(shared: SharedLedger) -> None:
    asker = shared.start()
    shared.bucket.down = True
    await look(asker, MIDNIGHT - 40 * DAY, MIDNIGHT - 39 * DAY)
    shared.bucket.down = False
    await look(asker, MIDNIGHT - 40 * DAY, MIDNIGHT - 39 * DAY)
    await look(shared.start(), MIDNIGHT - 40 * DAY, MIDNIGHT - 39 * DAY)
    assert shared.openmarket.count("/csv/log") == 2, "once while S3 was away, once to be kept"


async def test_lost_rows_are_asked_for_again(shared: SharedLedger) -> None:
    _, selection = await look(shared.start(), MIDNIGHT - DAY, MIDNIGHT)
    count = await selection.count()
    freshness, selection = await look(shared.start(), MIDNIGHT - DAY, MIDNIGHT)
    lose_rows(shared.bucket)
    assert freshness.source is Source.CACHE
    assert len((await selection.page(100, None)).rows) == count
    assert shared.openmarket.count("/csv/log") == 2


async def test_lost_rows_that_have_changed_since_are_an_error_and_not_a_second_total(shared: SharedLedger) -> None:
    await look(shared.start(), MIDNIGHT - DAY, MIDNIGHT)
    asker = shared.start()
    _, selection = await look(asker, MIDNIGHT - DAY, MIDNIGHT)
    lose_rows(shared.bucket)
    shared.openmarket.add(late_row(NOON - timedelta(hours=30)))
    with pytest.raises(LedgerUnavailable):
        await selection.page(100, None)
    _, selection = await look(asker, MIDNIGHT - DAY, MIDNIGHT)
    assert await selection.count() == len((await selection.page(100, None)).rows) == 11


async def test_a_lost_rollup_is_made_again_from_the_rows(shared: SharedLedger) -> None:
    await look(shared.start(), MIDNIGHT - 40 * DAY, MIDNIGHT - 30 * DAY)
    for key in [key for key in shared.bucket.objects if "_settled-" in key]:
        del shared.bucket.objects[key]
    _, selection = await look(shared.start(), MIDNIGHT - 40 * DAY, MIDNIGHT - 30 * DAY)
    assert sum(line.count for line in await selection.summary(SummaryRequest(frozenset({SummaryKey.DAY})))) == 100
    assert len([key for key in shared.bucket.objects if "_settled-" in key]) == 10
    assert shared.openmarket.count("/csv/log") == 1


def late_row(time: datetime) -> SimulatedCredit:
    return SimulatedCredit(77, time, "447700900001", "O2", "1.5", "GBP", "MyBrand", "SUCCESS", "SUCCESS", time)


def lose_rows(bucket: MemoryBucket) -> None:
    for key in [key for key in bucket.objects if key.endswith((".csv.gz", ".csv.gz.open"))]:
        del bucket.objects[key]


@pytest.mark.slow
@pytest.mark.parametrize("writes", [1, 2, 4, 7])
async def test_a_process_that_is_killed_between_two_writes_loses_and_doubles_nothing(
    writes: int, settings_environ: dict[str, str], openmarket_simulator: OpenMarketSimulator
) -> None:
    """A real process, a real S3 protocol, and SIGKILL as the n-th write is about to begin."""
    openmarket_simulator.rows_a_day = 10
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start, end = (today - 10 * DAY).isoformat(), (today - 6 * DAY).isoformat()
    arguments = [sys.executable, "-m", "tests.support.processes.asking_program", "1", start, end]
    dying = await asyncio.create_subprocess_exec(
        *arguments, env=settings_environ | {"KILLED_AT_WRITE": str(writes)}, cwd=ROOT
    )
    assert await asyncio.wait_for(dying.wait(), 30) == -signal.SIGKILL
    well = await asyncio.create_subprocess_exec(
        *arguments, env=settings_environ | {"PATH": os.environ["PATH"]}, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(well.communicate(), 40)
    assert b'"count": 40, "rows": 40' in out
    assert openmarket_simulator.count("/csv/log") <= 5
