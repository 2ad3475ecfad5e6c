"""Exports of some credits, and of the newest first: the rows that `creditLog` shows, and resumable like any other."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import orjson
import pytest

from ledger.exports.export_log import ExportSnapshot
from ledger.exports.jobs import ExportJob, ExportState, ExportStatus
from ledger.figures.filters import CreditFilter
from local.vendors.openmarket import OpenMarketSimulator
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.exporting_process import NOON, Start, job, rows_of

pytestmark = pytest.mark.anyio

FILTERS = {
    "two networks": CreditFilter(network=frozenset({"O2", "Three"})),
    "states and amounts": CreditFilter(
        outcome=frozenset({"FAILED"}), min_amount=Decimal(1), max_amount=Decimal("2.50")
    ),
    "a phone number": CreditFilter(msisdn="447700900011"),
    "no network at all": CreditFilter(network=frozenset()),
}


@pytest.mark.parametrize("where", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("newest_first", [False, True])
async def test_the_file_holds_the_wanted_rows_in_the_order_of_the_log(
    start: Start, where: CreditFilter, *, newest_first: bool
) -> None:
    process = start()
    asked = replace(job("2019-11-12T05:30:01Z", "2019-11-14T17:00:00Z"), where=where, newest_first=newest_first)
    done = await process.finish((await process.exports.request(asked)).id)
    shown = await start().shown(asked)
    assert rows_of(await process.file(done)) == (shown[::-1] if newest_first else shown)
    assert done.state.rows == len(shown)
    assert bool(shown) is (where.network != frozenset())


async def test_the_newest_first_are_handed_over_between_days_and_nothing_is_written_twice(start: Start) -> None:
    asked = replace(job(), newest_first=True)
    seen = await start().exports.request(asked)
    shifts = 1
    while await start().exporter.write("default", seen.id, Deadline.after(50)):
        shifts += 1
    process = start()
    done = await process.exports.find("default", seen.id)
    assert isinstance(done, ExportSnapshot)
    assert (done.state.status, shifts >= 3) == (ExportStatus.DONE, True)
    assert rows_of(await process.file(done)) == (await process.shown(asked))[::-1]


async def test_a_day_of_several_blocks_is_reversed_as_a_whole(
    start: Start, openmarket_simulator: OpenMarketSimulator
) -> None:
    openmarket_simulator.rows_a_day = 9000
    process, asked = start(), replace(job("2019-11-12T00:00:00Z", "2019-11-13T00:00:00Z"), newest_first=True)
    done = await process.finish((await process.exports.request(asked)).id)
    shown = await process.shown(asked)
    assert len(shown) > 2 * 4096
    assert rows_of(await process.file(done)) == shown[::-1]


@pytest.mark.parametrize("where", [None, *FILTERS.values()], ids=["all", *FILTERS])
@pytest.mark.parametrize("newest_first", [False, True])
async def test_a_stored_day_of_many_blocks_is_read_block_by_block(
    start: Start, where: CreditFilter | None, *, newest_first: bool
) -> None:
    asked = replace(job("2019-11-12T05:30:01Z", "2019-11-14T17:00:00Z"), where=where, newest_first=newest_first)
    shown = await start(block_rows=5).shown(asked)
    process = start(block_rows=5)
    done = await process.finish((await process.exports.request(asked)).id)
    assert rows_of(await process.file(done)) == (shown[::-1] if newest_first else shown)


@pytest.mark.parametrize("ending", ["rows.csv.gz", ".json.gz"])
@pytest.mark.parametrize("newest_first", [False, True])
async def test_lost_blocks_and_indexes_do_not_change_an_export(
    start: Start, ending: str, *, newest_first: bool
) -> None:
    asked = replace(job(), newest_first=newest_first)
    process = start(block_rows=5)
    shown = await process.shown(asked)
    for item in await process.store.listing("credit-log"):
        if item.key.endswith(ending):
            await process.store.put(item.key, b"rubbish", {"fetched": "2019-12-05T12:00:00Z"})
    process = start(block_rows=5)
    done = await process.finish((await process.exports.request(asked)).id)
    assert rows_of(await process.file(done)) == (shown[::-1] if newest_first else shown)


def every_kind_of_job() -> list[ExportJob]:
    return [
        replace(job(), where=where, newest_first=newest)
        for where in (None, *FILTERS.values())
        for newest in (False, True)
    ]


def test_a_step_keeps_the_filter_and_the_order() -> None:
    for asked in every_kind_of_job():
        state = ExportState(0, ExportStatus.QUEUED, asked, NOON)
        assert ExportState.from_bytes(0, state.to_bytes()) == state


def test_equal_jobs_have_equal_ids_and_others_other_ones() -> None:
    assert len({asked.id(1) for asked in every_kind_of_job()}) == len(every_kind_of_job())
    one = replace(job(), where=CreditFilter(network=frozenset({"O2", "Three"}), min_amount=Decimal("0.5")))
    same = replace(job(), where=CreditFilter(network=frozenset({"Three", "O2"}), min_amount=Decimal("0.50")))
    assert one.id(1) == same.id(1)


def test_a_job_of_an_earlier_version_is_read_and_keeps_its_id() -> None:
    """Written by version 0.2: six parts, and the id of an hour over them."""
    written = ["default", "2019-11-12T00:00:00Z", "2019-11-15T00:00:00Z", None, "csv", True]
    record = orjson.loads(ExportState(0, ExportStatus.QUEUED, job(), NOON).to_bytes())
    assert record["job"] == written
    assert ExportState.from_bytes(0, orjson.dumps(record | {"job": written})).job == job()
    assert job().id(437_000) == "5fff6bc5bffc49edf4601ace6ce62c92"


async def test_a_phone_number_is_in_no_text_of_a_job(start: Start) -> None:
    asked = replace(job(), where=FILTERS["a phone number"])
    seen = await start().exports.request(asked)
    assert "447700900011" not in f"{asked} {seen} {seen.state}"


@pytest.mark.parametrize("newest_first", [False, True])
async def test_an_export_s_freshness_is_that_of_the_credit_log(
    start: Start, clock: MovingClock, *, newest_first: bool
) -> None:
    """Settled days do not make it look old, and it says up to where nothing can change any more."""
    process = start()
    await process.shown(job("2019-11-20T00:00:00Z", "2019-12-01T00:00:00Z"))
    clock.advance(hours=1)
    asked = replace(job("2019-11-20T00:00:00Z", "2019-12-06T00:00:00Z"), newest_first=newest_first)
    done = await process.finish((await process.exports.request(asked)).id)
    assert done.state.freshness is not None
    shown = await process.credit_log.snapshot("default", None, asked.period, Deadline.after(20))
    assert done.state.freshness.as_of == shown.freshness.as_of == clock()
    assert done.state.freshness.final_until == shown.freshness.final_until == datetime(2019, 12, 2, tzinfo=UTC)
    settled = replace(job("2019-11-20T00:00:00Z", "2019-11-25T00:00:00Z"), newest_first=newest_first)
    done = await process.finish((await process.exports.request(settled)).id)
    assert done.state.freshness is not None
    assert (done.state.freshness.final, done.state.freshness.final_until) == (True, settled.period.end)
