"""What the keeper collects: which link it takes, in which order, and which stored listings it reads again."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger.answers.answers import SUFFIX
from ledger.keeper.report_files import FILES_AT_ONCE, _candidates
from ledger.keeper.run import KeeperRun
from ledger.reports.listings import listings
from local.vendors.simulator import failing
from runtime.clock import DAY
from runtime.deadline import Deadline
from tests.support.processes.ledger_process import LedgerProcess
from tests.support.processes.shared_ledger import SharedLedger
from upstreams.rde.client import Report

pytestmark = pytest.mark.anyio
NOON = datetime(2024, 6, 10, 12, tzinfo=UTC)
"""Of a day on which the vendor no longer lists the reports that the simulator begins with."""
LISTED = Report(
    name="usage",
    raw_format="CSV",
    creation_date=NOON,
    download_url="https://vendor.example/1",
    download_url_expires_at=NOON,
)
SOONER, LATER = "https://vendor.example/sooner", "https://vendor.example/later"


def link(url: str | None, hours: float | None, **changes: Any) -> Report:
    """The same report again, with a link that lives for some hours; None: without an expiry."""
    ends = None if hours is None else NOON + timedelta(hours=hours)
    return replace(LISTED, download_url=url, download_url_expires_at=ends, **changes)


@pytest.mark.parametrize(
    ("first", "second", "taken"),
    [
        (link(SOONER, 1), link(LATER, 2), LATER),
        (link(LATER, 2), link(SOONER, 1), LATER),
        (link(SOONER, 1), link(LATER, 1), SOONER),
        (link(SOONER, None), link(LATER, 2), SOONER),
        (link(SOONER, 1), link(LATER, None), SOONER),
        (link(None, 2), link(LATER, 1), LATER),
        (link(SOONER, 1), link(None, 2), SOONER),
    ],
)
def test_of_two_links_to_a_report_the_one_that_lives_longer_is_taken(first: Report, second: Report, taken: str) -> None:
    for listings_ in ([[first], [second]], [[first, second]]):
        [candidate] = _candidates(listings_)
        assert candidate.links[0] == taken


def test_reports_of_another_name_format_or_moment_are_others() -> None:
    reports = [link(LATER, 1), link(LATER, 1, name="other"), link(LATER, 1, raw_format="JSON")]
    reports.append(replace(LISTED, creation_date=NOON - DAY))
    assert len(_candidates([reports])) == 4


def test_a_report_without_a_link_is_not_collected() -> None:
    assert _candidates([[link(None, None)], []]) == []


def test_the_other_links_of_a_report_are_tried_after_the_best_one() -> None:
    [candidate] = _candidates([[link(SOONER, 1)], [link(LATER, 2)], [link(SOONER, 1)]])
    assert candidate.links == [LATER, SOONER]


def test_reports_that_differ_in_the_vendors_id_alone_are_two() -> None:
    both = [link(SOONER, 1, report_id="a"), link(LATER, 1, report_id="b")]
    assert [candidate.links for candidate in _candidates([both])] == [[SOONER], [LATER]]


def test_a_row_from_before_there_were_ids_is_the_report_that_fits_it() -> None:
    [candidate] = _candidates([[link(SOONER, 1)], [link(LATER, 1, report_id="a")]])
    assert (candidate.report.report_id, candidate.links) == ("a", [LATER, SOONER])


@pytest.fixture
def add(shared: SharedLedger) -> Callable[[str, float], None]:
    """Have the vendor list one more report, made so many days ago, and no others."""
    shared.clock.moment = NOON
    return lambda name, days: shared.rde.add_report(name, "CSV", f"{NOON - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}")


async def collect(process: LedgerProcess, run: KeeperRun | None = None) -> KeeperRun:
    run = run or KeeperRun(Deadline.after(120))
    await process.keeper.report_files.collect("default", run)
    return run


def fetched(shared: SharedLedger) -> list[str]:
    """The files that the vendor was asked for, by their report's name."""
    paths = [request.path for request in shared.rde.requests]
    return [path.rpartition("/")[2].partition(".")[0] for path in paths if path.startswith("/rdecontainer/")]


def read_listings(shared: SharedLedger) -> int:
    """How often a stored listing was read since the last time."""
    read = [key for key in shared.bucket.asked("GET") if key.startswith(listings("default"))]
    shared.bucket.seen.clear()
    return len(read)


async def test_every_listed_file_is_copied_once(shared: SharedLedger, add: Callable[[str, float], None]) -> None:
    for number in range(5):
        add(f"report-{number}", number)
    process = shared.start()
    assert (await collect(process)).archived == 5
    again = await collect(process)
    assert (again.archived, again.failed, again.complete) == (0, 0, True)
    assert len(fetched(shared)) == 5


async def test_the_newest_files_go_first(shared: SharedLedger, add: Callable[[str, float], None]) -> None:
    for number in (4, 0, 3, 1, 2, 5):
        add(f"report-{number}", number)

    async def until_three_have_arrived() -> None:
        while 0 < len(fetched(shared)) < FILES_AT_ONCE:  # noqa: ASYNC110 - the vendor has a thread of its own
            await asyncio.sleep(0.01)

    shared.rde.pause = until_three_have_arrived
    await collect(shared.start())
    assert sorted(fetched(shared)[:FILES_AT_ONCE]) == ["report-0", "report-1", "report-2"]


async def test_without_a_listing_the_stored_ones_still_lead_to_files(
    shared: SharedLedger, add: Callable[[str, float], None]
) -> None:
    add("report", 1)
    today = NOON.date()
    await shared.start().reports.listing("default", today - 2 * DAY, today, Deadline.after(20))
    shared.rde.misbehave(failing(500), times=None, path="/reports")
    run = await collect(shared.start())
    assert (run.archived, run.failed) == (1, 1)


async def test_a_listing_is_read_again_until_its_last_file_is_archived(
    shared: SharedLedger, add: Callable[[str, float], None]
) -> None:
    add("good", 1)
    add("bad", 2)
    [bad] = [name for name in shared.rde.blobs.names() if name.startswith("bad.")]
    shared.rde.misbehave(failing(503), times=None, path=bad)
    process = shared.start()
    first = await collect(process)
    assert (first.archived, first.failed) == (1, 1)
    read_listings(shared)
    await collect(process)
    assert read_listings(shared) == 1
    shared.rde.behave()
    assert (await collect(process)).archived == 1
    read_listings(shared)
    await collect(process)
    assert read_listings(shared) == 0


async def test_a_run_without_time_copies_nothing_and_reads_the_listing_again(
    shared: SharedLedger, add: Callable[[str, float], None]
) -> None:
    add("report", 1)
    process, run = shared.start(), KeeperRun(Deadline.after(20), reserve_seconds=30)
    await collect(process, run)
    assert (run.archived, run.failed, run.complete) == (0, 0, False)
    assert fetched(shared) == []
    assert (await collect(process)).archived == 1


async def test_a_listing_that_cannot_be_read_stops_no_other(
    shared: SharedLedger, add: Callable[[str, float], None]
) -> None:
    add("report", 1)
    process = shared.start()
    await process.reports.listing("default", NOON.date() - DAY, NOON.date(), Deadline.after(20))
    [key] = [key for key in shared.bucket.objects if key.startswith(listings("default")) and key.endswith(SUFFIX)]
    broken = f"{listings('default')}/2024-05-01_2024-05-31_any/{key.rpartition('/')[2]}"
    await process.store.put(broken, b"rubbish")
    shared.bucket.seen.clear()
    run = await collect(process)
    assert (run.archived, run.failed) == (1, 0)
    assert broken in shared.bucket.asked("GET")
