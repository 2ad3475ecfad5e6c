"""`creditLog`: every row of the period in order, each exactly as the vendor has it."""

from datetime import UTC, datetime, timedelta

import pytest

from local.vendors.openmarket import OpenMarketSimulator, parsed_time
from tests.support.api.credit_log import END, START, credit, credit_log
from tests.support.api.frontend import Frontend
from tests.support.moving_clock import MovingClock
from tests.support.vendors.credit_oracle import in_period


def test_every_field_of_every_row_is_the_vendor_s(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    log = credit_log(frontend)
    assert log["nodes"] == in_period(openmarket_simulator, START, END)
    assert log["totalCount"] == len(log["nodes"]) > 100


def test_a_brand_has_its_own_rows(frontend: Frontend, openmarket_simulator: OpenMarketSimulator) -> None:
    brand = "Smith, Jones Radio"
    log = credit_log(frontend, brand=brand)
    mine = [str(credit.credit_id) for credit in openmarket_simulator.credits_between(START, END, brand)]
    assert sorted(entry["creditId"] for entry in log["nodes"]) == sorted(mine)
    assert mine


def test_rows_of_one_second_are_in_the_order_of_their_number(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    """Sorted as text, 10 comes before 9; above 2**63 a signed number would come first."""
    ids = [9, 10, 2**53 + 1, 2**63, 2**64 - 1]
    moment = datetime(2019, 11, 20, 12, tzinfo=UTC)
    openmarket_simulator.add(*(credit(credit_id, moment) for credit_id in reversed(ids)))
    log = credit_log(frontend, moment, moment + timedelta(seconds=1))
    assert [entry["creditId"] for entry in log["nodes"]] == [str(credit_id) for credit_id in ids]


@pytest.mark.parametrize("ends_inclusive", [True, False])
def test_a_period_holds_its_first_instant_and_not_its_last(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, ends_inclusive: bool
) -> None:
    openmarket_simulator.ends_inclusive = ends_inclusive
    midnight = datetime(2019, 11, 20, tzinfo=UTC)
    for index, seconds in enumerate((-1, 0, 86399, 86400)):
        openmarket_simulator.add(credit(100 + index, midnight + timedelta(seconds=seconds)))
    log = credit_log(frontend, midnight, midnight + timedelta(days=1))
    mine = [entry["creditId"] for entry in log["nodes"] if len(entry["creditId"]) == 3]
    assert mine == ["101", "102"]


def test_an_amount_keeps_the_vendor_s_own_spelling(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    moment = datetime(2019, 11, 20, 12, tzinfo=UTC)
    amounts = ["1.5", "1.50", "0.1", "25.5000", "12345678901234567.89"]
    openmarket_simulator.add(*(credit(index, moment, amount) for index, amount in enumerate(amounts)))
    log = credit_log(frontend, moment, moment + timedelta(seconds=1))
    assert [entry["amount"] for entry in log["nodes"]] == amounts


@pytest.mark.parametrize("days_later", [0, 1])
def test_of_two_rows_with_one_id_the_last_wins(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, days_later: int
) -> None:
    first = datetime(2019, 11, 13, 12, tzinfo=UTC)
    last = first + timedelta(days=days_later)
    openmarket_simulator.add(credit(7, first, first="pending", final="pending"))
    openmarket_simulator.add(credit(7, last, first="confirmed", final="confirmed"))
    mine = [entry for entry in credit_log(frontend)["nodes"] if entry["creditId"] == "7"]
    assert [(entry["time"], entry["rawOutcome"]) for entry in mine] == [(f"{last:%Y-%m-%dT%H:%M:%SZ}", "confirmed")]


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("SUCCESS", "SUCCESS"),
        ("Confirmed", "SUCCESS"),
        ("failed", "FAILED"),
        ("Pending", "PENDING"),
        ("RETRYING", "PENDING"),
        ("refunded", "UNKNOWN"),
    ],
)
def test_an_outcome_keeps_its_word_beside_its_state(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, word: str, state: str
) -> None:
    moment = datetime(2019, 11, 20, 12, tzinfo=UTC)
    openmarket_simulator.add(credit(1, moment, first=word, final=word))
    (entry,) = credit_log(frontend, moment, moment + timedelta(seconds=1))["nodes"]
    assert (entry["rawOutcome"], entry["outcome"]) == (word, state)


def test_a_name_with_a_comma_a_quote_and_an_emoji_stays_whole(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    moment = datetime(2019, 11, 20, 12, tzinfo=UTC)
    openmarket_simulator.add(credit(1, moment, network='O2, "Giff\u00e9" \U0001f4f1'))
    (entry,) = credit_log(frontend, moment, moment + timedelta(seconds=1))["nodes"]
    assert entry["network"] == 'O2, "Giff\u00e9" \U0001f4f1'


def test_an_empty_period_calls_no_vendor(frontend: Frontend, openmarket_simulator: OpenMarketSimulator) -> None:
    log = credit_log(frontend, START, START)
    assert (log["nodes"], log["totalCount"]) == ([], 0)
    assert log["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    assert openmarket_simulator.requests == []


def test_days_to_come_are_not_asked_for(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock
) -> None:
    tomorrow = clock() + timedelta(days=1)
    assert credit_log(frontend, tomorrow, tomorrow + timedelta(days=3))["totalCount"] == 0
    assert openmarket_simulator.requests == []
    assert credit_log(frontend, clock() - timedelta(hours=3), tomorrow)["totalCount"] > 0
    asked = [parsed_time(request.query["toTime"]) for request in openmarket_simulator.requests]
    assert all(until <= datetime(2019, 12, 6, 0, 0, 1, tzinfo=UTC) for until in asked)


@pytest.mark.slow
@pytest.mark.slow
def test_a_year_is_answered_whole(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock
) -> None:
    openmarket_simulator.rows_a_day = 2
    start = clock() - timedelta(days=366)
    log = credit_log(frontend, start, clock())
    assert log["nodes"] == in_period(openmarket_simulator, start, clock())
    spans = [
        parsed_time(request.query["toTime"]) - parsed_time(request.query["fromTime"])
        for request in openmarket_simulator.requests
    ]
    assert max(spans) <= timedelta(days=31, seconds=2)
    assert len(spans) == 12
