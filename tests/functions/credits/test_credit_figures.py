"""Filters, totals and summaries of the credit log, against the slow and obvious sum of the vendor's own rows."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import chain, combinations
from typing import Any

import pytest

from local.vendors.openmarket import OpenMarketSimulator
from tests.support.api.credit_log import END, START, credit, credit_log
from tests.support.api.frontend import Frontend
from tests.support.vendors.credit_oracle import comparable, in_period, summary

KEYS = ("DAY", "HOUR", "NETWORK", "OUTCOME", "CURRENCY")
COMBINATIONS = list(chain.from_iterable(combinations(KEYS, size) for size in range(len(KEYS) + 1)))
PERIOD = {"from": START.isoformat(), "to": END.isoformat()}

type Keep = Callable[[dict[str, Any]], bool]

FILTERS: list[tuple[dict[str, Any], Keep]] = [
    ({}, lambda entry: True),  # noqa: ARG005 - no condition lets every row pass
    ({"outcome": ["FAILED"]}, lambda entry: entry["outcome"] == "FAILED"),
    ({"outcome": ["SUCCESS", "PENDING"]}, lambda entry: entry["outcome"] in {"SUCCESS", "PENDING"}),
    ({"outcome": []}, lambda entry: False),  # noqa: ARG005 - none of nothing
    ({"network": ["O2", "T-Mobile"]}, lambda entry: entry["network"] in {"O2", "T-Mobile"}),
    ({"network": ["o2"]}, lambda entry: entry["network"] == "o2"),
    ({"currency": ["EUR"]}, lambda entry: entry["currency"] == "EUR"),
    ({"msisdn": "447700900007"}, lambda entry: entry["msisdn"] == "447700900007"),
    ({"minAmount": "2.50"}, lambda entry: Decimal(entry["amount"]) >= Decimal("2.5")),
    ({"maxAmount": "2.5"}, lambda entry: Decimal(entry["amount"]) <= Decimal("2.5")),
    ({"minAmount": 1, "maxAmount": 1.5}, lambda entry: entry["amount"] in {"1", "1.5"}),
    ({"minAmount": "5", "maxAmount": "1"}, lambda entry: False),  # noqa: ARG005 - no number is both
    (
        {"outcome": ["SUCCESS"], "network": ["Vodafone"], "currency": ["GBP"], "minAmount": "1"},
        lambda entry: (
            (entry["outcome"], entry["network"], entry["currency"]) == ("SUCCESS", "Vodafone", "GBP")
            and Decimal(entry["amount"]) >= 1
        ),
    ),
]


@pytest.mark.parametrize(("where", "keep"), FILTERS, ids=lambda part: str(part) if isinstance(part, dict) else "")
def test_a_filter_keeps_the_rows_that_meet_every_condition(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, where: dict[str, Any], keep: Keep
) -> None:
    expected = in_period(openmarket_simulator, START, END, keep)
    log = credit_log(frontend, where=where)
    assert log["nodes"] == expected
    assert log["totalCount"] == len(expected)
    assert summarised(frontend, ("NETWORK", "DAY"), where) == summary(expected, ("NETWORK", "DAY"))


def test_a_null_in_a_filter_is_not_a_condition(frontend: Frontend) -> None:
    nothing = dict.fromkeys(("outcome", "network", "currency", "msisdn", "minAmount", "maxAmount"))
    assert credit_log(frontend, where=nothing)["edges"] == credit_log(frontend, where=None)["edges"]


@pytest.mark.parametrize("where", [None, {"network": ["Three", "Orange"]}])
def test_every_combination_of_keys_adds_up(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, where: dict[str, Any] | None
) -> None:
    entries = in_period(
        openmarket_simulator, START, END, lambda entry: where is None or entry["network"] in where["network"]
    )
    for by in COMBINATIONS:
        assert summarised(frontend, by, where) == summary(entries, by), by


def test_whole_days_and_cut_days_give_one_summary(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    """The interior days come from rollups, the cut ones from rows; asked again, everything comes from what is held."""
    entries = in_period(openmarket_simulator, START, END)
    for _ in range(2):
        assert summarised(frontend, ("HOUR", "OUTCOME")) == summary(entries, ("HOUR", "OUTCOME"))


def test_keys_that_were_not_asked_for_are_null(frontend: Frontend) -> None:
    query = """query($from: DateTime!, $to: DateTime!) { creditLog(from: $from, to: $to) {
      summary(by: [OUTCOME]) { day hour network outcome currency } } }"""
    buckets = frontend.data(query, PERIOD)["creditLog"]["summary"]
    assert {(bucket["day"], bucket["hour"], bucket["network"]) for bucket in buckets} == {(None, None, None)}
    assert {bucket["currency"] for bucket in buckets} == {"GBP", "EUR"}
    assert None not in {bucket["outcome"] for bucket in buckets}


def test_sums_are_exact_where_floats_are_not(frontend: Frontend, openmarket_simulator: OpenMarketSimulator) -> None:
    openmarket_simulator.rows_a_day = 0
    amounts = ["0.1"] * 10 + ["0.2", "99999999999999999999.99", "0.0000000001"]
    moments = [START + timedelta(seconds=index) for index in range(len(amounts))]
    openmarket_simulator.add(*(credit(index, moments[index], amount) for index, amount in enumerate(amounts)))
    (bucket,) = summarised(frontend, ())
    assert bucket["amount"] == Decimal("100000000000000000001.1900000001")


def test_figures_need_no_page(frontend: Frontend) -> None:
    query = """query($from: DateTime!, $to: DateTime!) { creditLog(from: $from, to: $to, first: 1) {
      totalCount summary(by: []) { count } nodes { creditId } } }"""
    log = frontend.data(query, PERIOD)["creditLog"]
    assert len(log["nodes"]) == 1
    assert sum(bucket["count"] for bucket in log["summary"]) == log["totalCount"] > 1


def test_an_empty_period_has_an_empty_summary(frontend: Frontend) -> None:
    query = """query($at: DateTime!) { creditLog(from: $at, to: $at) { totalCount summary(by: [DAY]) { count } } }"""
    assert frontend.data(query, {"at": START.isoformat()}) == {"creditLog": {"totalCount": 0, "summary": []}}


def summarised(frontend: Frontend, by: tuple[str, ...], where: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    query = """query($from: DateTime!, $to: DateTime!, $where: CreditLogFilter, $by: [CreditLogKey!]!) {
      creditLog(from: $from, to: $to, where: $where) {
        summary(by: $by) { day hour network outcome currency count amount } } }"""
    buckets = frontend.data(query, {**PERIOD, "where": where, "by": by})["creditLog"]["summary"]
    return comparable(buckets)
