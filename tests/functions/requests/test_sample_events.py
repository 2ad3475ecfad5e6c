"""Every file of `events/`, through the handler as Lambda would hand it over."""

import asyncio

import pytest

from deploy.expectations import EVENTS, EXPECTED, check, event
from local.vendors.openmarket import OpenMarketSimulator
from tests.support.api.frontend import Frontend

ELSEWHERE = {"keeper", "exporter"}
"""Events of the other functions."""


@pytest.fixture(autouse=True)
def _more_than_a_page(openmarket_simulator: OpenMarketSimulator, frontend: Frontend) -> None:  # noqa: ARG001 - after its clock
    openmarket_simulator.rows_a_day = 120


def test_every_sample_event_has_an_expectation() -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} - ELSEWHERE == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_event_gets_what_it_must(name: str, frontend: Frontend) -> None:
    if name == "persisted-query-by-hash":
        check("persisted-query", frontend.send(event("persisted-query")))
    check(name, frontend.send(event(name)))


def test_a_warm_process_answers_every_event_again(frontend: Frontend) -> None:
    """Also after another part of the process has run an event loop, which leaves the thread without one."""
    for _ in range(2):
        for name in EXPECTED:
            check(name, frontend.send(event(name)))
        asyncio.run(asyncio.sleep(0))


@pytest.mark.parametrize("name", ["reports", "get-query", "explorer", "overview", "asset", "health", "no-token"])
def test_a_stage_is_a_prefix_of_every_path(name: str, frontend: Frontend) -> None:
    staged = event(name)
    staged["rawPath"] = staged["requestContext"]["http"]["path"] = f"/dev{staged['rawPath']}"
    staged["requestContext"]["stage"] = "dev"
    check(name, frontend.send(staged))
