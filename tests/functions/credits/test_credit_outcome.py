"""`creditOutcome`: credits by brand and value, as the vendor counts them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import pytest

from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.simulator import Fault, SimulatorResponse
from runtime.clock import rfc3339
from tests.support.api.credit_log import END, START
from tests.support.api.frontend import Frontend
from tests.support.moving_clock import MovingClock

QUERY = """
query Outcome($from: DateTime!, $to: DateTime!, $brand: String) {
  creditOutcome(from: $from, to: $to, brand: $brand) {
    rows { brand amount currency success failed creditApplied }
    freshness { source asOf stale }
  }
}"""
PERIOD = {"from": START.isoformat(), "to": END.isoformat()}


def rows(frontend: Frontend, **variables: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = frontend.data(QUERY, PERIOD | variables)["creditOutcome"]["rows"]
    return rows


def test_the_vendor_s_rows_come_back_field_by_field(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    written = (
        b"Brand,Amount,Currency,Success,Failed,Credit Applied\r\n"
        b'"Smith, Jones Radio",1.5,GBP,17,3,25.5000\r\n'
        b"MyBrand,0.50,EUR,0,1,0.0000\r\n"
    )
    openmarket_simulator.misbehave(Fault(lambda _: SimulatorResponse(body=written, content_type="text/csv")))
    names = ("brand", "amount", "currency", "success", "failed", "creditApplied")
    assert rows(frontend) == [
        dict(zip(names, ("Smith, Jones Radio", "1.5", "GBP", 17, 3, "25.5000"), strict=True)),
        dict(zip(names, ("MyBrand", "0.50", "EUR", 0, 1, "0.0000"), strict=True)),
    ]


def test_the_totals_of_a_brand_are_exact_and_apart_by_currency(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    written = (
        b"Brand,Amount,Currency,Success,Failed,Credit Applied\r\n"
        b"Radio,0.1,GBP,1,1,0.1000\r\n"
        b"Radio,0.2,GBP,1,0,0.2000\r\n"
        b"Radio,1,EUR,0,0,0.0000\r\n"
        b"Late Show,99999999999999.99,GBP,1,2,99999999999999.9900\r\n"
        b"Late Show,0.005,GBP,1,0,0.0050\r\n"
    )
    openmarket_simulator.misbehave(Fault(lambda _: SimulatorResponse(body=written, content_type="text/csv")))
    query = QUERY.replace("rows {", "brands { brand currency success failed failureRate creditApplied } rows {")
    names = ("brand", "currency", "success", "failed", "failureRate", "creditApplied")
    assert frontend.data(query, PERIOD)["creditOutcome"]["brands"] == [
        dict(zip(names, ("Late Show", "GBP", 2, 2, "0.5000", "99999999999999.995"), strict=True)),
        dict(zip(names, ("Radio", "EUR", 0, 0, None, "0.00"), strict=True)),
        dict(zip(names, ("Radio", "GBP", 2, 1, "0.3333", "0.30"), strict=True)),
    ]


@pytest.mark.parametrize("brand", [None, "Late Show", "Chat & Win"])
def test_the_vendor_is_asked_for_the_period_in_utc(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, brand: str | None
) -> None:
    rows(frontend, brand=brand, **{"from": "2019-11-12T08:30:00+02:00"})
    (asked,) = openmarket_simulator.requests
    assert asked.path == "/csv/outcome"
    assert asked.query == {
        "fromTime": "2019-11-12 06:30:00 UTC",
        "toTime": "2019-11-15 18:00:00 UTC",
        **({} if brand is None else {"brand": brand}),
    }


@pytest.mark.parametrize(
    ("begins", "ends", "asked"),
    [
        ("06:30:00.5", "07:00:00.001", ("06:30:01", "07:00:01")),
        ("06:30:00", "07:00:00.999999", ("06:30:00", "07:00:01")),
    ],
)
def test_a_fraction_of_a_second_leaves_the_same_whole_seconds_inside(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, begins: str, ends: str, asked: tuple[str, str]
) -> None:
    """The vendor takes whole seconds; of 06:30:00.5 to 07:00:00.001 the first is 06:30:01 and the last 07:00:00."""
    rows(frontend, **{"from": f"2019-11-12T{begins}Z", "to": f"2019-11-12T{ends}Z"})
    (request,) = openmarket_simulator.requests
    assert (request.query["fromTime"][11:19], request.query["toTime"][11:19]) == asked


def test_a_brand_has_its_own_rows(frontend: Frontend) -> None:
    mine = rows(frontend, brand="Late Show")
    assert {row["brand"] for row in mine} == {"Late Show"}
    assert mine == [row for row in rows(frontend) if row["brand"] == "Late Show"]


def test_an_empty_period_and_days_to_come_call_no_vendor(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock
) -> None:
    assert rows(frontend, to=PERIOD["from"]) == []
    tomorrow = clock() + timedelta(days=1)
    assert rows(frontend, **{"from": tomorrow.isoformat(), "to": (tomorrow + timedelta(days=1)).isoformat()}) == []
    assert openmarket_simulator.requests == []


def test_an_outcome_that_was_asked_late_enough_is_settled_for_good(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock
) -> None:
    rows(frontend)
    clock.advance(days=300)
    frontend.data(QUERY, PERIOD)
    assert openmarket_simulator.count("/csv/outcome") == 1


@pytest.mark.parametrize(("framing", "final_until"), [("length", rfc3339(END)), ("close", None)])
def test_only_an_outcome_that_proved_to_be_whole_is_final(
    framing: Literal["length", "close"],
    final_until: str | None,
    frontend: Frontend,
    openmarket_simulator: OpenMarketSimulator,
) -> None:
    openmarket_simulator.misbehave(Fault(lambda correct: replace(correct, framing=framing)))
    query = QUERY.replace("source asOf stale", "finalUntil nextRefresh")
    freshness = frontend.data(query, PERIOD)["creditOutcome"]["freshness"]
    assert freshness["finalUntil"] == final_until
    assert (freshness["nextRefresh"] is None) is (framing == "length")
