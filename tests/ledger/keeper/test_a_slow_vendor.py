"""A vendor that is slow: the API gives up in time for its caller, keeper and exporter give it longer."""

import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from functions.settings import Settings
from tests.support.api.frontend import Frontend
from tests.support.processes.deployment import Deployment

IMPATIENT = {"UPSTREAM_SECONDS": "1", "BACKGROUND_UPSTREAM_SECONDS": "20"}
SLOW_SECONDS = 2.0
EXPORT = """mutation { exportCreditLog(input: {from: "%s", to: "%s"}) { id } }"""


@pytest.fixture
def frontend(deployment: Deployment) -> Iterator[Frontend]:
    deployment.give_credentials("default", "openmarket")
    frontend = Frontend({**deployment.environ, **IMPATIENT}, deployment.clock)
    with closing(frontend.handler):
        yield frontend


def test_the_keeper_waits_for_answers_for_which_the_api_does_not(deployment: Deployment, frontend: Frontend) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1))
    deployment.rde.latency = deployment.openmarket.latency = SLOW_SECONDS
    day = deployment.today
    reply = frontend.ask(f'{{ reports(from: "{day}", to: "{day}") {{ totalCount }} }}')
    assert reply.codes == ["UPSTREAM_TIMEOUT"]
    summary = deployment.run_keeper(
        UPSTREAM_SECONDS=IMPATIENT["UPSTREAM_SECONDS"],
        BACKGROUND_UPSTREAM_SECONDS=IMPATIENT["BACKGROUND_UPSTREAM_SECONDS"],
    )
    assert (summary["failed"], summary["archived"]) == (0, 1)


def test_the_exporter_waits_too(deployment: Deployment, frontend: Frontend) -> None:
    deployment.openmarket.latency = SLOW_SECONDS
    start, end = deployment.ago(days=2), deployment.ago(days=1)
    export_id = frontend.data(EXPORT % (start, end))["exportCreditLog"]["id"]
    status = "QUEUED"
    for _ in range(60):
        time.sleep(0.5)
        status = frontend.data(f'{{ creditLogExport(id: "{export_id}") {{ status }} }}')["creditLogExport"]["status"]
        if status not in {"QUEUED", "RUNNING"}:
            break
    assert status == "DONE"


def test_the_limits_are_20_and_120_seconds_unless_set() -> None:
    settings = Settings.read({"LEDGER_BUCKET": "b"})
    assert (settings.upstream_seconds, settings.background_upstream_seconds) == (20, 120)
