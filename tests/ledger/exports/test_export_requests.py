"""Which requests are one export, who finds it, and when it is started again."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from ledger.exports.export_log import ExportLog, ExportSnapshot
from ledger.exports.exports import is_stalled
from ledger.exports.jobs import ExportFormat, ExportState, ExportStatus
from ledger.storage.bucket import ListedObject
from local.vendors.openmarket import OpenMarketSimulator
from tests.support.moving_clock import MovingClock
from tests.support.processes.exporting_process import NOON, ExportingProcess, Start, job
from tests.support.s3.memory_store import MemoryBucket, MemoryStore

pytestmark = pytest.mark.anyio


async def test_equal_requests_within_the_hour_are_one_export(start: Start, clock: MovingClock) -> None:
    clock.moment = datetime(2019, 12, 5, 12, 40, tzinfo=UTC)
    first = await start().exports.request(job())
    clock.advance(minutes=59, seconds=59)
    again, other = start(), start()
    assert (await again.exports.request(job("2019-11-12T02:00:00+02:00"))).id == first.id
    clock.advance(seconds=1)
    assert (await other.exports.request(job())).id != first.id
    assert len(other.started) == 1


async def test_ten_equal_requests_at_once_start_one_export(start: Start) -> None:
    processes = [start() for _ in range(10)]
    ids = {seen.id for seen in await asyncio.gather(*(process.exports.request(job()) for process in processes))}
    assert len(ids) == 1
    assert sum(len(process.started) for process in processes) == 1


async def test_other_requests_are_other_exports(start: Start) -> None:
    exports = start().exports
    others = [
        job(),
        job(end="2019-11-16T00:00:00Z"),
        job(brand="MyBrand"),
        job(written_as=ExportFormat.JSONL),
        job(unmasked=False),
        job(tenant="other"),
    ]
    assert len({(await exports.request(other)).id for other in others}) == len(others)


async def test_an_export_is_found_by_its_tenant_only(start: Start) -> None:
    exports = start().exports
    seen = await exports.request(job())
    assert await exports.find("default", seen.id) is not None
    assert await exports.find("other", seen.id) is None
    for no_id in ("no-such-export", "", "0" * 32, "../default/" + seen.id, seen.id.upper(), seen.id + "\n"):
        assert await exports.find("default", no_id) is None


async def test_an_unreadable_export_of_the_hour_before_does_not_matter(start: Start, clock: MovingClock) -> None:
    process = start()
    before = await process.exports.request(job())
    await process.store.put(ExportLog(process.store, "default", before.id).key("state-000000.json"), b"no JSON")
    clock.advance(hours=1)
    again = await process.exports.request(job())
    assert (again.id != before.id, again.state.number) == (True, 0)


AGES = [
    ({"state-000000.json": 59}, False),
    ({"state-000000.json": 60}, True),
    ({"state-000000.json": 300, "state-000001.json": 59}, False),
    ({"state-000000.json": 300, "state-000001.json": 290, "_lease": 3}, False),
    ({"state-000000.json": 300, "state-000001.json": 290, "_lease": 19}, False),
    ({"state-000000.json": 300, "state-000001.json": 290, "_lease": 20}, True),
    ({"state-000000.json": 300, "part-000002-9a.deflate": 5}, False),
    ({"state-000000.json": 300, "woken-000000": 59}, False),
    ({"state-000000.json": 300, "woken-000000": 120, "woken-000001": 60}, True),
]


@pytest.mark.parametrize(("ages", "still"), AGES)
def test_an_export_stands_still_when_its_exporter_is_gone_and_the_last_start_a_minute_ago(
    ages: dict[str, int], *, still: bool
) -> None:
    objects = [ListedObject(f"exports/x/{name}", 1, NOON - timedelta(seconds=age)) for name, age in ages.items()]
    seen = ExportSnapshot("x", ExportState(0, ExportStatus.RUNNING, job(), NOON), objects)
    assert is_stalled(seen, NOON) is still


async def test_an_export_at_a_standstill_is_started_again_by_one_of_those_who_ask(start: Start) -> None:
    first = start()  # begins nothing by itself, as though it had died at once
    seen = await first.exports.find("default", (await first.exports.request(job())).id)
    assert isinstance(seen, ExportSnapshot)
    assert (await start().exports.restart_if_stalled(seen)).state.status is ExportStatus.QUEUED
    askers = [start(patience=timedelta(0)) for _ in range(5)]
    await asyncio.gather(*(process.exports.restart_if_stalled(seen) for process in askers))
    assert [export_id for process in askers for export_id in process.started] == [seen.id]
    assert (await askers[0].exports.request(job())).id == seen.id
    assert sum(len(process.started) for process in askers) == 2
    assert (await first.finish(seen.id)).state.status is ExportStatus.DONE


async def test_an_exporter_at_work_is_to_be_seen(start: Start, openmarket_simulator: OpenMarketSimulator) -> None:
    openmarket_simulator.latency = 1.0
    process = start()
    seen = await process.exports.request(job())
    working = asyncio.create_task(process.finish(seen.id))
    while not openmarket_simulator.count("/csv/log"):  # noqa: ASYNC110 - the vendor is on a thread of its own
        await asyncio.sleep(0.02)
    present = await start().exports.find("default", seen.id)
    assert isinstance(present, ExportSnapshot)
    assert (present.state.status, present.count("_lease")) == (ExportStatus.RUNNING, 1)
    await working


async def test_a_link_never_claims_to_outlive_the_keys_that_signed_it(
    settings_environ: dict[str, str], clock: MovingClock
) -> None:
    store = MemoryStore(MemoryBucket(clock))
    process = ExportingProcess(settings_environ, clock, store=store)
    done = await process.finish((await process.exports.request(job())).id)
    whole = await process.exports.link(done)
    assert whole is not None
    store.connection.keys_expire_at = whole.expires_at - timedelta(minutes=10)
    cut = await process.exports.link(done)
    assert cut is not None
    assert cut.expires_at == whole.expires_at - timedelta(minutes=10)
