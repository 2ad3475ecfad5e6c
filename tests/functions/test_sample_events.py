"""Every file of `events/`, through the handler as Lambda would hand it over."""

import pytest

from deploy.expectations import EVENTS, EXPECTED, check, event
from local.openmarket import OpenMarket
from tests.functions.frontend import Frontend

ELSEWHERE = {"keeper", "exporter"}
"""Events of the other functions."""


@pytest.fixture(autouse=True)
def _more_than_a_page(openmarket_simulator: OpenMarket, frontend: Frontend) -> None:  # noqa: ARG001 - after its clock
    openmarket_simulator.rows_a_day = 120


def test_every_sample_event_has_an_expectation() -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} - ELSEWHERE == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_event_gets_what_it_must(name: str, frontend: Frontend) -> None:
    if name == "persisted-query-by-hash":
        check("persisted-query", frontend.send(event("persisted-query")))
    check(name, frontend.send(event(name)))


def test_a_warm_process_answers_every_event_again(frontend: Frontend) -> None:
    for _ in range(2):
        for name in EXPECTED:
            check(name, frontend.send(event(name)))
