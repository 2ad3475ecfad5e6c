"""The keeper opens what it has archived, once, and what it finds is what `preview` answers."""

import asyncio
import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from functions.settings import Settings
from functions.wiring import keeper_of
from ledger.contents.previews import READER_VERSION, StoredPreview, with_attempts
from ledger.keeper.run import KeeperRun
from runtime.deadline import Deadline
from tests.support.processes.deployment import Deployment
from tests.support.report_files import Table, csv_bytes, json_gz_bytes, xlsx_bytes

HEADER = ["customer", "amount"]
ROWS: Table = [[f"Customer {number}", number] for number in range(1, 31)]
CONTENT = csv_bytes(HEADER, ROWS)
WITH_PREVIEW = """
query Reports($f0: Date!, $t0: Date!) { reports(from: $f0, to: $t0) { nodes {
  id name bytes sha256 duplicateOf
  preview(first: 2) { state reason sheets rowCount signature rows
    columns { name type nulls distinct min max sum } } } } }"""
OPENED = "archive/tenant=default/opened/"
PREVIEWS = "archive/tenant=default/previews/"


def add(deployment: Deployment, name: str, content: bytes, days: float = 1) -> None:
    deployment.rde.add_report(name, "CSV", deployment.ago(days=days), file=partial(bytes, content))


def nodes(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """Each report by its name, as a new process answers."""
    period = {"f0": deployment.ago(days=90)[:10], "t0": str(deployment.today)}
    return {node["name"]: node for node in deployment.ask(WITH_PREVIEW, **period)["reports"]["nodes"]}


def test_a_report_says_what_is_in_its_file(deployment: Deployment) -> None:
    add(deployment, "usage", CONTENT)
    assert nodes(deployment)["usage"]["preview"] == {
        "state": "PENDING", "reason": None, "sheets": [], "rowCount": None, "signature": None, "rows": [],
        "columns": [],
    }  # fmt: skip
    summary = deployment.run_keeper()
    assert (summary["opened"], summary["failed"]) == (1, 0)
    found = nodes(deployment)["usage"]
    assert (found["bytes"], found["sha256"]) == (str(len(CONTENT)), hashlib.sha256(CONTENT).hexdigest())
    assert found["duplicateOf"] is None
    preview = found["preview"]
    assert (preview["state"], preview["reason"], preview["rowCount"], preview["sheets"]) == ("READY", None, 30, [])
    assert preview["rows"] == [["Customer 1", "1"], ["Customer 2", "2"]]
    assert preview["columns"] == [
        {"name": "customer", "type": "STRING", "nulls": 0, "distinct": 30, "min": "Customer 1", "max": "Customer 9",
         "sum": None},
        {"name": "amount", "type": "INTEGER", "nulls": 0, "distinct": 30, "min": "1", "max": "30", "sum": "465"},
    ]  # fmt: skip


def test_an_opened_file_is_not_opened_again(deployment: Deployment) -> None:
    add(deployment, "usage", CONTENT)
    deployment.run_keeper()
    before = deployment.tags(deployment.environ["LEDGER_BUCKET"], "archive/")
    assert deployment.run_keeper()["opened"] == 0
    assert deployment.tags(deployment.environ["LEDGER_BUCKET"], "archive/") == before


def test_the_same_bytes_under_another_report_name_the_first_one(deployment: Deployment) -> None:
    for name, days, content in (("later", 1, CONTENT), ("first", 3, CONTENT), ("latest", 0, CONTENT)):
        add(deployment, name, content, days)
    add(deployment, "other", CONTENT + b"x,1\n", 2)
    deployment.run_keeper()
    found = nodes(deployment)
    first = found["first"]["id"]
    assert {name: node["duplicateOf"] for name, node in found.items()} == {
        "first": None, "later": first, "latest": first, "other": None,
    }  # fmt: skip
    [known] = deployment.ask("query N($id: ID!) { node(id: $id) { ... on Report { name } } }", id=first).values()
    assert known["name"] == "first"


BROKEN: dict[str, tuple[Callable[[], bytes], str]] = {
    "cut off": (lambda: xlsx_bytes(HEADER, ROWS)[:-400], "BROKEN"),
    "of another kind": (lambda: b"%PDF-1.7 and more", "UNSUPPORTED"),
    "not whole JSON": (lambda: b'{"rows": [{"a": 1}, {"a": ', "BROKEN"),
}


def test_a_file_that_cannot_be_shown_has_a_reason_and_the_next_one_is_opened(deployment: Deployment) -> None:
    for name, (make, _) in BROKEN.items():
        add(deployment, name, make(), 0)
    add(deployment, "usage", json_gz_bytes(HEADER, ROWS), 5)
    summary = deployment.run_keeper()
    assert (summary["opened"], summary["failed"]) == (4, 0)
    found = nodes(deployment)
    assert found["usage"]["preview"]["rowCount"] == 30
    for name, (_, state) in BROKEN.items():
        assert found[name]["preview"]["state"] == state, name
        assert found[name]["preview"]["reason"]
        assert found[name]["bytes"]
    assert deployment.run_keeper()["opened"] == 0


def test_a_file_that_ends_the_process_is_given_up_after_some_runs(deployment: Deployment) -> None:
    add(deployment, "usage", CONTENT)
    deployment.run_keeper()
    [preview] = deployment.keys(PREVIEWS)
    forget_opened(deployment)
    deployment.put(preview, with_attempts(None, 2))
    assert deployment.run_keeper()["opened"] == 1
    assert nodes(deployment)["usage"]["preview"]["state"] == "READY"
    forget_opened(deployment)
    deployment.put(preview, with_attempts(None, 3))
    assert deployment.run_keeper()["opened"] == 1
    assert nodes(deployment)["usage"]["preview"]["state"] == "TOO_LARGE"


def test_a_file_that_an_earlier_reader_opened_is_opened_again_and_answers_meanwhile(deployment: Deployment) -> None:
    add(deployment, "usage", CONTENT)
    deployment.run_keeper()
    [opened], [preview] = deployment.keys(OPENED), deployment.keys(PREVIEWS)
    earlier = opened.replace(f"!{READER_VERSION}!{len(CONTENT)}!", f"!{READER_VERSION - 1}!{len(CONTENT)}!")
    assert earlier != opened
    forget_opened(deployment)
    deployment.put(earlier)
    begun = StoredPreview.read(with_attempts(StoredPreview.read(deployment.read(preview)), 1))
    assert (begun.state.value, begun.attempts) == ("READY", 1)
    assert deployment.run_keeper()["opened"] == 1
    assert deployment.keys(OPENED) == [earlier, opened]
    assert nodes(deployment)["usage"]["bytes"] == str(len(CONTENT))


def test_no_cell_is_logged(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    secret = "Zenobia Quux"
    broken = b'{"rows": [{"name": "' + secret.encode() + b'"}, {"name": ' + secret.encode() + b"}]}"
    files = [broken, csv_bytes([secret, "n"], [[secret, 1]]), xlsx_bytes([secret], [[secret]])]
    for number, content in enumerate(files):
        add(deployment, f"report-{number}", content, number)
    assert deployment.run_keeper()["opened"] == 3
    assert nodes(deployment)["report-1"]["preview"]["rows"] == [[secret, "1"]]
    assert secret not in caplog.text + "".join(capsys.readouterr())


def forget_opened(deployment: Deployment) -> None:
    for key in deployment.keys(OPENED):
        deployment.aws.client("s3").delete_object(Bucket=deployment.environ["LEDGER_BUCKET"], Key=key)


class Ending(Deadline):
    """A deadline with much time left until it has been asked some times, and then with none."""

    def __init__(self, seconds: float, times: int) -> None:
        super().__init__(Deadline.after(seconds).at)
        self.times = times
        self.seconds = seconds

    def remaining(self) -> float:
        self.times -= 1
        return self.seconds if self.times >= 0 else 0.0


@pytest.mark.parametrize(("seconds", "attempts"), [(800.0, 1), (200.0, 0)])
def test_a_file_for_which_a_run_has_no_time_is_left_for_the_next_one(
    deployment: Deployment, seconds: float, attempts: int
) -> None:
    """It counts as an attempt only if the run had much time for it."""
    add(deployment, "usage", csv_bytes(HEADER, [*ROWS] * 100))
    keeper = keeper_of(Settings.read(deployment.environ), deployment.clock)

    async def keep(deadline: Deadline) -> KeeperRun:
        run = KeeperRun(deadline)
        await keeper.report_files.collect("default", KeeperRun(Deadline.after(600)))
        await keeper.report_contents.open("default", run)
        return run

    run = asyncio.run(keep(Ending(seconds, 3)))
    assert (run.opened, run.failed, run.complete) == (0, 0, False)
    assert nodes(deployment)["usage"]["preview"]["state"] == "PENDING"
    [preview] = deployment.keys(PREVIEWS)
    assert StoredPreview.read(deployment.read(preview)).attempts == attempts
    assert deployment.run_keeper()["opened"] == 1
    assert nodes(deployment)["usage"]["preview"]["rowCount"] == 3000


def test_a_file_that_is_missing_from_the_archive_is_broken_and_counts_as_opened(deployment: Deployment) -> None:
    add(deployment, "usage", CONTENT)
    deployment.run_keeper()
    forget_opened(deployment)
    [file] = deployment.keys("archive/tenant=default/files/")
    deployment.put(file, CONTENT[:-5])
    assert deployment.run_keeper()["failed"] == 0
    assert nodes(deployment)["usage"]["preview"]["state"] == "BROKEN"
    assert deployment.keys("lake/report_rows/") == []
