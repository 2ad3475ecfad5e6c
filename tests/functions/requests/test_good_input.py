"""The other side of the table of bad input: what only just can be answered is."""

import pytest

from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from tests.support.api.frontend import Frontend
from tests.support.api.operations import DAYS, LOG, OUTCOME, REPORTS, TIMES


def test_366_days_of_reports_are_answered(frontend: Frontend, rde_simulator: RdeSimulator) -> None:
    assert frontend.data(REPORTS, {"from": "2018-12-03", "to": "2019-12-03"})["reports"]["totalCount"] == 7
    assert rde_simulator.count("/reports") == 1


def test_366_days_of_credits_are_answered(frontend: Frontend, openmarket_simulator: OpenMarketSimulator) -> None:
    year = {"from": "2018-11-13T00:00:00Z", "to": "2019-11-14T00:00:00Z"}
    assert frontend.data(OUTCOME, year)["creditOutcome"]["rows"]
    assert openmarket_simulator.count("/csv/outcome") == 1


@pytest.mark.parametrize(
    "brand",
    ["MyBrand", "Chat & Win", "Smith, Jones Radio", "Zo\u00eb's Caf\u00e9!", "\u97f3\u697d", "100% #1 (UK) + $"],
)
def test_a_brand_reaches_the_vendor_letter_for_letter(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, brand: str
) -> None:
    frontend.data(LOG, {**TIMES, "brand": brand})
    frontend.data(OUTCOME, {**TIMES, "brand": brand})
    assert [request.query["brand"] for request in openmarket_simulator.requests] == [brand, brand]


@pytest.mark.parametrize("first", [1, 10_000, None])
def test_a_page_may_have_1_to_10_000_rows(frontend: Frontend, first: int | None) -> None:
    log = frontend.data(LOG, {**TIMES, "first": first})["creditLog"]
    assert len(log["nodes"]) == {1: 1, 10_000: 80, None: 80}[first]
    assert frontend.data(REPORTS, {**DAYS, "first": first})["reports"]["totalCount"] == 7


def test_a_first_that_is_not_given_means_100_rows(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    openmarket_simulator.rows_a_day = 120
    query = """{ creditLog(from: "2019-11-12T00:00:00Z", to: "2019-11-14T00:00:00Z") { totalCount nodes { time } } }"""
    log = frontend.data(query)["creditLog"]
    assert (log["totalCount"], len(log["nodes"])) == (240, 100)


def test_an_instant_may_have_any_offset(frontend: Frontend) -> None:
    utc = frontend.data(LOG, TIMES)
    elsewhere = {"from": "2019-11-12T05:30:00+05:30", "to": "2019-11-13T16:00:00-08:00"}
    assert frontend.data(LOG, elsewhere) == utc
