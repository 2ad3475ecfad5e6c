"""Pages of the credit log: put together they are the log, also while new rows arrive."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.vendors.openmarket import OpenMarketSimulator
from tests.support.api.credit_log import CREDIT_LOG, END, START, credit, credit_log
from tests.support.api.frontend import Frontend
from tests.support.moving_clock import MovingClock
from tests.support.vendors.credit_oracle import in_period


@pytest.mark.parametrize("order", ["OLDEST_FIRST", "NEWEST_FIRST"])
@pytest.mark.parametrize("size", [1, 7, 40, 10_000])
@pytest.mark.parametrize("where", [None, {"network": ["Three"], "minAmount": "2"}])
def test_pages_put_together_are_the_log(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, size: int, where: dict[str, Any] | None, order: str
) -> None:
    def keep(entry: dict[str, Any]) -> bool:
        return where is None or (entry["network"] == "Three" and float(entry["amount"]) >= 2)

    end = START + timedelta(hours=30)
    whole = in_period(openmarket_simulator, START, end, keep)
    if order == "NEWEST_FIRST":
        whole.reverse()
    paged: list[dict[str, Any]] = []
    after = None
    while True:
        page = credit_log(frontend, START, end, first=size, after=after, where=where, order=order)
        info = page["pageInfo"]
        assert page["totalCount"] == len(whole)
        assert info["hasPreviousPage"] is bool(paged)
        assert info["startCursor"] == page["edges"][0]["cursor"]
        assert info["endCursor"] == page["edges"][-1]["cursor"]
        assert [edge["node"]["creditId"] for edge in page["edges"]] == [node["creditId"] for node in page["nodes"]]
        paged += page["nodes"]
        assert info["hasNextPage"] is (len(paged) < len(whole))
        if not info["hasNextPage"]:
            break
        after = info["endCursor"]
    assert paged == whole


def test_no_row_is_shown_twice_or_left_out_while_new_ones_arrive(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock
) -> None:
    start, end = clock() - timedelta(hours=11), clock()
    before = in_period(openmarket_simulator, start, end)
    first = credit_log(frontend, start, end, first=5)
    early = start + timedelta(seconds=1)
    late = end - timedelta(seconds=1)
    openmarket_simulator.add(credit(1, early), credit(2, late))
    clock.advance(minutes=2)
    rest = credit_log(frontend, start, end, after=first["pageInfo"]["endCursor"])
    assert first["nodes"] == before[:5]
    assert [entry["creditId"] for entry in rest["nodes"]] == [*(entry["creditId"] for entry in before[5:]), "2"]
    assert rest["totalCount"] == len(before) + 2


def test_a_cursor_of_every_row_leads_to_the_next(frontend: Frontend) -> None:
    whole = credit_log(frontend)
    ids = [node["creditId"] for node in whole["nodes"]]
    for at in range(0, len(ids) - 1, 17):
        following = credit_log(frontend, after=whole["edges"][at]["cursor"], first=1)
        assert [node["creditId"] for node in following["nodes"]] == [ids[at + 1]]


@pytest.mark.parametrize(
    "elsewhere", [{"brand": "MyBrand"}, {"where": {"outcome": ["FAILED"]}}, {"order": "NEWEST_FIRST"}]
)
def test_a_cursor_of_another_list_is_refused(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, elsewhere: dict[str, Any]
) -> None:
    cursor = credit_log(frontend, first=1)["pageInfo"]["endCursor"]
    asked = len(openmarket_simulator.requests)
    period = {"from": START.isoformat(), "to": END.isoformat()}
    assert frontend.ask(CREDIT_LOG, {**period, "after": cursor, **elsewhere}).codes == ["BAD_USER_INPUT"]
    assert len(openmarket_simulator.requests) == asked


def test_a_cursor_stays_good_when_the_period_s_other_end_moves(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    """A list that grows at its end is the same list."""
    cursor = credit_log(frontend, first=3)["pageInfo"]["endCursor"]
    end = datetime(2019, 11, 17, tzinfo=UTC)
    longer = credit_log(frontend, START, end, after=cursor)
    assert longer["nodes"] == in_period(openmarket_simulator, START, end)[3:]


def test_a_cursor_of_a_filter_stays_good_however_its_bound_is_spelled(frontend: Frontend) -> None:
    """A plan spells a number as JSON does, without the zeros at its end."""
    query = """query($after: String) {
        creditLog(from: "2019-11-12T00:00:00Z", to: "2019-11-14T00:00:00Z", first: 2, after: $after,
                  where: {minAmount: 0.50}) { pageInfo { endCursor hasPreviousPage } } }"""
    first, second = frontend.data(query), frontend.data(query)
    assert first == second
    after = {"after": first["creditLog"]["pageInfo"]["endCursor"]}
    assert frontend.data(query, after)["creditLog"]["pageInfo"]["hasPreviousPage"]


def test_the_newest_credits_of_many_days_read_one_day(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    start, end = datetime(2019, 11, 5, tzinfo=UTC), datetime(2019, 11, 15, tzinfo=UTC)
    whole = in_period(openmarket_simulator, start, end)
    newest = credit_log(frontend, start, end, first=3, order="NEWEST_FIRST")
    assert newest["nodes"] == whole[:-4:-1]
    assert newest["totalCount"] == len(whole)


@pytest.mark.parametrize("spelled", ["{}", "+{}", " {} ", "+{0}", "+44 (7700) {1}", "44-7700-{1}"])
def test_a_phone_number_is_found_in_every_common_spelling(frontend: Frontend, spelled: str) -> None:
    number = credit_log(frontend, first=1)["nodes"][0]["msisdn"]
    assert number.startswith("447700")
    found = credit_log(frontend, where={"msisdn": spelled.format(number, number[6:])})
    assert {node["msisdn"] for node in found["nodes"]} == {number}
    assert found["totalCount"] == credit_log(frontend, where={"msisdn": number})["totalCount"]


def test_a_credit_is_found_by_the_vendor_s_id(frontend: Frontend) -> None:
    some = credit_log(frontend)["nodes"][7]
    assert credit_log(frontend, where={"creditId": some["creditId"]})["nodes"] == [some]
    assert credit_log(frontend, where={"creditId": "1"})["totalCount"] == 0
