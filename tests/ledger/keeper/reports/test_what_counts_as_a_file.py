"""Only the whole file of a report is archived for good: whatever else a link answers once is tried again."""

import gzip
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from local.vendors.blobs import CONTAINER
from local.vendors.simulator import Fault, SimulatorResponse, failing
from tests.support.processes.deployment import Deployment, downloaded

CONTENT = b"day,amount\n2026-11-01,1.50\n"


def archived(deployment: Deployment, name: str = "usage") -> tuple[bytes, str, str]:
    """What a browser is given for a report: content, disposition and type."""
    deployment.clock.advance(minutes=2)
    [link] = [node["archiveUrl"] for node in deployment.reports()["nodes"] if node["name"] == name]
    return downloaded(link)


def returning(content: bytes) -> Callable[[], bytes]:
    return lambda: content


def answering(status: int, body: bytes = b"") -> Fault:
    return Fault(lambda _: SimulatorResponse(status, body))


@pytest.mark.parametrize(
    "fault",
    [
        answering(202, b"being made"),
        answering(204),
        answering(205),
        answering(206, b"day,am"),
        answering(200, b"<!DOCTYPE html><html>Sign in</html>"),
        answering(200, b'<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code></Error>'),
        Fault(lambda due: replace(due, headers=(("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),))),
        Fault(lambda due: replace(due, body=gzip.compress(due.body)[:-4], headers=(("content-encoding", "gzip"),))),
        Fault(lambda due: replace(due, body=gzip.compress(due.body)[:-4])),
    ],
    ids=["202", "204", "205", "206", "a page", "an error document", "another digest", "a cut coding", "a cut gzip"],
)
def test_what_is_not_the_whole_file_is_a_failure_of_that_file_and_tried_again(
    deployment: Deployment, fault: Fault
) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1), file=lambda: CONTENT)
    deployment.rde.misbehave(fault, path=".csv")
    first = deployment.run_keeper()
    assert (first["archived"], first["failed"], deployment.keys("archive/")) == (0, 1, [])
    assert deployment.run_keeper()["archived"] == 1
    assert archived(deployment)[0] == CONTENT


def test_an_empty_file_is_believed_once_its_report_is_an_hour_old(deployment: Deployment) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=0), file=lambda: b"")
    assert deployment.run_keeper()["archived"] == 0
    deployment.clock.advance(minutes=61)
    assert deployment.run_keeper()["archived"] == 1


@pytest.mark.parametrize(
    ("body", "coding", "name", "saved"),
    [
        (gzip.compress(b"[1]"), "gzip", "usage.json", b"[1]"),
        (gzip.compress(b"[1]"), "GZIP", "usage.json", b"[1]"),
        (gzip.compress(b"[1]"), None, "usage.json.gz", gzip.compress(b"[1]")),
        (b"[1]", None, "usage.json", b"[1]"),
        (gzip.compress(gzip.compress(b"[1]")), "gzip", "usage.json.gz", gzip.compress(b"[1]")),
    ],
    ids=["a coding", "in capitals", "no coding named", "plain", "a coding on a gzip file"],
)
def test_a_file_opens_under_its_name_however_it_is_compressed(
    deployment: Deployment, body: bytes, coding: str | None, name: str, saved: bytes
) -> None:
    deployment.rde.add_report("usage", "JSON", deployment.ago(days=1), file=lambda: body)
    headers = () if coding is None else (("content-encoding", coding),)
    deployment.rde.misbehave(Fault(lambda due: replace(due, headers=headers)), times=None, path=".json.gz")
    assert deployment.run_keeper()["archived"] == 1
    content, disposition, kind = archived(deployment)
    assert (disposition, content[:2]) == (f'attachment; filename="{name}"', saved[:2])
    opened = gzip.decompress(content) if name.endswith(".gz") else content
    assert json.loads(opened) == [1]
    assert kind == ("application/gzip" if name.endswith(".gz") else "application/json")


def test_a_refused_link_is_a_warning_of_its_file_and_not_of_the_credentials(
    deployment: Deployment, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1), file=lambda: CONTENT)
    deployment.rde.misbehave(failing(403), path=".csv")
    assert deployment.run_keeper()["failed"] == 1
    printed = capsys.readouterr().out
    assert '"Code":"REPORT_LINK_REFUSED"' in printed
    assert "UPSTREAM_UNAUTHORIZED" not in printed
    [line] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "the storage refused a report's link (status 403)" in line.getMessage()


def test_a_link_that_has_just_begun_to_work_is_tried_once_more(deployment: Deployment) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1), file=lambda: CONTENT)
    deployment.rde.blobs.lead = timedelta(seconds=2)
    deployment.rde.misbehave(failing(403), path=".csv")
    summary = deployment.run_keeper()
    assert (summary["archived"], summary["failed"], deployment.downloads()) == (1, 0, 2)


def test_a_link_that_does_not_work_yet_is_not_tried(deployment: Deployment) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1), file=lambda: CONTENT)
    deployment.rde.blobs.lead = timedelta(minutes=-5)
    first = deployment.run_keeper()
    assert (first["archived"], first["failed"], deployment.downloads()) == (0, 0, 0)
    deployment.clock.advance(minutes=6)
    assert deployment.run_keeper()["archived"] == 1


def test_reports_that_only_the_vendors_id_tells_apart_are_both_archived(deployment: Deployment) -> None:
    created = deployment.ago(days=1)
    for number, content in (("a", b"a"), ("b", b"b")):
        deployment.rde.add_report("twin", "CSV", created, id=f"id-{number}", file=returning(content))
    assert deployment.run_keeper()["archived"] == 2
    assert deployment.run_keeper()["archived"] == 0
    deployment.clock.advance(minutes=2)
    links = [node["archiveUrl"] for node in deployment.reports()["nodes"]]
    assert sorted(downloaded(link)[0] for link in links) == [b"a", b"b"]


def test_another_link_of_a_report_is_tried_when_the_first_one_fails(deployment: Deployment) -> None:
    deployment.rde.described = False
    created = deployment.ago(days=1)
    deployment.rde.add_report("usage", "CSV", created, file=lambda: CONTENT)
    bad = f"{deployment.rde.origin}{CONTAINER}gone.csv?sig=x&se=2099-01-01T00%3A00%3A00Z"
    deployment.rde.add_report("usage", "CSV", created, link=bad)
    deployment.reports()
    summary = deployment.run_keeper()
    assert (summary["archived"], summary["failed"]) == (1, 0)
    assert archived(deployment)[0] == CONTENT
