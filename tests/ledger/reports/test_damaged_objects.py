"""A stored object of the reports' room that is not whole counts as lost and is logged; it is never half used."""

import logging
from typing import Any

import orjson
import pytest

from ledger.keeper.run import KeeperRun
from ledger.reports.idempotency import KeyRecord
from ledger.reports.stored import listing_from_json, report_from_json, scheduled_from_json
from runtime.clock import stamp
from runtime.compression import pack
from runtime.deadline import Deadline
from tests.support.processes.shared_ledger import NOON, SharedLedger
from tests.support.s3.memory_store import MemoryStore

REPORT: dict[str, Any] = {
    "name": "daily",
    "rawFormat": "json",
    "reportId": "f40c",
    "customizationName": None,
    "rawStatus": "completed",
    "rawType": "daily",
    "downloadUrl": None,
    "creationDate": "2019-11-05T00:00:00Z",
    "startDate": None,
    "endDate": None,
    "downloadUrlStartsAt": None,
    "downloadUrlExpiresAt": None,
}
LISTING = {"count": 1, "unreadable": 0, "reports": [REPORT]}
RECORD: dict[str, Any] = {
    "phase": "DONE",
    "asked": "a",
    "holder": "h",
    "since": "2019-12-05T12:00:00+00:00",
    "answer": REPORT,
    "answered": "2019-12-05T12:00:00+00:00",
    "error": None,
}
NOT_REPORTS: dict[str, Any] = {
    "nothing": None,
    "an empty object": {},
    "a list": [],
    "a text": "daily",
    **{f"no {key}": {name: value for name, value in REPORT.items() if name != key} for key in REPORT},
    "a name that is a number": REPORT | {"name": 7},
    "an id that is a number": REPORT | {"reportId": 7},
    "a date that is not one": REPORT | {"creationDate": "yesterday"},
    "a date without a zone": REPORT | {"creationDate": "2019-11-05T00:00:00"},
    "no date at all": REPORT | {"creationDate": None},
}
NOT_LISTINGS = {
    "an empty object": {},
    "a text": "reports",
    "no count": {"unreadable": 0, "reports": []},
    "another count": LISTING | {"count": 2},
    "no count of unreadable elements": {"count": 0, "reports": []},
    "reports that are an object": LISTING | {"reports": {}},
    **{f"a report with {what}": LISTING | {"reports": [value]} for what, value in NOT_REPORTS.items()},
}
NOT_RECORDS = {
    "an empty object": {},
    "a list": [],
    **{f"no {key}": {name: value for name, value in RECORD.items() if name != key} for key in RECORD},
    "an unknown phase": RECORD | {"phase": "HALF"},
    "a phase that is a number": RECORD | {"phase": 1},
    "an answer that is a list": RECORD | {"answer": []},
    "a call that is done without an answer": RECORD | {"answer": None},
    "a call that is done without its time": RECORD | {"answered": None},
    "an unknown outcome without an error": RECORD | {"phase": "UNKNOWN"},
    "an error with an unknown code": RECORD | {"phase": "UNKNOWN", "error": ["?", "x"]},
    "half an error": RECORD | {"phase": "UNKNOWN", "error": ["UPSTREAM_TIMEOUT"]},
    "a time that is not one": RECORD | {"since": "then"},
}


def test_what_is_whole_is_read() -> None:
    assert report_from_json(REPORT).report_id == "f40c"
    assert scheduled_from_json(REPORT) == report_from_json(REPORT)
    assert listing_from_json(LISTING).reports == [report_from_json(REPORT)]
    assert KeyRecord.from_bytes(orjson.dumps(RECORD), "e").answer == REPORT


@pytest.mark.parametrize("value", NOT_REPORTS.values(), ids=NOT_REPORTS.keys())
def test_a_report(value: object) -> None:
    for read in (report_from_json, scheduled_from_json):
        with pytest.raises(ValueError):  # noqa: PT011 - each value has a reason of its own
            read(value)


@pytest.mark.parametrize("value", NOT_LISTINGS.values(), ids=NOT_LISTINGS.keys())
def test_a_listing(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - likewise
        listing_from_json(value)


@pytest.mark.parametrize("value", NOT_RECORDS.values(), ids=NOT_RECORDS.keys())
def test_an_idempotency_record(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - likewise
        KeyRecord.from_bytes(orjson.dumps(value), "e")


QUERY = """{ reports(from: "2019-11-01", to: "2019-11-20") { totalCount freshness { source } nodes { name } } }"""
FOLDER = "answers/tenant=default"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("key", "body"),
    [
        (f"{FOLDER}/reports/2019-11-01_2019-11-20_any/{stamp(NOON)}.json.gz", b"rubbish"),
        (f"{FOLDER}/reports/2019-11-01_2019-11-20_any/{stamp(NOON)}.json.gz", pack(b"{}")),
        (f"{FOLDER}/reports/2019-11-01_2019-11-20_any/yesterday.json.gz", pack(orjson.dumps(LISTING))),
        (f"{FOLDER}/scheduled/soon", b""),
        ("archive/tenant=default/reports/day=2019-11-05/rubbish", b"rubbish"),
        ("archive/tenant=default/reports/day=2019-11-05/100000.000000!CSV!x!y", b""),
        ("archive/tenant=default/reports/day=2019-11-05/999999.000000!CSV!x", b""),
        ("archive/tenant=default/reports/day=2019-11-05/100000.000000!0c", b"{}"),
        ("archive/tenant=default/reports/day=2019-11-05/100000.000000!0c", b'["x"]'),
    ],
    ids=range(9),
)
async def test_rubbish_among_what_a_listing_reads_changes_no_answer_and_is_logged(
    shared: SharedLedger, key: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    await MemoryStore(shared.bucket).put(key, body)
    answer = (await shared.start().ask(QUERY))["data"]["reports"]
    assert (answer["totalCount"], answer["freshness"]["source"]) == (6, "UPSTREAM")
    assert key in caplog.text
    await shared.start().keeper.report_files.collect("default", KeeperRun(Deadline.after(60)))
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
