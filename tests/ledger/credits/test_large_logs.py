"""A log that is too large for memory: the days are the same as those of a log in memory, or there is none at all."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.credits.day_fetcher import DayFetcher, rows_by_day
from ledger.credits.day_query import DayQuery
from ledger.credits.large_logs import OrderedLog, ordered
from ledger.days.blocks import BlockWriter
from ledger.days.day_store import DayStore
from ledger.days.rows import Rows, decode
from ledger.days.sorted_rows import RowSorter
from ledger.days.superseded_rows import SupersededRows
from ledger.storage.store import LedgerUnavailable
from local.vendors.credits import SimulatedCredit
from local.vendors.csv_shapes import SHAPES
from local.vendors.simulator import Fault, breaking_off, cut_off, failing, shortened
from runtime.clock import DAY, Period
from runtime.compression import unpack
from runtime.deadline import Deadline
from tests.support.open_files import open_files
from tests.support.processes.shared_ledger import NOON, SharedLedger
from upstreams.bodies import BodyWriter, SpooledBody
from upstreams.errors import UpstreamAnswerTooLarge, UpstreamBadResponse, UpstreamError, UpstreamTimeout
from upstreams.openmarket.client import LogRow, SpooledLog
from upstreams.openmarket.csv import log_rows

START, END = datetime(2019, 11, 12, tzinfo=UTC), datetime(2019, 11, 15, tzinfo=UTC)
DAYS = [date(2019, 11, 12), date(2019, 11, 13), date(2019, 11, 14)]
COUNTED = """query($from: DateTime!, $to: DateTime!) {
  creditLog(from: $from, to: $to) { totalCount summary(by: []) { count } } }"""
DICE = Random(1)  # noqa: S311 - repeatable
HEADER = b"Credit ID,Time (UTC),MSISDN,Network,Outcome,Amount,Currency\n"


def log_of(rows: list[LogRow], ending: bytes = b"") -> SpooledLog:
    writer = BodyWriter(0, 2**30)
    writer.write(HEADER)
    for row in rows:
        writer.write(",".join([str(row[0]), str(row.time)[:26].partition("+")[0], *row[2:]]).encode() + b"\n")
    writer.write(ending)
    body = writer.finish()
    assert isinstance(body, SpooledBody)
    return SpooledLog(body, log_rows, proven_whole=True)


def row(credit_id: int, time: datetime, outcome: str = "SUCCESS") -> LogRow:
    return LogRow(credit_id, time, "447700900001", "O2", outcome, "1.5", "GBP")


async def days_of(log: OrderedLog) -> dict[date, Rows]:
    with closing(log):
        encoded = log.encoded(BlockWriter, Deadline.after(60))
        return {day: decode(found.body, day, found.count) async for day, found in encoded}


rows = st.lists(
    st.builds(
        row,
        st.integers(1, 12) | st.integers(2**64 - 3, 2**64 - 1),
        st.integers(-2, 3 * 86_400 + 2).map(lambda seconds: START + timedelta(seconds=seconds))
        | st.sampled_from([START + timedelta(hours=12, microseconds=5), START + timedelta(hours=12)]),
        st.sampled_from(["SUCCESS", "failed"]),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(rows)
def test_the_days_of_a_log_on_disk_are_those_of_one_in_memory(found: list[LogRow]) -> None:
    """Of several rows with one credit id the last one counts, whichever of the wanted days they belong to."""
    by_day = rows_by_day(found, DAYS)
    made = asyncio.run(ordered_days(found))
    assert {day: list(made[day].cells) for day in DAYS} == {day: list(Rows.of(by_day[day]).cells) for day in DAYS}


async def ordered_days(found: list[LogRow]) -> dict[date, Rows]:
    in_runs = partial(RowSorter, run_rows=4, page_rows=2)
    return await days_of(await ordered(log_of(found), DAYS, Deadline.after(60), batch_rows=3, new_sorter=in_runs))


@settings(deadline=None)
@given(
    st.integers(0, 120),
    st.integers(1, 20),
    st.integers(1, 5),
    st.sampled_from(["as it is", "sorted", "nearly sorted"]),
)
def test_rows_are_sorted_in_runs_of_any_length(count: int, run_rows: int, page_rows: int, order: str) -> None:
    found = [row(DICE.getrandbits(64), START + timedelta(seconds=DICE.randrange(60))) for _ in range(count)]
    if order != "as it is":
        found.sort(key=lambda each: each.time + timedelta(milliseconds=each.credit_id % 7 * (order != "sorted")))
    sorter = RowSorter(run_rows, page_rows)
    with closing(sorter):
        for at in range(0, len(found), 3):
            sorter.add(found[at : at + 3])
        sorter.finish()
        for _ in range(2):
            assert [cell for piece in sorter.sorted() for cell in piece.cells] == list(Rows.of(found).cells)


def test_sorted_rows_are_one_run_and_others_are_few() -> None:
    times = [START + timedelta(seconds=second) for second in range(5000)]
    shuffled = DICE.sample(times, len(times))
    nearly = sorted(times, key=lambda time: time + timedelta(seconds=DICE.randrange(90)))
    for order, most in ((times, 1), (nearly, 1), (shuffled, 50)):
        sorter = RowSorter(run_rows=200, page_rows=16)
        with closing(sorter):
            for number, time in enumerate(order):
                sorter.add([row(number, time)])
            sorter.finish()
            assert len(sorter._runs) <= most


@given(st.lists(st.integers(0, 9) | st.integers(2**64 - 2, 2**64 - 1) | st.integers(60, 62), max_size=40))
def test_the_last_of_several_rows_with_one_credit_id_is_not_superseded(ids: list[int]) -> None:
    superseded = SupersededRows()
    for at in range(0, len(ids), 7):
        superseded.add(iter(ids[at : at + 7]))
    marks = superseded.found() or bytes(len(ids))
    assert [bool(mark) for mark in marks] == [credit_id in ids[place + 1 :] for place, credit_id in enumerate(ids)]
    assert (superseded.found() is None) == (len(set(ids)) == len(ids))


@pytest.mark.anyio
async def test_a_log_whose_last_line_is_cut_off_is_refused_and_deleted() -> None:
    before = open_files()
    found = [row(number, START + timedelta(seconds=number)) for number in range(50)]
    with pytest.raises(UpstreamBadResponse, match="cut off"):
        await ordered(log_of(found, b"51,2019-11-12 00:"), DAYS, Deadline.after(60))
    assert open_files() == before


@pytest.mark.anyio
async def test_reading_ends_at_the_deadline_and_the_vendor_is_not_blamed() -> None:
    before = open_files()
    found = [row(number, START + timedelta(seconds=number)) for number in range(50)]
    with pytest.raises(UpstreamTimeout) as caught:
        await ordered(log_of(found), DAYS, Deadline.after(0))
    assert caught.value.hurried
    log = await ordered(log_of(found), DAYS, Deadline.after(60))
    with closing(log), pytest.raises(UpstreamTimeout):
        _ = [day async for day, _ in log.encoded(BlockWriter, Deadline.after(0))]
    assert open_files() == before


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file of this process can be larger: to the writer it is as though the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def scattered(count: int) -> list[LogRow]:
    times = [START + timedelta(seconds=DICE.randrange(86_400)) for _ in range(count)]
    return [row(DICE.getrandbits(64), time) for time in times]


@pytest.mark.anyio
async def test_rows_that_do_not_fit_on_the_disk_are_too_large() -> None:
    log, before = log_of(scattered(3000)), open_files()
    with full_disk(5000), pytest.raises(UpstreamAnswerTooLarge, match="does not fit on the disk"):
        await ordered(log, DAYS[:1], Deadline.after(60))
    assert open_files() == before - 1


def stored(shared: SharedLedger) -> dict[str, str]:
    """The objects of days, as text."""
    objects = {key: each.body for key, each in shared.bucket.objects.items() if "/day=" in key and ".gz" in key}
    return {key: unpack(body).decode() for key, body in objects.items() if "rows" in key or "_open" in key}


async def fetch(shared: SharedLedger, seconds: float = 20) -> list[int | None]:
    """Let a new process fetch three days; how many rows each has."""
    log = shared.start().credit_log
    snapshot = await log.snapshot("default", None, Period(START, END), Deadline.after(seconds))
    return [version.count for version in snapshot.versions]


@pytest.mark.anyio
@pytest.mark.parametrize("shape", ["documented", "spreadsheet", "windows", "gzip", "no-length"])
async def test_a_large_answer_is_stored_as_a_small_one_is(shared: SharedLedger, shape: str) -> None:
    vendor = shared.openmarket
    vendor.rows_a_day, vendor.shape = 60, SHAPES[shape]
    time = START + timedelta(hours=7)
    once = SimulatedCredit(7, time, "4477", "Telefónica", "1.50", "GBP", "MyBrand", "retrying", "retrying", time)
    vendor.add(once, once._replace(time=time + DAY, first="SUCCESS", final="SUCCESS"))
    counts, in_memory, connected = await fetch(shared), stored(shared), shared.vendors
    shared.bucket.objects.clear()
    shared.spool_answers(in_memory=1000)
    assert shared.vendors is not connected  # whose connections are closed with the event loop, not before
    assert await fetch(shared) == counts == [60, 61, 60]
    assert stored(shared) == in_memory
    assert len(in_memory) == 3
    assert await shown(shared) == 181


async def shown(shared: SharedLedger) -> int:
    answer = await shared.start().ask(COUNTED, {"from": START.isoformat(), "to": END.isoformat()})
    log = answer["data"]["creditLog"]
    assert sum(bucket["count"] for bucket in log["summary"]) == log["totalCount"]
    return int(log["totalCount"])


@pytest.mark.anyio
@pytest.mark.parametrize(
    "fault", [shortened(0.9), cut_off(0.9), breaking_off(0.9), breaking_off(0.9, "deflate"), failing(500)]
)
async def test_of_an_answer_that_breaks_off_nothing_is_stored(shared: SharedLedger, fault: Fault) -> None:
    shared.openmarket.rows_a_day = 60
    shared.spool_answers(in_memory=1000)
    shared.openmarket.misbehave(fault, times=None)
    before = open_files()
    with pytest.raises(UpstreamError):
        await fetch(shared)
    assert stored(shared) == {}
    assert open_files() == before
    shared.openmarket.behave()
    assert await fetch(shared) == [60, 60, 60]
    assert open_files() == before


@pytest.mark.anyio
async def test_an_answer_that_does_not_fit_on_the_disk_is_asked_for_in_halves(shared: SharedLedger) -> None:
    shared.openmarket.rows_a_day = 600
    shared.spool_answers(in_memory=1000)
    before = open_files()
    with full_disk(22_000):
        assert await fetch(shared) == [600, 600, 600]
    assert [(end - start).days for start, end in shared.asked_periods] == [3, 1, 2, 1, 1]
    assert open_files() == before


@pytest.mark.anyio
async def test_only_a_single_day_may_be_larger_than_several_days_together(shared: SharedLedger) -> None:
    """Many large days in one answer might never come in time, a day at a time they do."""
    shared.openmarket.rows_a_day = 60
    shared.spool_answers(in_memory=1000)
    fetcher, query = fetching(shared)
    fetched = await replace(fetcher, several_days_bytes=2000).fetch(query, DAYS)
    assert [version.count for version in fetched.versions] == [60, 60, 60]
    assert [(end - start).days for start, end in shared.asked_periods] == [3, 1, 2, 1, 1]


@pytest.mark.anyio
async def test_a_single_day_that_does_not_fit_on_the_disk_is_one_clear_error(shared: SharedLedger) -> None:
    shared.openmarket.rows_a_day = 600
    shared.spool_answers(in_memory=1000)
    before = open_files()
    with full_disk(2000), pytest.raises(UpstreamAnswerTooLarge, match="does not fit on the disk"):
        await fetch(shared)
    assert stored(shared) == {}
    assert open_files() == before


@pytest.mark.anyio
async def test_without_s3_a_large_answer_answers_from_memory(shared: SharedLedger) -> None:
    shared.openmarket.rows_a_day = 60
    shared.spool_answers(in_memory=1000)
    shared.bucket.down = True
    assert await shown(shared) == 180


def fetching(shared: SharedLedger) -> tuple[DayFetcher, DayQuery]:
    """What fetches days in a new process, and a query to fetch them for."""
    process = shared.start()
    query = DayQuery(DayStore(process.store, "default", None), "default", None, NOON, Deadline.after(20))
    return process.credit_log._fetcher, query


@pytest.mark.anyio
async def test_without_s3_more_rows_than_memory_takes_are_an_error(shared: SharedLedger) -> None:
    shared.openmarket.rows_a_day = 60
    shared.spool_answers(in_memory=1000)
    fetcher, query = fetching(shared)
    query.offline = True
    before = open_files()
    with pytest.raises(LedgerUnavailable, match="too many for memory"):
        await replace(fetcher, rows_without_s3=179).fetch(query, DAYS)
    assert open_files() == before
