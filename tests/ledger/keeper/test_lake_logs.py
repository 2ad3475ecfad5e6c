"""The keeper fills the lake: with what it settles, with older days, looking hourly, and without asking the vendor."""

import json
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pyarrow.parquet  # type: ignore[import-untyped]
import pytest

from functions.keeper_handler import KeeperHandler
from functions.settings import Settings
from functions.wiring import keeper_of
from runtime.clock import DAY, midnight
from tests.support.api.frontend import InvocationContext
from tests.support.processes.deployment import Deployment

CREDITS, BRAND_CREDITS = "lake/credits/tenant=default/", "lake/brand_credits/tenant=default/"
LOG = "query($f: DateTime!, $t: DateTime!, $b: String) { creditLog(from: $f, to: $t, brand: $b) { totalCount } }"


def rows(deployment: Deployment, prefix: str = CREDITS) -> list[dict[str, Any]]:
    files = [key for key in deployment.keys(prefix) if key.endswith(".parquet")]
    tables = (pyarrow.parquet.ParquetFile(BytesIO(deployment.read(key))).read() for key in files)
    return [row for table in tables for row in table.to_pylist()]


def test_what_a_run_settles_it_writes_into_the_lake(both: Deployment) -> None:
    run = both.run_keeper(days=9)
    assert (run["daysSettled"], run["lakeDays"], run["lakeFiles"]) == (5, 5, len({*months(both, 4, 8)}))
    sent = both.openmarket.credits_between(midnight(both.today - 8 * DAY), midnight(both.today - 3 * DAY))
    assert sorted(int(row["credit_id"]) for row in rows(both)) == sorted(credit.credit_id for credit in sent)
    again = both.run_keeper(days=9)
    assert (again["lakeDays"], again["lakeFiles"], again["failed"]) == (0, 0, 0)


def months(deployment: Deployment, *ages: int) -> list[str]:
    return [f"{deployment.today - age * DAY:%Y-%m}" for age in ages]


def test_days_that_were_settled_long_ago_come_in_and_the_vendor_is_not_asked(both: Deployment) -> None:
    both.run_keeper(days=20)
    for key in both.keys("lake/"):
        both.aws.client("s3").delete_object(Bucket=both.environ["LEDGER_BUCKET"], Key=key)
    both.clock.advance(days=200)
    both.run_keeper(days=1)  # asks for today only
    asked = both.openmarket.count("/csv/log")
    assert len({row["day"] for row in rows(both)}) == 16
    both.run_keeper(days=1)
    assert both.openmarket.count("/csv/log") == asked


def test_a_brand_that_was_asked_for_has_its_own_table(both: Deployment) -> None:
    sent = both.openmarket.credits_between(midnight(both.today - 5 * DAY), midnight(both.today - 3 * DAY))
    brand = sent[0].brand
    both.ask(LOG, b=brand)
    both.run_keeper()
    of_the_brand = {int(row["credit_id"]) for row in rows(both, f"{BRAND_CREDITS}brand={quote(brand)}/")}
    assert of_the_brand == {credit.credit_id for credit in sent if credit.brand == brand}
    assert {int(row["credit_id"]) for row in rows(both)} == {credit.credit_id for credit in sent} > of_the_brand


def test_a_day_that_cannot_be_read_is_a_failure_of_every_run_and_stops_nothing_else(both: Deployment) -> None:
    both.run_keeper()
    key = next(key for key in both.keys("credit-log/") if key.endswith("/rows.csv.gz"))
    for made in both.keys("lake/"):
        both.aws.client("s3").delete_object(Bucket=both.environ["LEDGER_BUCKET"], Key=made)
    both.put(key, b"no gzip")
    first, second = both.run_keeper(), both.run_keeper()
    assert [run["failed"] for run in (first, second)] == [1, 1]
    assert (first["lakeDays"], second["lakeDays"]) == (1, 0)


def test_a_log_without_changes_is_looked_at_once_an_hour(both: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    keeper = keeper_of(Settings.read(both.environ), both.clock)
    keeper = replace(keeper, credit_days=replace(keeper.credit_days, days=6))
    with closing(KeeperHandler(keeper)) as handler:
        for minutes in (0, 15, 15, 30, 15):
            both.clock.advance(minutes=minutes)
            handler({}, InvocationContext(900))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"keeper run"' in line]
    _, second, third, fourth, fifth = (line["counts"]["s3.list"] for line in lines)
    assert [third, fourth, fifth] == [second, second + 2, second], "the hour is over in the fourth run"
