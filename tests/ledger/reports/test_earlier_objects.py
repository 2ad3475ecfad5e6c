"""What earlier versions stored about reports stays readable: listings, archive records, and answers to scheduling."""

import hashlib
from datetime import timedelta
from typing import Any

import orjson
import pytest

from ledger.keeper.run import KeeperRun
from local.vendors.simulator import failing
from runtime.clock import stamp
from runtime.compression import pack
from runtime.deadline import Deadline
from tests.support.processes.shared_ledger import NOON, SharedLedger
from tests.support.s3.memory_store import MemoryStore

pytestmark = pytest.mark.anyio
LINK = "https://blobs.example/old.csv?sig=x&se=2020-02-19T12%3A00%3A00Z"
QUERY = """query($from: Date!, $to: Date!) { reports(from: $from, to: $to) {
  totalCount unreadable freshness { source stale }
  nodes { name rawFormat format status type creationDate startDate downloadUrl archiveUrl } } }"""
PERIOD = {"from": "2019-11-01", "to": "2019-11-20"}
SCHEDULE = """mutation($input: ScheduleReportInput!) { scheduleReport(input: $input) {
  replayed report { id name status type creationDate endDate report { status } } } }"""


def row(name: str, created: str = "2019-11-05T10:00:00+00:00", link: str | None = LINK) -> dict[str, str | None]:
    """A report as earlier versions stored it in a listing."""
    ends = link and "2020-02-19T12:00:00+00:00"
    return {
        "name": name,
        "rawFormat": "CSV",
        "format": "CSV",
        "creationDate": created,
        "downloadUrl": link,
        "downloadUrlExpiresAt": ends,
    }


async def put(shared: SharedLedger, key: str, body: bytes) -> None:
    await MemoryStore(shared.bucket).put(key, body)


async def put_listing(
    shared: SharedLedger, rows: list[Any], period: str = "2019-11-01_2019-11-20", wanted: str = "any"
) -> None:
    """A listing as earlier versions stored it: settled, as it was fetched two weeks after its period."""
    key = f"answers/tenant=default/reports/{period}_{wanted}/{stamp(NOON - timedelta(days=1))}.json.gz"
    await put(shared, key, pack(orjson.dumps(rows)))


async def listed(shared: SharedLedger, period: dict[str, str] = PERIOD) -> dict[str, Any]:
    answer = await shared.start().ask(QUERY, period)
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["reports"]
    return found


async def test_a_settled_listing_is_answered_from_as_before(shared: SharedLedger) -> None:
    await put_listing(shared, [row("a"), row("b", "2019-11-06T10:00:00+00:00")])
    answer = await listed(shared)
    assert [node["name"] for node in answer["nodes"]] == ["b", "a"]
    assert answer["nodes"][1] == {
        "name": "a",
        "rawFormat": "CSV",
        "format": "CSV",
        "status": "COMPLETED",
        "type": "UNKNOWN",
        "creationDate": "2019-11-05T10:00:00Z",
        "startDate": None,
        "downloadUrl": LINK,
        "archiveUrl": None,
    }
    assert (answer["freshness"], answer["unreadable"]) == ({"source": "CACHE", "stale": False}, 0)
    assert shared.rde.requests == []


async def test_a_listing_that_may_be_a_first_page_is_asked_for_again_and_else_stale(shared: SharedLedger) -> None:
    """Earlier versions named no limit: where the vendor then gives ten, ten were taken for the whole listing."""
    await put_listing(shared, [row(f"old-{number}") for number in range(10)])
    shared.rde.misbehave(failing(500), times=None, path="/reports")
    stale = await listed(shared)
    assert (stale["totalCount"], stale["freshness"]["stale"]) == (10, True)
    shared.rde.behave()
    shared.clock.advance(minutes=1)
    names = {node["name"] for node in (await listed(shared))["nodes"]}
    assert names == {"withres2", "daily-dr1", "report", "dr-rep1", "dr-rep2", "sample1"}


async def test_a_listing_of_one_format_answers_no_query_but_its_files_are_collected(shared: SharedLedger) -> None:
    shared.rde.add_report("old", "CSV", "2019-11-05T10:00:00Z")
    link = shared.rde.blobs.link(shared.rde.origin, shared.rde.listing()[-1].blob, timedelta(days=90))
    shared.rde.forget("old", "2019-11-05T10:00:00Z")
    await put_listing(shared, [row("old", link=link) | {"downloadUrlExpiresAt": None}], wanted="csv")
    assert "old" not in {node["name"] for node in (await listed(shared))["nodes"]}
    run = KeeperRun(Deadline.after(60))
    await put_listing(shared, [row("old", link=link)], wanted="csv")
    await shared.start().keeper.report_files.collect("default", run)
    shared.clock.advance(minutes=2)
    [found] = [node for node in (await listed(shared))["nodes"] if node["name"] == "old"]
    assert (found["status"], found["downloadUrl"], found["archiveUrl"] is None) == ("COMPLETED", None, False)


async def put_record(shared: SharedLedger, name: str, *, long: bool = False) -> None:
    """A record and its file as earlier versions stored them; a long name stands in the record's body only."""
    digest = hashlib.sha256(orjson.dumps([name, "CSV", "2019-11-05T10:00:00+00:00"]).replace(b",", b", ")).hexdigest()
    folder, moment = "archive/tenant=default", "day=2019-11-05/100000.000000"
    body = {"name": name, "rawFormat": "CSV", "creationDate": "2019-11-05T10:00:00+00:00", "bytes": 3, "sha256": "x"}
    await put(shared, f"{folder}/files/{moment}!{digest}", b"a,b")
    await put(shared, f"{folder}/reports/{moment}!{digest if long else f'CSV!{name}'}", orjson.dumps(body))


@pytest.mark.parametrize("long", [False, True])
async def test_an_archived_report_that_the_vendor_has_dropped_is_shown(shared: SharedLedger, long: bool) -> None:
    name = "x" * 3000 if long else "usage"
    await put_record(shared, name, long=long)
    [node] = [node for node in (await listed(shared))["nodes"] if node["name"] == name]
    assert (node["status"], node["creationDate"]) == ("COMPLETED", "2019-11-05T10:00:00Z")
    key = node["archiveUrl"].partition("/archive/")[2].partition("?")[0]
    assert f"archive/{key}" in shared.bucket.objects


async def test_an_archived_report_is_not_archived_again_when_the_vendor_now_gives_it_an_id(
    shared: SharedLedger,
) -> None:
    await put_record(shared, "usage")
    shared.rde.add_report("usage", "CSV", "2019-11-05T10:00:00Z")
    run = KeeperRun(Deadline.after(60))
    await shared.start().keeper.report_files.collect("default", run)
    assert run.archived == 0
    [node] = [node for node in (await listed(shared))["nodes"] if node["name"] == "usage"]
    assert node["archiveUrl"] is not None


async def test_a_keys_stored_answer_is_replayed(shared: SharedLedger) -> None:
    start, end = "2019-11-07T17:02:59Z", "2019-12-07T17:02:59Z"
    asked = repr(("daily", None, "JSON", start, end, None))
    answer = {
        "id": "f40c942d",
        "name": "daily",
        "customization_name": None,
        "status": "completed",
        "type": "onetime",
        "raw_format": "json",
        "format": "JSON",
        "creation_date": "2019-12-05T11:00:00Z",
        "start_date": start,
        "end_date": end,
        "download_url": None,
        "download_url_expires_at": None,
    }
    record = {
        "phase": "DONE",
        "asked": hashlib.sha256(asked.encode()).hexdigest(),
        "holder": "x",
        "since": NOON - timedelta(hours=1),
        "answer": answer,
        "answered": NOON - timedelta(hours=1),
        "error": None,
    }
    key = hashlib.sha256(b"key-1").hexdigest()
    await put(shared, f"schedules/tenant=default/{key}/record.json", orjson.dumps(record))
    given = {"name": "daily", "format": "JSON", "startDate": start, "endDate": end, "idempotencyKey": "key-1"}
    payload = (await shared.start().ask(SCHEDULE, {"input": given}))["data"]["scheduleReport"]
    assert payload == {
        "replayed": True,
        "report": {
            "id": "f40c942d",
            "name": "daily",
            "status": "completed",
            "type": "onetime",
            "creationDate": "2019-12-05T11:00:00Z",
            "endDate": end,
            "report": {"status": "COMPLETED"},
        },
    }
    assert shared.rde.count("/reports", "POST") == 0
