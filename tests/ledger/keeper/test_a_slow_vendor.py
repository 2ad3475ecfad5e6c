"""A vendor that is slow: the API gives up in time for its caller, keeper and exporter give it longer."""

import time
from contextlib import closing

from functions.settings import Settings
from functions.wiring import Parts, exporter_of, keeper_of, store_of
from tests.support.api.frontend import Frontend
from tests.support.processes.deployment import Deployment
from upstreams.openmarket.client import OpenMarket
from upstreams.rde.client import Rde

ONE_SECOND = {"UPSTREAM_SECONDS": "1"}


def test_the_keeper_waits_for_an_answer_for_which_the_api_does_not(deployment: Deployment) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1))
    deployment.run_keeper()  # the token of the next one is asked for as slowly
    deployment.clock.advance(hours=7)
    deployment.rde.latency = 2.0
    frontend = Frontend({**deployment.environ, **ONE_SECOND}, deployment.clock)
    with closing(frontend.handler):
        began = time.monotonic()
        day = deployment.today
        reply = frontend.ask(f'{{ reports(from: "{day}", to: "{day}") {{ totalCount }} }}')
        assert reply.codes == ["UPSTREAM_TIMEOUT"]
        assert time.monotonic() - began < 2
    assert deployment.run_keeper(UPSTREAM_SECONDS="1", BACKGROUND_UPSTREAM_SECONDS="8")["failed"] == 0


def test_keeper_and_exporter_have_120_seconds_for_a_call_and_the_api_20(deployment: Deployment) -> None:
    settings = Settings.read(deployment.environ)
    assert (settings.upstream_seconds, settings.background_upstream_seconds) == (20, 120)
    api = Parts(settings, deployment.clock, store_of(settings))
    keeper, exporter = keeper_of(settings, deployment.clock), exporter_of(settings, deployment.clock)
    assert api.rde.upstream_seconds == api.openmarket.upstream_seconds == 20
    assert {vendor.upstream_seconds for vendor in found(keeper, Rde)} == {120}
    for part in (keeper, exporter):
        assert {vendor.upstream_seconds for vendor in found(part, OpenMarket)} == {120}


def found[T: (Rde, OpenMarket)](part: object, kind: type[T], depth: int = 5) -> list[T]:
    """The clients of a vendor that a part uses, directly or through its own parts."""
    if isinstance(part, kind):
        return [part]
    if depth == 0 or not hasattr(part, "__dict__"):
        return []
    return [vendor for inner in vars(part).values() for vendor in found(inner, kind, depth - 1)]
