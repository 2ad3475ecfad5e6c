"""The figures on the page are the API's, to the last digit."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.overview.sheet import Sheet
from tests.support.overview.stage import Stage

pytestmark = pytest.mark.slow
Read = Callable[..., Sheet]
FIGURES = """
query Figures($from: DateTime!, $to: DateTime!, $zone: String!) {
  creditLog(from: $from, to: $to) {
    totalCount
    total: summary { currency count success failed pending failureRate }
    byOutcome: summary(by: [OUTCOME]) { currency outcome amount }
    days: summary(by: [DAY], timeZone: $zone, fill: true) { currency count success failed pending unknown }
    networks: summary(by: [NETWORK]) { network currency count failureRate }
    prices: summary(by: [AMOUNT]) { value currency count failureRate }
  }
  creditOutcome(from: $from, to: $to) { brands { brand currency success failed creditApplied } }
  creditReconciliation(from: $from, to: $to) { balanced rows { currency value } }
}"""
LAST_MONTH = "?period=own&from=2026-10-01&to=2026-10-31&zone=UTC&compare=none"


def shown(amount: str) -> str:
    whole, _, fraction = amount.partition(".")
    return f"{int(whole):,}.{fraction.ljust(2, '0')}"


def percent(rate: str) -> str:
    return f"{rate[2:4].lstrip('0') or '0'}.{rate[4:6]} %" if rate.startswith("0.") else "100.00 %"


def of(lines: list[dict[str, Any]], **keys: str) -> dict[str, Any]:
    (line,) = [line for line in lines if all(line[name] == value for name, value in keys.items())]
    return line


def test_every_figure_of_a_month_is_the_api_s(stage: Stage, read: Read) -> None:
    """Of a whole month in one request: tiles, bars, networks, price points, brands, balance and the newest credits."""
    stage.openmarket.history_days = 366
    sheet = read(stage.url() + LAST_MONTH)
    data = stage.ask(FIGURES, {"from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z", "zone": "UTC"})
    log = data["creditLog"]
    for currency, sign in (("GBP", "£"), ("EUR", "€")):
        total = of(log["total"], currency=currency)
        applied = of(log["byOutcome"], currency=currency, outcome="SUCCESS")["amount"]
        assert sheet.tile("Credits", currency)["value"] == f"{total['count']:,}"
        assert sheet.tile("Amount applied", currency)["value"] == f"{sign}{shown(applied)}"
        assert sheet.tile("Failure rate", currency)["value"] == percent(total["failureRate"])
        assert sheet.tile("Pending", currency)["value"] == f"{total['pending']:,}"
        days = [line for line in log["days"] if line["currency"] == currency]
        rows = sheet.table(f"{currency}: credits by day")
        assert len(rows) == len(days) == 31
        for row, day in zip(rows, days, strict=True):
            states = ("count", "success", "failed", "pending", "unknown")
            columns = ("Credits", "Applied", "Failed", "Pending", "Unknown")
            assert [row[column] for column in columns] == [f"{day[state]:,}" for state in states]
        networks = {row["Network"]: row for row in sheet.table(f"Networks, {currency}")}
        assert {name: row["Credits"] for name, row in networks.items()} == {
            line["network"]: f"{line['count']:,}" for line in log["networks"] if line["currency"] == currency
        }
        prices = [row["Credits"] for row in sheet.table(f"Price points, {currency}")]
        assert prices == [f"{line['count']:,}" for line in log["prices"] if line["currency"] == currency]
        brands = {row["Brand"]: row["Amount applied"] for row in sheet.table(f"Outcome report by brand, {currency}")}
        assert brands == {
            line["brand"]: f"{sign}{shown(line['creditApplied'])}"
            for line in data["creditOutcome"]["brands"]
            if line["currency"] == currency
        }
    assert data["creditReconciliation"]["balanced"]
    assert f"agree at all {len(data['creditReconciliation']['rows'])} price points" in sheet.text("balance")
    assert f"{log['totalCount']:,} credits" in sheet.text("credits")
    assert "all of it is final" in sheet.text("truth")
    assert len(sheet.asked) == 1
    assert sheet.asked[0].method == "GET"
    assert sheet.audit() == []
