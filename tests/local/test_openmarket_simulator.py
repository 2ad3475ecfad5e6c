"""The simulated OpenMarket answers as its document says."""

import csv
import io
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import httpx
import pytest

from local.vendors.credits import BRANDS, NETWORKS, PRICE_POINTS, SimulatedCredit, credits_of
from local.vendors.csv_shapes import SHAPES
from local.vendors.openmarket import OpenMarketSimulator
from tests.support.vendors.simulator_client import credit_report, utc, written

LOG_COLUMNS = ["Credit ID", "Time (UTC)", "MSISDN", "Network", "Outcome", "Amount", "Currency"]
OUTCOME_COLUMNS = ["Brand", "Amount", "Currency", "Success", "Failed", "Credit Applied"]
NOW = utc("2024-06-20T12:00:00")
DAY = ("2024-06-10 00:00:00 UTC", "2024-06-10 23:59:59 UTC")


@pytest.fixture
def vendor(openmarket_simulator: OpenMarketSimulator) -> OpenMarketSimulator:
    openmarket_simulator.clock = lambda: NOW
    return openmarket_simulator


def rows(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def made(credit_id: int, time_of: datetime, network: str = "O2") -> SimulatedCredit:
    return SimulatedCredit(
        credit_id, time_of, "447700900001", network, "1.5", "GBP", "MyBrand", "SUCCESS", "SUCCESS", time_of
    )


def test_the_log_is_csv_with_the_documented_columns(vendor: OpenMarketSimulator) -> None:
    answer = credit_report(vendor, "log", *DAY)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text.splitlines()[0].split(",") == LOG_COLUMNS


def test_the_outcome_report_adds_up_the_log_by_brand_and_value(vendor: OpenMarketSimulator) -> None:
    answer = credit_report(vendor, "outcome", *DAY, brand="MyBrand")
    log = rows(credit_report(vendor, "log", *DAY, brand="MyBrand"))
    counted = Counter((row["Amount"], row["Currency"], row["Outcome"].lower()) for row in log)
    assert answer.text.splitlines()[0].split(",") == OUTCOME_COLUMNS
    assert rows(answer)
    for row in rows(answer):
        value = (row["Amount"], row["Currency"])
        success = counted[*value, "success"] + counted[*value, "confirmed"]
        assert (row["Brand"], int(row["Success"])) == ("MyBrand", success)
        assert int(row["Failed"]) == counted[*value, "failed"]
        assert row["Credit Applied"] == f"{Decimal(row['Amount']) * success:.4f}"


def test_a_day_has_2000_credits_of_the_uk_as_the_vendor_describes_it(vendor: OpenMarketSimulator) -> None:
    log = rows(credit_report(vendor, "log", *DAY))
    ids = [int(row["Credit ID"]) for row in log]
    assert len(log) == len(set(ids)) == 2000
    assert max(ids) > 2**63
    assert max(ids) < 2**64
    assert ids != sorted(ids)
    assert {row["Network"] for row in log} == set(NETWORKS)
    assert {row["Amount"] for row in log} == set(PRICE_POINTS)
    assert (
        447700900000 <= min(int(row["MSISDN"]) for row in log) <= max(int(row["MSISDN"]) for row in log) <= 447700900022
    )
    assert 0.9 < sum(row["Currency"] == "GBP" for row in log) / 2000 < 1
    assert sum(int(row["Credit ID"]) > 2**63 for row in log) > 100


def test_a_day_is_the_same_whenever_it_is_asked_for(vendor: OpenMarketSimulator) -> None:
    before = credit_report(vendor, "log", *DAY).content
    vendor.clock = lambda: NOW + timedelta(days=30)
    credits_of.cache_clear()
    assert credit_report(vendor, "log", *DAY).content == before


def test_nothing_is_in_the_log_before_it_happens_and_nothing_after_ninety_days(vendor: OpenMarketSimulator) -> None:
    today = rows(credit_report(vendor, "log", "2024-06-20 00:00:00 UTC", "2024-06-20 23:59:59 UTC"))
    assert today
    assert max(row["Time (UTC)"] for row in today) <= "2024-06-20 12:00:00"
    assert rows(credit_report(vendor, "log", "2024-03-21 00:00:00 UTC", "2024-03-21 23:59:59 UTC")) == []
    assert len(rows(credit_report(vendor, "log", "2024-03-22 00:00:00 UTC", "2024-03-22 23:59:59 UTC"))) == 2000


def test_outcomes_settle_hours_later_and_a_few_only_after_a_day(vendor: OpenMarketSimulator) -> None:
    unsettled = {}
    for hours in (0, 12, 36, 48):
        now = utc("2024-06-11T00:00:00") + timedelta(hours=hours)
        vendor.clock = partial(now.astimezone, UTC)
        words = Counter(row["Outcome"] for row in rows(credit_report(vendor, "log", *DAY)))
        unsettled[hours] = words["pending"] + words["retrying"]
    assert unsettled[0] > unsettled[12] > unsettled[36] > unsettled[48] == 0


def test_a_zone_is_required_and_understood(vendor: OpenMarketSimulator) -> None:
    start, end = utc("2024-06-10T00:00:00"), utc("2024-06-10T01:00:00")
    summer = timedelta(hours=1)
    same = credit_report(vendor, "log", written(start), written(end)).content
    assert credit_report(vendor, "log", written(start + summer, "BST"), written(end + summer, "+01:00")).content == same
    assert credit_report(vendor, "log", f"{start:%Y-%m-%d %H:%M:%S}", written(end)).status_code == 400


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (None, DAY[1]),
        (DAY[0], None),
        ("2024-06-10", DAY[1]),
        ("2024-06-31 00:00:00 UTC", DAY[1]),
        ("2024-06-10 00:00:00 QQT", DAY[1]),
    ],
)
def test_both_times_are_required_as_the_document_writes_them(
    vendor: OpenMarketSimulator, start: str | None, end: str | None
) -> None:
    assert credit_report(vendor, "log", start, end).status_code == 400


def test_a_plus_is_not_a_space(vendor: OpenMarketSimulator) -> None:
    query = "fromTime=2024-06-10+00:00:00+UTC&toTime=2024-06-10+23:59:59+UTC"
    auth = (vendor.secret["accountId"], vendor.secret["password"])
    assert httpx.get(f"{vendor.base_url}/csv/log?{query}", auth=auth).status_code == 400


def test_account_and_password_are_case_sensitive(vendor: OpenMarketSimulator) -> None:
    account, password = vendor.secret["accountId"], vendor.secret["password"]
    url = f"{vendor.base_url}/csv/log"
    assert httpx.get(url, auth=(account.upper(), password)).status_code == 401
    assert httpx.get(url, auth=(account, password.upper())).status_code == 401
    assert httpx.get(url).headers["www-authenticate"].startswith("Basic")


def test_two_accounts_have_two_logs(vendor: OpenMarketSimulator) -> None:
    first = credit_report(vendor, "log", *DAY).content
    vendor.accounts = {"another": "pw"}
    assert credit_report(vendor, "log", *DAY).content != first


def test_a_brand_narrows_the_log_and_an_unknown_one_leaves_the_header(vendor: OpenMarketSimulator) -> None:
    counts = [len(rows(credit_report(vendor, "log", *DAY, brand=brand))) for brand in BRANDS]
    assert sum(counts) == 2000
    assert min(counts) > 0
    assert credit_report(vendor, "log", *DAY, brand="mybrand").text == ",".join(LOG_COLUMNS) + "\r\n"
    vendor.shape = SHAPES["bare"]
    assert credit_report(vendor, "log", *DAY, brand="mybrand").content == b""


@pytest.mark.parametrize(("inclusive", "seen"), [(True, ["1", "2"]), (False, ["1"])])
def test_whether_the_end_counts_is_a_setting(vendor: OpenMarketSimulator, inclusive: bool, seen: list[str]) -> None:
    vendor.rows_a_day = 0
    vendor.ends_inclusive = inclusive
    start, end = utc("2024-06-10T00:00:00"), utc("2024-06-11T00:00:00")
    vendor.add(made(1, start), made(2, end))
    assert [row["Credit ID"] for row in rows(credit_report(vendor, "log", written(start), written(end)))] == seen


def test_late_rows_and_changed_outcomes_show_from_then_on(vendor: OpenMarketSimulator) -> None:
    vendor.rows_a_day = 0
    vendor.add(made(7, utc("2024-06-10T10:00:00"), network='A "quoted", one'))
    (row,) = rows(credit_report(vendor, "log", *DAY))
    assert (row["Network"], row["Outcome"]) == ('A "quoted", one', "SUCCESS")
    vendor.change_outcome(7, "failed")
    (row,) = rows(credit_report(vendor, "log", *DAY))
    assert row["Outcome"] == "failed"
    (total,) = rows(credit_report(vendor, "outcome", *DAY))
    assert (total["Success"], total["Failed"], total["Credit Applied"]) == ("0", "1", "0.0000")


def test_held_is_what_the_log_says(vendor: OpenMarketSimulator) -> None:
    held = vendor.credits_between(utc("2024-06-10T00:00:00"), utc("2024-06-10T23:59:59"))
    log = rows(credit_report(vendor, "log", *DAY))
    assert [(str(credit.credit_id), vendor.outcome_of(credit)) for credit in held] == [
        (row["Credit ID"], row["Outcome"]) for row in log
    ]


def test_a_month_is_served_in_a_few_seconds_at_most(openmarket_simulator: OpenMarketSimulator) -> None:
    now = datetime.now(UTC)
    began = time.process_time()
    answer = credit_report(openmarket_simulator, "log", written(now - timedelta(days=31)), written(now))
    assert answer.text.count("\n") > 60_000
    assert time.process_time() - began < 4, "seconds of processor time, of which it takes about one"
