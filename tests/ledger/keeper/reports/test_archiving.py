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
from ledger.reports.archive import file_key
from ledger.reports.archiving import Archiver
from ledger.reports.identity import ReportKey
from ledger.storage.bucket import PART_BYTES
from local.vendors.blobs import CONTAINER
from local.vendors.simulator import Fault, SimulatorResponse, answering_html, cut_off, failing, hanging_up
from runtime.clock import now
from runtime.deadline import Deadline
from tests.support.processes.deployment import Deployment
from upstreams.errors import UpstreamBadResponse, UpstreamTimeout
from upstreams.rde.client import Report
from upstreams.rde.files import ReportFiles

CONTENT = b"day,amount\n2026-11-01,1.50\n"
LARGE = os.urandom(PART_BYTES * 2 + 12_345)


def report(name: str, created: str) -> Report:
    return Report(name=name, raw_format="CSV", creation_date=now().fromisoformat(created))


@pytest.mark.parametrize("content", [b"", CONTENT, LARGE[:PART_BYTES], LARGE], ids=["empty", "small", "part", "parts"])
def test_a_file_of_any_size_is_kept_byte_for_byte_with_its_digest(deployment: Deployment, content: bytes) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1), file=lambda: content)
    assert deployment.run_keeper()["archived"] == 1
    [record] = deployment.records()
    assert (record["name"], record["rawFormat"]) == ("usage", "csv")
    assert (record["bytes"], record["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert deployment.keys("archive/tenant=default/files/") == [record["file"]]
    assert deployment.read(record["file"]) == content


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
        (CONTENT, failing(403), "refused a report's link"),
        (CONTENT, answering_html(), "a page came"),
        (CONTENT, sent_to("https://elsewhere.example/x"), "not allowed"),
        (CONTENT, sent_to("http://169.254.169.254/latest/"), "not allowed"),
    ],
    ids=range(9),
)
def test_a_file_that_does_not_come_whole_leaves_nothing_and_is_tried_again(
    deployment: Deployment, caplog: pytest.LogCaptureFixture, content: bytes, fault: Fault, reason: str
) -> None:
    deployment.rde.add_report("bad", "CSV", deployment.ago(days=1), file=lambda: content)
    deployment.rde.add_report("good", "CSV", deployment.ago(days=2), file=lambda: CONTENT)
    deployment.rde.misbehave(fault, path=blob(deployment, "bad"))
    summary = deployment.run_keeper()
    assert (summary["archived"], summary["failed"]) == (1, 1)
    assert [record["name"] for record in deployment.records()] == ["good"]
    assert len(deployment.keys("archive/tenant=default/files/")) == 1
    assert deployment.unfinished_uploads() == []
    [line] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "'bad'" in line
    assert reason in line
    assert "sig=" not in line
    assert deployment.run_keeper()["archived"] == 1
    assert [deployment.read(record["file"]) for record in deployment.records()] == [CONTENT, content]


def blob(deployment: Deployment, name: str) -> str:
    """The path of a report's file."""
    [found] = [each for each in deployment.rde.blobs.names() if each.startswith(f"{name}.")]
    return CONTAINER + found


def test_a_file_that_is_archived_is_never_fetched_again(deployment: Deployment) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1))
    deployment.run_keeper()
    deployment.clock.advance(hours=30)
    assert deployment.run_keeper()["archived"] == 0
    assert deployment.downloads() == 1


def test_a_dead_link_is_not_tried(deployment: Deployment) -> None:
    deployment.rde.link_life = timedelta(seconds=-1)
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1))
    summary = deployment.run_keeper()
    assert (summary["archived"], summary["failed"], deployment.downloads()) == (0, 0, 0)


def test_a_link_leads_nowhere_but_to_the_allowed_hosts(deployment: Deployment) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1))
    summary = deployment.run_keeper(REPORT_HOSTS="files.example.com")
    assert (summary["archived"], summary["failed"], deployment.downloads()) == (0, 1, 0)


def test_the_vendor_s_files_are_read_and_nothing_else(deployment: Deployment) -> None:
    for day in range(3):
        deployment.rde.add_report(f"usage-{day}", "CSV", deployment.ago(days=day))
    deployment.run_keeper()
    asked = [request for request in deployment.rde.requests if request.path.startswith(CONTAINER)]
    assert [request.method for request in asked] == ["GET"] * 3
    assert not any("authorization" in request.headers or "x-subscription-key" in request.headers for request in asked)


def test_a_report_of_any_stored_listing_is_archived(deployment: Deployment) -> None:
    deployment.rde.add_report("ancient", "CSV", deployment.ago(days=200), file=lambda: CONTENT)
    deployment.run_keeper()
    assert deployment.records() == []
    first, last = deployment.today - timedelta(days=210), deployment.today - timedelta(days=190)
    listed: dict[str, Any] = {"from": str(first), "to": str(last)}
    deployment.reports(**listed)
    assert deployment.run_keeper()["archived"] == 1
    assert [record["name"] for record in deployment.records()] == ["ancient"]


def test_the_freshest_listing_s_link_is_taken_when_an_older_one_has_died(deployment: Deployment) -> None:
    deployment.rde.link_life = timedelta(hours=1)
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1))
    deployment.reports(days=9)
    deployment.clock.advance(hours=2)
    assert (deployment.run_keeper()["archived"], deployment.downloads()) == (1, 1)


async def copied(deployment: Deployment, content: bytes, largest: int, seconds: float = 60) -> None:
    """Archive one file that may have so many bytes."""
    settings = Settings.read(deployment.environ)
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1), file=lambda: content)
    link = deployment.rde.blobs.link(
        deployment.rde.origin, blob(deployment, "usage").removeprefix(CONTAINER), timedelta(hours=1)
    )
    archiver = Archiver(
        store_of(settings), ReportFiles(hosts=settings.report_hosts, max_bytes=largest), deployment.clock
    )
    await archiver.copy("default", report("usage", deployment.ago(days=1)), link, Deadline.after(seconds))


@pytest.mark.parametrize("content", [CONTENT, LARGE], ids=["small", "parts"])
@pytest.mark.anyio
async def test_a_file_beyond_the_cap_leaves_nothing(deployment: Deployment, content: bytes) -> None:
    with pytest.raises(UpstreamBadResponse, match="larger than"):
        await copied(deployment, content, largest=len(content) - 1)
    assert deployment.keys("archive/") == []
    assert deployment.unfinished_uploads() == []
    await copied(deployment, content, largest=len(content))
    assert len(deployment.records()) == 1


@pytest.mark.anyio
async def test_a_file_that_is_out_of_time_leaves_nothing(deployment: Deployment) -> None:
    with pytest.raises(UpstreamTimeout):
        await copied(deployment, LARGE, largest=len(LARGE), seconds=0)
    assert deployment.keys("archive/") == []
    assert deployment.unfinished_uploads() == []


def test_two_keepers_at_once_end_in_one_file_and_one_record_of_each_report(deployment: Deployment) -> None:
    contents = {f"usage-{day}": os.urandom(PART_BYTES + day if day == 2 else 1000) for day in range(4)}
    for day, (name, content) in enumerate(contents.items()):
        deployment.rde.add_report(name, "CSV", deployment.ago(days=day), file=returning(content))

    async def both() -> list[KeeperRun]:
        runs = [KeeperRun(Deadline.after(60)), KeeperRun(Deadline.after(60))]
        keepers = [keeper_of(Settings.read(deployment.environ), deployment.clock) for _ in runs]
        await asyncio.gather(*(keeper.work(run) for keeper, run in zip(keepers, runs, strict=True)))
        return runs

    assert [run.failed for run in asyncio.run(both())] == [0, 0]
    assert {record["name"]: deployment.read(record["file"]) for record in deployment.records()} == contents
    for folder in ("files", "reports", "previews", "opened"):
        assert len(deployment.keys(f"archive/tenant=default/{folder}/")) == len(contents)


def returning(content: bytes) -> Callable[[], bytes]:
    return lambda: content


def test_a_file_without_its_record_is_not_archived_and_gives_way(deployment: Deployment) -> None:
    """That is what a crash between the two leaves."""
    created = deployment.ago(days=1)
    deployment.rde.add_report("usage", "CSV", created, file=lambda: CONTENT)
    known = replace(report("usage", created), raw_format="csv", report_id=deployment.rde.listing()[-1].report_id)
    deployment.put(file_key("default", ReportKey.of(known)), b"half a fi")
    assert deployment.reports()["nodes"][0]["archiveUrl"] is None
    deployment.run_keeper()
    assert [deployment.read(key) for key in deployment.keys("archive/tenant=default/files/")] == [CONTENT]


def test_new_files_are_not_kept_waiting_by_those_that_fail_every_time(deployment: Deployment) -> None:
    for day in range(1, 4):
        deployment.rde.add_report(f"bad-{day}", "CSV", deployment.ago(days=day))
        deployment.rde.misbehave(hanging_up(), times=None, path=blob(deployment, f"bad-{day}"))
    deployment.run_keeper()
    deployment.rde.add_report("new", "CSV", deployment.ago(days=0))
    deployment.clock.advance(minutes=5)
    before = len(deployment.rde.requests)
    summary = deployment.run_keeper()
    assert (summary["archived"], summary["failed"]) == (1, 3)
    asked = [request.path for request in deployment.rde.requests[before:] if request.path.startswith(CONTAINER)]
    assert blob(deployment, "new") in asked[:3]  # three files are under way at once


@pytest.mark.anyio
async def test_a_warm_keeper_reads_a_listing_with_nothing_left_to_archive_once(deployment: Deployment) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1))
    settings = Settings.read(deployment.environ)
    reads: list[str] = []

    parts = Parts(settings, deployment.clock, store_of(settings))
    inner = parts.reports.read

    class WatchedListings(type(parts.reports)):  # type: ignore[misc]
        async def read(self, key: str) -> object:
            reads.append(key)
            return await inner(key)

    watched = WatchedListings(parts.store, parts.answers, parts.rde, parts.ageing, deployment.clock)
    keeper = replace(parts.keeper, report_files=replace(parts.keeper.report_files, reports=watched))
    for _ in range(3):
        await keeper.work(KeeperRun(Deadline.after(60)))
    assert len(reads) == 1
