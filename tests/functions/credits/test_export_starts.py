"""How an export gets to an exporter: by an asynchronous invocation, or through the queue of this process."""

import asyncio
import json
import threading
import time

import pytest

from functions.export_starts import LambdaStart, LocalStart
from ledger.exports.exports import ExporterUnavailable
from ledger.exports.writer import Exporter
from local.aws import Aws
from local.vendors.simulator import Simulator, SimulatorRequest, SimulatorResponse, failing
from runtime.deadline import Deadline, current


class Lambda(Simulator):
    """Lambda's own API, as far as starting an export needs it."""

    def answer(self, request: SimulatorRequest) -> SimulatorResponse:
        wanted = "/2015-03-31/functions/tally-exporter/invocations"
        asynchronous = request.headers.get("x-amz-invocation-type") == "Event"
        return (
            SimulatorResponse(202)
            if (request.method, request.path, asynchronous) == ("POST", wanted, True)
            else SimulatorResponse(404)
        )


def test_the_exporter_function_is_invoked_and_not_waited_for(aws: Aws) -> None:
    del aws  # its credentials are in the environment
    with Lambda() as service:
        asyncio.run(LambdaStart("tally-exporter", service.origin)("acme", "3f0c"))
        assert [json.loads(request.body) for request in service.requests] == [{"tenant": "acme", "id": "3f0c"}]


def test_a_function_that_does_not_take_the_call_is_an_exporter_that_is_unavailable(aws: Aws) -> None:
    del aws
    with Lambda() as service:
        service.misbehave(failing(403), times=None)
        with pytest.raises(ExporterUnavailable):
            asyncio.run(LambdaStart("tally-exporter", service.origin)("acme", "3f0c"))


@pytest.mark.slow
def test_a_lambda_that_does_not_answer_is_given_up_in_time(aws: Aws) -> None:
    del aws

    async def start(url: str) -> float:
        begin = LambdaStart("tally-exporter", url)
        await begin("acme", "warm")
        current.set(Deadline.after(1.5))
        service.latency = 4
        began = time.monotonic()
        with pytest.raises(ExporterUnavailable):
            await begin("acme", "3f0c")
        return time.monotonic() - began

    with Lambda() as service:
        assert 0.8 < asyncio.run(start(service.origin)) < 1.5


class Recorded(Exporter):
    """Notes which exports it was given, and finishes each at once."""

    def __init__(self) -> None:
        self.written: list[str] = []

    async def write(self, tenant: str, export_id: str, deadline: Deadline) -> bool:  # noqa: ARG002 - the exporter's
        self.written.append(export_id)
        if export_id == "bad":
            raise ValueError("unreadable")
        return False


def wait_for(exporter: Recorded, written: list[str]) -> None:
    end = time.monotonic() + 10
    while exporter.written != written and time.monotonic() < end:
        time.sleep(0.01)
    assert exporter.written == written


def end_of_thread() -> None:
    for thread in threading.enumerate():
        if thread.name == "exporter":
            thread.join(10)


def test_an_exporter_that_cannot_be_made_once_does_not_stop_exports_for_good(caplog: pytest.LogCaptureFixture) -> None:
    exporter, failures = Recorded(), [OSError("no connection")]

    def make() -> Exporter:
        if failures:
            raise failures.pop()
        return exporter

    start = LocalStart(make)
    asyncio.run(start("acme", "first"))
    end_of_thread()
    assert "exports stopped" in caplog.text
    asyncio.run(start("acme", "second"))
    wait_for(exporter, ["first", "second"])
    end_of_thread()


def test_an_export_that_fails_does_not_stop_the_next_ones(caplog: pytest.LogCaptureFixture) -> None:
    exporter = Recorded()
    start = LocalStart(lambda: exporter)
    for export_id in ("bad", "good"):
        asyncio.run(start("acme", export_id))
    wait_for(exporter, ["bad", "good"])
    end_of_thread()
    asyncio.run(start("acme", "after a pause"))
    wait_for(exporter, ["bad", "good", "after a pause"])
    end_of_thread()
    assert "export bad stopped before its end" in caplog.text
