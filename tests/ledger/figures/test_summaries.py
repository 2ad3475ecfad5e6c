"""Summaries against an oracle that adds up the rows themselves, in any time zone, over changes of the clock."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.days.rollups import Detail, Rollup, decode, encode
from ledger.days.rows import Rows
from ledger.figures.summaries import (
    TIME_KEYS,
    Summary,
    SummaryKey,
    SummaryRequest,
    TooManyBuckets,
)
from ledger.figures.summary_lines import SummaryBucket, SummaryLines, money
from ledger.figures.time_zones import UnknownTimeZone, time_zone
from runtime.clock import Period, midnight
from upstreams.openmarket.client import LogRow, state_of

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
ZONES = ("UTC", "Europe/London", "Pacific/Auckland", "America/New_York", "Asia/Tokyo")
CHANGES = (date(2019, 3, 31), date(2019, 10, 27), date(2019, 4, 7), date(2019, 9, 29), date(2019, 11, 3))
"""Days around which the clocks of these zones change."""

days = st.builds(lambda day, more: day + timedelta(days=more), st.sampled_from(CHANGES), st.integers(-2, 2))
credit_rows = st.builds(
    lambda day, minute, network, outcome, amount, currency: LogRow(
        0, midnight(day) + timedelta(minutes=minute), "447700900001", network, outcome, amount, currency
    ),
    days,
    st.integers(0, 24 * 60 - 1),
    st.sampled_from(["O2", "Three"]),
    st.sampled_from(["SUCCESS", "failed", "retrying", "?"]),
    st.sampled_from(["1.5", "1.50", "0.005", "10", "-2"]),
    st.sampled_from(["GBP", "EUR"]),
)


@pytest.mark.slow
@settings(max_examples=1500 if NIGHTLY else 150, deadline=None)
@given(
    log=st.lists(credit_rows, max_size=25),
    by=st.frozensets(st.sampled_from(SummaryKey)),
    zone=st.sampled_from(ZONES),
    fill=st.booleans(),
)
def test_a_summary_is_what_the_rows_add_up_to(
    log: list[LogRow], by: frozenset[SummaryKey], zone: str, fill: bool
) -> None:
    log = [row._replace(credit_id=number) for number, row in enumerate(log)]
    first = min((row.time.date() for row in log), default=CHANGES[0])
    last = max((row.time.date() for row in log), default=CHANGES[0])
    period = Period(midnight(first), midnight(min(last, first + timedelta(days=20))) + timedelta(days=1))
    log = [row for row in log if row.time < period.end]
    request = SummaryRequest(by, time_zone(zone, period), fill)
    assert lines(summed(log, request, period)) == expected(log, by, ZoneInfo(zone), period, fill=fill)


def summed(log: Iterable[LogRow], request: SummaryRequest, period: Period) -> SummaryLines:
    """The summary by the rollup of each UTC day, as it comes back from S3."""
    summary = Summary(request, period)
    for day, of_day in groupby(sorted(log, key=lambda row: (row.time, row.credit_id)), key=lambda row: row.time.date()):
        rows = list(of_day)
        rollup = decode(encode(Rollup.of(Rows.of(rows))), len(rows)).parsed(request.detail)
        assert rollup is not None
        summary.add(day, rollup)
    return summary.lines()


def lines(buckets: Iterable[SummaryBucket]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    return {
        (b.hour, b.day, b.week, b.month, b.network, b.outcome and b.outcome.name, b.value, b.currency): (
            *(b.count, Fraction(b.amount), b.success, b.failed, b.pending, b.unknown, b.failure_rate),
        )
        for b in buckets
    }


def expected(
    log: Iterable[LogRow], by: frozenset[SummaryKey], zone: ZoneInfo, period: Period, *, fill: bool
) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    states: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    sums: dict[tuple[Any, ...], Fraction] = defaultdict(Fraction)
    for row in log:
        key = (*times(row.time, by, zone), *others(row, by))
        states[key][state_of(row.raw_outcome).name] += 1
        sums[key] += Fraction(row.amount)
    if fill:
        moments = [period.start + timedelta(minutes=30 * n) for n in range(2 * 24 * (period.end - period.start).days)]
        for time in {times(moment, by, zone) for moment in moments}:
            for other in {others(row, by) for row in log}:
                states[*time, *other], sums[*time, *other]
    return {key: figures(states[key], sums[key]) for key in states}


def times(moment: datetime, by: frozenset[SummaryKey], zone: ZoneInfo) -> tuple[Any, ...]:
    local = moment.astimezone(zone).date()
    return (
        moment.replace(minute=0) if SummaryKey.HOUR in by else None,
        local if SummaryKey.DAY in by else None,
        date.fromisocalendar(*local.isocalendar()[:2], 1) if SummaryKey.WEEK in by else None,
        date(local.year, local.month, 1) if SummaryKey.MONTH in by else None,
    )


def others(row: LogRow, by: frozenset[SummaryKey]) -> tuple[Any, ...]:
    return (
        row.network if SummaryKey.NETWORK in by else None,
        state_of(row.raw_outcome).name if SummaryKey.OUTCOME in by else None,
        Decimal(row.amount) if SummaryKey.AMOUNT in by else None,
        row.currency,
    )


def figures(states: Counter[str], amount: Fraction) -> tuple[Any, ...]:
    ended = states["SUCCESS"] + states["FAILED"]
    rate = round(Fraction(states["FAILED"], ended), 4) if ended else None
    counts = (states["SUCCESS"], states["FAILED"], states["PENDING"], states["UNKNOWN"])
    return (states.total(), amount, *counts, None if rate is None else Decimal(rate.numerator) / rate.denominator)


def test_an_hour_that_the_clock_doubles_is_two_hours_of_one_day() -> None:
    night = [datetime(2019, 10, 27, hour, 30, tzinfo=UTC) for hour in (0, 1)]  # 01:30 twice in London
    log = [LogRow(n, time, "1", "O2", "SUCCESS", "1", "GBP") for n, time in enumerate(night)]
    period = Period(midnight(date(2019, 10, 27)), midnight(date(2019, 10, 28)))
    zone = time_zone("Europe/London", period)
    by_hour = summed(log, SummaryRequest(frozenset({SummaryKey.HOUR}), zone), period)
    assert [(line.hour, line.count) for line in by_hour] == [(time.replace(minute=0), 1) for time in night]
    by_day = summed(log, SummaryRequest(frozenset({SummaryKey.DAY}), zone, fill=True), period)
    assert [(line.day, line.count) for line in by_day] == [(date(2019, 10, 27), 2)]


@pytest.mark.parametrize("name", ["Asia/Kolkata", "Australia/Lord_Howe", "Europe/Nowhere", "", "../etc/passwd", "\0"])
def test_a_zone_that_hourly_figures_cannot_serve_is_refused(name: str) -> None:
    period = Period(midnight(date(2019, 1, 1)), midnight(date(2019, 12, 31)))
    with pytest.raises(UnknownTimeZone):
        time_zone(name, period)


@pytest.mark.parametrize("name", ["localtime", "posixrules", "posix/Europe/London", "right/UTC", "posix/UTC"])
def test_a_name_that_only_some_machines_know_is_no_time_zone(name: str) -> None:
    with pytest.raises(UnknownTimeZone):
        time_zone(name, Period(midnight(date(2019, 1, 1)), midnight(date(2019, 1, 2))))


@pytest.mark.parametrize("name", ["Etc/UTC", "GMT", "GB", "Europe/London", "Europe/Kyiv", "America/Argentina/Ushuaia"])
def test_every_name_of_the_iana_s_is_a_time_zone(name: str) -> None:
    period = Period(midnight(date(2019, 1, 1)), midnight(date(2019, 1, 2)))
    assert time_zone(name, period).utcoffset(period.start.replace(tzinfo=None)) is not None


def test_a_summary_that_grows_too_long_is_refused() -> None:
    period = Period(midnight(date(2019, 1, 1)), midnight(date(2020, 1, 1)))
    log = [LogRow(n, midnight(date(2019, 1, 1)), "1", f"network {n}", "SUCCESS", "1", "GBP") for n in range(6)]
    with pytest.raises(TooManyBuckets):
        summed(log, SummaryRequest(TIME_KEYS | {SummaryKey.NETWORK}, fill=True), period)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ("12", "12.00"),
        ("31.5", "31.50"),
        ("255.0000", "255.00"),
        ("0.005", "0.005"),
        ("1E+3", "1000.00"),
        ("0", "0.00"),
    ],
)
def test_a_sum_has_two_decimals_and_more_only_where_it_needs_them(amount: str, written: str) -> None:
    assert str(money(Decimal(amount))) == written


def test_values_are_needed_for_price_points_only() -> None:
    details = {key: SummaryRequest(frozenset({key})).detail for key in SummaryKey}
    assert details[SummaryKey.AMOUNT] is Detail.DAY_VALUE
    assert details[SummaryKey.HOUR] is Detail.HOUR
    assert {details[key] for key in SummaryKey} - {Detail.DAY_VALUE, Detail.HOUR} == {Detail.DAY}
    assert SummaryRequest(frozenset({SummaryKey.AMOUNT, SummaryKey.HOUR})).detail is Detail.VALUE
