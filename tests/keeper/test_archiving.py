"""Copying report files: byte for byte or not at all, from where it is allowed, and never more than a GET."""

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.settings import Settings
from functions.wiring import Parts, keeper_of, store_of
from ledger.keeper.run import KeeperRun
from ledger.reports.archive import ReportKey, file_key
from ledger.reports.archiving import Archiver
from ledger.storage.store import PART_BYTES
from local.blobs import CONTAINER
from local.simulator import Fault, SimulatorResponse, answering_html, cut_off, failing, hanging_up
from runtime.clock import now
from runtime.deadline import Deadline
from tests.keeper.house import House
from upstreams.errors import UpstreamBadResponse, UpstreamTimeout
from upstreams.rde.files import ReportFiles

CONTENT = b"day,amount\n2026-11-01,1.50\n"
LARGE = os.urandom(PART_BYTES * 2 + 12_345)


def identity(name: str, created: str) -> ReportKey:
    return ReportKey(name, "CSV", now().fromisoformat(created))


@pytest.mark.parametrize("content", [b"", CONTENT, LARGE[:PART_BYTES], LARGE], ids=["empty", "small", "part", "parts"])
def test_a_file_of_any_size_is_kept_byte_for_byte_with_its_digest(house: House, content: bytes) -> None:
    house.rde.add_report("usage", "CSV", house.ago(days=1), file=lambda: content)
    assert house.keep()["archived"] == 1
    [record] = house.records()
    assert (record["name"], record["rawFormat"]) == ("usage", "CSV")
    assert (record["bytes"], record["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert house.keys("archive/tenant=default/files/") == [record["file"]]
    assert house.read(record["file"]) == content


def sent_to(address: str) -> Fault:
    return Fault(lambda _: SimulatorResponse(302, headers=(("location", address),)))


@pytest.mark.parametrize(
    ("content", "fault", "reason"),
    [
        (CONTENT, cut_off(0.7), "broke"),
        (LARGE, cut_off(0.7), "broke"),
        (CONTENT, hanging_up(), "broke"),
        (CONTENT, failing(503), "out of service"),
        (CONTENT, failing(404), "status 404"),
        (CONTENT, failing(403), "refused"),
        (CONTENT, answering_html(), "a page came"),
        (CONTENT, sent_to("https://elsewhere.example/x"), "not allowed"),
        (CONTENT, sent_to("http://169.254.169.254/latest/"), "not allowed"),
    ],
    ids=range(9),
)
def test_a_file_that_does_not_come_whole_leaves_nothing_and_is_tried_again(
    house: House, caplog: pytest.LogCaptureFixture, content: bytes, fault: Fault, reason: str
) -> None:
    house.rde.add_report("bad", "CSV", house.ago(days=1), file=lambda: content)
    house.rde.add_report("good", "CSV", house.ago(days=2), file=lambda: CONTENT)
    house.rde.misbehave(fault, path=blob(house, "bad"))
    summary = house.keep()
    assert (summary["archived"], summary["failed"]) == (1, 1)
    assert [record["name"] for record in house.records()] == ["good"]
    assert len(house.keys("archive/tenant=default/files/")) == 1
    assert house.unfinished_uploads() == []
    [line] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "'bad'" in line
    assert reason in line
    assert "sig=" not in line
    assert house.keep()["archived"] == 1
    assert [house.read(record["file"]) for record in house.records()] == [CONTENT, content]


def blob(house: House, name: str) -> str:
    """The path of a report's file."""
    [found] = [each for each in house.rde.blobs.names() if each.startswith(f"{name}.")]
    return CONTAINER + found


def test_a_file_that_is_archived_is_never_fetched_again(house: House) -> None:
    house.rde.add_report("usage", "CSV", house.ago(days=1))
    house.keep()
    house.clock.advance(hours=30)
    assert house.keep()["archived"] == 0
    assert house.downloads() == 1


def test_a_dead_link_is_not_tried(house: House) -> None:
    house.rde.link_life = timedelta(seconds=-1)
    house.rde.add_report("usage", "CSV", house.ago(days=1))
    summary = house.keep()
    assert (summary["archived"], summary["failed"], house.downloads()) == (0, 0, 0)


def test_a_link_leads_nowhere_but_to_the_allowed_hosts(house: House) -> None:
    house.rde.add_report("usage", "CSV", house.ago(days=1))
    summary = house.keep(REPORT_HOSTS="files.example.com")
    assert (summary["archived"], summary["failed"], house.downloads()) == (0, 1, 0)


def test_the_vendor_s_files_are_read_and_nothing_else(house: House) -> None:
    for day in range(3):
        house.rde.add_report(f"usage-{day}", "CSV", house.ago(days=day))
    house.keep()
    asked = [request for request in house.rde.requests if request.path.startswith(CONTAINER)]
    assert [request.method for request in asked] == ["GET"] * 3
    assert not any("authorization" in request.headers or "x-subscription-key" in request.headers for request in asked)


def test_a_report_of_any_listing_that_somebody_asked_for_is_archived(house: House) -> None:
    house.rde.add_report("ancient", "CSV", house.ago(days=200), file=lambda: CONTENT)
    house.keep()
    assert house.records() == []
    first, last = house.today - timedelta(days=210), house.today - timedelta(days=190)
    listed: dict[str, Any] = {"from": str(first), "to": str(last)}
    house.reports(**listed)
    assert house.keep()["archived"] == 1
    assert [record["name"] for record in house.records()] == ["ancient"]


def test_the_freshest_listing_s_link_is_taken_when_an_older_one_has_died(house: House) -> None:
    house.rde.link_life = timedelta(hours=1)
    house.rde.add_report("usage", "CSV", house.ago(days=1))
    house.reports(days=9)
    house.clock.advance(hours=2)
    assert (house.keep()["archived"], house.downloads()) == (1, 1)


async def copied(house: House, content: bytes, largest: int, seconds: float = 60) -> None:
    """Archive one file that may have so many bytes."""
    settings = Settings.read(house.environ)
    house.rde.add_report("usage", "CSV", house.ago(days=1), file=lambda: content)
    link = house.rde.blobs.link(house.rde.origin, blob(house, "usage").removeprefix(CONTAINER), timedelta(hours=1))
    archiver = Archiver(store_of(settings), ReportFiles(hosts=settings.report_hosts, max_bytes=largest), house.clock)
    await archiver.copy("default", identity("usage", house.ago(days=1)), link, Deadline.after(seconds))


@pytest.mark.parametrize("content", [CONTENT, LARGE], ids=["small", "parts"])
@pytest.mark.anyio
async def test_a_file_beyond_the_cap_leaves_nothing(house: House, content: bytes) -> None:
    with pytest.raises(UpstreamBadResponse, match="larger than"):
        await copied(house, content, largest=len(content) - 1)
    assert house.keys("archive/") == []
    assert house.unfinished_uploads() == []
    await copied(house, content, largest=len(content))
    assert len(house.records()) == 1


@pytest.mark.anyio
async def test_a_file_that_is_out_of_time_leaves_nothing(house: House) -> None:
    with pytest.raises(UpstreamTimeout):
        await copied(house, LARGE, largest=len(LARGE), seconds=0)
    assert house.keys("archive/") == []
    assert house.unfinished_uploads() == []


def test_two_keepers_at_once_end_in_one_file_and_one_record_of_each_report(house: House) -> None:
    contents = {f"usage-{day}": os.urandom(PART_BYTES + day if day == 2 else 1000) for day in range(4)}
    for day, (name, content) in enumerate(contents.items()):
        house.rde.add_report(name, "CSV", house.ago(days=day), file=returning(content))

    async def both() -> list[KeeperRun]:
        runs = [KeeperRun(Deadline.after(60)), KeeperRun(Deadline.after(60))]
        keepers = [keeper_of(Settings.read(house.environ), house.clock) for _ in runs]
        await asyncio.gather(*(keeper.keep(run) for keeper, run in zip(keepers, runs, strict=True)))
        return runs

    assert [run.failed for run in asyncio.run(both())] == [0, 0]
    assert {record["name"]: house.read(record["file"]) for record in house.records()} == contents
    assert len(house.keys("archive/")) == 2 * len(contents)


def returning(content: bytes) -> Callable[[], bytes]:
    return lambda: content


def test_a_file_without_its_record_is_not_archived_and_gives_way(house: House) -> None:
    """That is what a crash between the two leaves."""
    created = house.ago(days=1)
    house.rde.add_report("usage", "CSV", created, file=lambda: CONTENT)
    house.put(file_key("default", identity("usage", created)), b"half a fi")
    assert house.reports()["nodes"][0]["archiveUrl"] is None
    house.keep()
    assert [house.read(key) for key in house.keys("archive/tenant=default/files/")] == [CONTENT]


def test_new_files_are_not_kept_waiting_by_those_that_fail_every_time(house: House) -> None:
    for day in range(1, 4):
        house.rde.add_report(f"bad-{day}", "CSV", house.ago(days=day))
        house.rde.misbehave(hanging_up(), times=None, path=blob(house, f"bad-{day}"))
    house.keep()
    house.rde.add_report("new", "CSV", house.ago(days=0))
    house.clock.advance(minutes=5)
    before = len(house.rde.requests)
    summary = house.keep()
    assert (summary["archived"], summary["failed"]) == (1, 3)
    asked = [request.path for request in house.rde.requests[before:] if request.path.startswith(CONTAINER)]
    assert blob(house, "new") in asked[:3]  # three files are under way at once


@pytest.mark.anyio
async def test_a_warm_keeper_reads_a_listing_with_nothing_left_to_archive_once(house: House) -> None:
    house.rde.add_report("usage", "CSV", house.ago(days=1))
    settings = Settings.read(house.environ)
    reads: list[str] = []

    parts = Parts(settings, house.clock, store_of(settings))
    inner = parts.reports.read

    class Watched(type(parts.reports)):  # type: ignore[misc]
        async def read(self, key: str) -> object:
            reads.append(key)
            return await inner(key)

    watched = Watched(parts.store, parts.answers, parts.breakers, parts.rde, parts.ageing, house.clock)
    keeper = replace(parts.keeper, collecting=replace(parts.keeper.collecting, reports=watched))
    for _ in range(3):
        await keeper.keep(KeeperRun(Deadline.after(60)))
    assert len(reads) == 1
