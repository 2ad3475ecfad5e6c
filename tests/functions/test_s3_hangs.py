"""With an S3 that accepts requests and never answers, every answer is out in time, with what can still be answered."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from functions.exporter_handler import ExporterHandler
from functions.keeper_handler import KeeperHandler
from functions.settings import Settings
from functions.wiring import keeper_of
from ledger.storage.store import LedgerUnavailable
from local.aws import Aws
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from tests.support.api.frontend import EVERY_SCOPE, Frontend, InvocationContext, Reply, StartFrontend, http_event
from tests.support.s3.slow_s3 import SlowS3

pytestmark = pytest.mark.slow

LOG = """{ creditLog(from: "2019-11-12T00:00:00Z", to: "2019-11-14T00:00:00Z") {
  totalCount nodes { creditId } freshness { source } } }"""
OUTCOME = """{ creditOutcome(from: "2019-11-12T00:00:00Z", to: "2019-11-14T00:00:00Z") {
  rows { brand } freshness { source } } }"""
BALANCE = """{ creditReconciliation(from: "2019-11-12T00:00:00Z", to: "2019-11-14T00:00:00Z") {
  balanced freshness { source } } }"""
REPORTS = """{ reports(from: "2019-11-05", to: "2019-12-03") { totalCount freshness { source } } }"""
EXPORT_STATUS = """{ creditLogExport(id: "0123456789abcdef0123456789abcdef") { status } }"""
EXPORT = """mutation { exportCreditLog(input: {
  from: "2019-11-12T00:00:00Z", to: "2019-11-14T00:00:00Z", format: CSV}) { id } }"""
SCHEDULE = """mutation($key: String) { scheduleReport(input: {
  name: "daily", format: JSON, startDate: "2019-11-07T17:02:59Z", endDate: "2019-12-07T17:02:59Z",
  idempotencyKey: $key}) { report { id } replayed } }"""
ANSWERED_WITHOUT_S3 = {"creditLog": LOG, "creditOutcome": OUTCOME, "creditReconciliation": BALANCE, "reports": REPORTS}
NEEDS_S3 = {"creditLogExport": EXPORT_STATUS, "exportCreditLog": EXPORT}
SPARE_SECONDS = 0.5


@pytest.fixture
def s3(aws: Aws) -> Iterator[SlowS3]:
    with SlowS3(aws.endpoint) as s3:
        yield s3


@pytest.fixture
def warm(start: StartFrontend, s3: SlowS3) -> Frontend:
    """A process that has loaded its clients and credentials while S3 was well."""
    frontend = start(AWS_ENDPOINT_URL=s3.url)
    frontend.data('{ creditLog(from: "2019-10-01T00:00:00Z", to: "2019-10-02T00:00:00Z") { totalCount } }')
    frontend.data('{ reports(from: "2019-10-01", to: "2019-10-02") { totalCount } }')
    s3.requests.clear()
    return frontend


def timed(frontend: Frontend, query: str, seconds: float, **variables: Any) -> Reply:
    """The answer to a query that must be out half a second before its invocation ends."""
    began = time.monotonic()
    reply = frontend.ask(query, variables, seconds=seconds)
    assert time.monotonic() - began < seconds - SPARE_SECONDS
    return reply


@pytest.mark.parametrize("seconds", [3, 10])
@pytest.mark.parametrize("field", ANSWERED_WITHOUT_S3)
def test_a_query_is_answered_from_the_vendor(field: str, seconds: float, warm: Frontend, s3: SlowS3) -> None:
    s3.hang()
    reply = timed(warm, ANSWERED_WITHOUT_S3[field], seconds)
    assert reply.errors == []
    assert reply.data is not None
    assert reply.data[field]["freshness"] == {"source": "UPSTREAM"}
    assert s3.waiting > 0


@pytest.mark.parametrize("seconds", [3, 10])
@pytest.mark.parametrize("field", NEEDS_S3)
def test_what_only_s3_knows_is_unavailable(field: str, seconds: float, warm: Frontend, s3: SlowS3) -> None:
    s3.hang()
    assert timed(warm, NEEDS_S3[field], seconds).codes == ["LEDGER_UNAVAILABLE"]


def test_a_query_known_by_its_hash_has_to_be_sent_in_full(warm: Frontend, s3: SlowS3) -> None:
    s3.hang()
    body = json.dumps({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}}})
    headers = {"content-type": "application/json"}
    event = http_event("POST", "/graphql", headers=headers, body=body, claims={"scope": EVERY_SCOPE})
    began = time.monotonic()
    assert b"PERSISTED_QUERY_NOT_FOUND" in warm.send(event, 3).body
    assert time.monotonic() - began < 3 - SPARE_SECONDS


@pytest.mark.parametrize("field", ANSWERED_WITHOUT_S3)
@pytest.mark.parametrize("seconds", [3, 10])
def test_an_answer_comes_though_s3_hangs_from_the_vendors_call_on(
    field: str,
    seconds: float,
    warm: Frontend,
    s3: SlowS3,
    rde_simulator: RdeSimulator,
    openmarket_simulator: OpenMarketSimulator,
) -> None:
    before = len(rde_simulator.requests) + len(openmarket_simulator.requests)
    s3.hangs = lambda *_: len(rde_simulator.requests) + len(openmarket_simulator.requests) > before
    reply = timed(warm, ANSWERED_WITHOUT_S3[field], seconds)
    assert reply.errors == []
    assert s3.waiting > 0


@pytest.mark.parametrize("key", [None, "once"])
@pytest.mark.parametrize("seconds", [3, 10])
def test_nothing_is_posted_whose_result_could_not_be_kept(
    key: str | None, seconds: float, warm: Frontend, s3: SlowS3, rde_simulator: RdeSimulator
) -> None:
    s3.hang()
    reply = timed(warm, SCHEDULE, seconds, key=key)
    posts = rde_simulator.count("/reports", "POST")
    if key is not None:
        assert (reply.codes, posts) == (["LEDGER_UNAVAILABLE"], 0)
    else:
        assert (reply.codes, posts) in [([], 1), (["UPSTREAM_TIMEOUT"], 0)]
        assert posts == 1 or seconds == 3


@pytest.mark.parametrize("key", [None, "once"])
@pytest.mark.parametrize("seconds", [3, 10])
def test_a_report_that_was_scheduled_is_answered_though_s3_hangs_from_then_on(
    key: str | None, seconds: float, warm: Frontend, s3: SlowS3, rde_simulator: RdeSimulator
) -> None:
    s3.hangs = lambda *_: rde_simulator.count("/reports", "POST") > 0
    reply = timed(warm, SCHEDULE, seconds, key=key)
    assert reply.errors == []
    assert rde_simulator.count("/reports", "POST") == 1


def test_a_claimed_key_posts_nothing_when_s3_hangs_before_the_post(
    warm: Frontend, s3: SlowS3, rde_simulator: RdeSimulator
) -> None:
    s3.hangs = lambda method, path: method == "PUT" and "/scheduled/" in path
    assert timed(warm, SCHEDULE, 10, key="once").codes == ["LEDGER_UNAVAILABLE"]
    assert rde_simulator.count("/reports", "POST") == 0
    s3.hangs = lambda *_: False
    assert timed(warm, SCHEDULE, 29, key="once").errors == [], "once the lease has expired: nothing was posted"
    assert rde_simulator.count("/reports", "POST") == 1


def test_a_vendor_that_is_slow_as_well_ends_the_query_in_time(
    warm: Frontend, s3: SlowS3, openmarket_simulator: OpenMarketSimulator
) -> None:
    before = len(openmarket_simulator.requests)
    s3.hangs = lambda *_: len(openmarket_simulator.requests) > before
    openmarket_simulator.latency = 5
    assert timed(warm, LOG, 3).codes == ["UPSTREAM_TIMEOUT"]


@pytest.mark.parametrize("delay", [0.05, 1.0])
def test_a_slow_s3_is_waited_for_when_there_is_time(
    delay: float, warm: Frontend, start: StartFrontend, s3: SlowS3
) -> None:
    s3.delay = delay
    assert timed(warm, LOG, 29).errors == []
    s3.delay = 0.0
    frontend = start(AWS_ENDPOINT_URL=s3.url)
    assert frontend.data(LOG)["creditLog"]["freshness"] == {"source": "CACHE"}, "each day was stored"


def test_a_keeper_ends_in_time(settings_environ: dict[str, str], s3: SlowS3) -> None:
    s3.hang()
    settings = Settings.read(settings_environ | {"AWS_ENDPOINT_URL": s3.url})
    with closing(KeeperHandler(keeper_of(settings))) as keeper:
        began = time.monotonic()
        summary = keeper({}, InvocationContext(8))
        assert time.monotonic() - began < 8
    assert summary["failed"] > 0
    assert s3.waiting > 0


def test_an_exporter_ends_in_time(settings_environ: dict[str, str], s3: SlowS3) -> None:
    s3.hang()
    settings = Settings.read(settings_environ | {"AWS_ENDPOINT_URL": s3.url, "EXPORTER_FUNCTION": "exporter"})
    with closing(ExporterHandler(settings)) as exporter:
        began = time.monotonic()
        with pytest.raises(LedgerUnavailable):
            exporter({"tenant": "default", "id": "0" * 32}, InvocationContext(8))
        assert time.monotonic() - began < 8


@pytest.mark.parametrize("seconds", [3, 10])
def test_stored_rows_that_cannot_be_read_are_asked_for_again(
    seconds: float, start: StartFrontend, warm: Frontend, s3: SlowS3, openmarket_simulator: OpenMarketSimulator
) -> None:
    stored = start().data(LOG)["creditLog"]
    before = openmarket_simulator.count("/csv/log")
    s3.hangs = lambda method, path: method == "GET" and ".csv.gz" in path
    reply = timed(warm, LOG, seconds)
    assert reply.errors == []
    assert reply.data is not None
    assert reply.data["creditLog"]["nodes"] == stored["nodes"]
    assert openmarket_simulator.count("/csv/log") > before


def test_scheduling_without_a_key_reads_nothing_from_s3(warm: Frontend, s3: SlowS3) -> None:
    assert warm.ask(SCHEDULE, {"key": None}).errors == []
    assert s3.requests
    assert [path for method, path in s3.requests if method == "GET"] == []
