"""How an export gets to an exporter: by an asynchronous invocation, or through the queue of this process."""

import asyncio
import json

import pytest

from functions.export_starts import LambdaStart
from ledger.exports.exports import ExporterUnavailable
from local.aws import Aws
from local.simulator import Simulator, SimulatorRequest, SimulatorResponse, failing


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
