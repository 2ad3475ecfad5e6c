from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, Inexact
from fractions import Fraction

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.days.rollups import (
    FORMAT,
    CorruptRollup,
    Detail,
    HourKey,
    Rollup,
    Total,
    ValueKey,
    add,
    decode,
    encode,
)
from ledger.days.rows import Rows
from runtime.compression import pack
from upstreams.openmarket.client import LogRow, state_of

NIGHT = datetime(2019, 11, 5, tzinfo=UTC)
amounts = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**25), max_value=10**25, places=10)
log_rows = st.builds(
    lambda second, network, outcome, amount, currency: LogRow(
        second, NIGHT + timedelta(seconds=second), "447700900001", network, outcome, format(amount, "f"), currency
    ),
    st.integers(0, 86399),
    st.sampled_from(["O2", "Three", 'a "b",\n c', "📱"]),
    st.sampled_from(["SUCCESS", "failed", "Confirmed", "?"]),
    amounts,
    st.sampled_from(["GBP", "EUR"]),
)


@given(st.lists(log_rows, max_size=40))
def test_a_rollup_is_exactly_what_its_rows_add_up_to(log: list[LogRow]) -> None:
    hours: dict[tuple[int, str, str, str], tuple[int, Fraction]] = defaultdict(lambda: (0, Fraction(0)))
    values: Counter[tuple[int, str, str, str, Fraction]] = Counter()
    for row in log:
        key = (row.time.hour, row.network, state_of(row.raw_outcome).name, row.currency)
        hours[key] = hours[key][0] + 1, hours[key][1] + Fraction(row.amount)
        values[*key, Fraction(row.amount)] += 1
    for rollup in (Rollup.of(Rows.of(log)), decode(encode(Rollup.of(Rows.of(log))), len(log))):
        assert {key: (count, Fraction(amount)) for key, (count, amount) in hours_of(rollup).items()} == hours
        assert {(*key[:4], Fraction(key[4])): count for key, count in values_of(rollup).items()} == values
        assert sum(count for count, _ in rollup.whole.values()) == len(log)
        for split, (count, amount) in rollup.whole.items():
            parts = [total for hour, total in hours.items() if hour[1:] == split]
            assert (count, Fraction(amount)) == (sum(part[0] for part in parts), sum(part[1] for part in parts))


@given(st.lists(log_rows, max_size=40))
def test_a_rollup_of_the_first_version_has_hours_and_no_values(log: list[LogRow]) -> None:
    new = Rollup.of(Rows.of(log))
    lines = (new.whole, hours_of(new))
    written = [orjson.dumps([[*key, count, str(total)] for key, (count, total) in line.items()]) for line in lines]
    old = decode(pack(b"\n".join(written)), len(log))
    assert (old.whole, hours_of(old)) == (new.whole, hours_of(new))
    assert old.parsed(Detail.VALUE) is None


def hours_of(rollup: Rollup) -> Mapping[HourKey, Total]:
    parsed = rollup.parsed(Detail.HOUR)
    assert parsed is not None
    assert isinstance(parsed.hours, Mapping)
    return parsed.hours


def values_of(rollup: Rollup) -> Mapping[ValueKey, int]:
    parsed = rollup.parsed(Detail.VALUE)
    assert parsed is not None
    assert isinstance(parsed.values, Mapping)
    return parsed.values


@given(st.lists(log_rows, max_size=40))
def test_a_rollup_that_is_remembered_keeps_its_values_by_hour_as_they_are_stored(log: list[LogRow]) -> None:
    new = Rollup.of(Rows.of(log))
    stored = decode(encode(new), len(log))
    by_hour = stored.parsed(Detail.HOUR)
    assert by_hour is not None
    assert (by_hour.values, by_hour.day_values) == (stored.values, new.day_values)
    by_value = stored.parsed(Detail.DAY_VALUE)
    assert by_value is not None
    assert (by_value.values, by_value.hours, by_value.day_values) == (stored.values, None, new.day_values)
    assert (hours_of(by_value), values_of(by_hour)) == (hours_of(new), values_of(new))


def test_a_day_by_the_hour_takes_a_quarter_of_the_memory_of_a_day_by_hour_and_value() -> None:
    networks, values = ("O2", "Three", "Vodafone"), tuple(str(value) for value in range(1, 11))
    made = Rollup.of_values({(h, n, "SUCCESS", "GBP", v): 1 for h in range(24) for n in networks for v in values})
    stored = decode(encode(made), 24 * 30)
    by_hour, by_value = stored.parsed(Detail.HOUR), stored.parsed(Detail.VALUE)
    assert by_hour is not None
    assert by_value is not None
    assert by_hour.size * 4 < by_value.size


@pytest.mark.parametrize("one", Detail)
@pytest.mark.parametrize("other", Detail)
def test_two_details_joined_have_what_both_have(one: Detail, other: Detail) -> None:
    parts = {Detail.DAY: set(), Detail.DAY_VALUE: {"value"}, Detail.HOUR: {"hour"}, Detail.VALUE: {"hour", "value"}}
    assert parts[one.joined(other)] == parts[one] | parts[other]


def test_one_value_has_one_spelling() -> None:
    log = [LogRow(n, NIGHT, "1", "O2", "SUCCESS", amount, "GBP") for n, amount in enumerate(["1.5", "1.50", "1.5000"])]
    assert values_of(Rollup.of(Rows.of(log))) == {(0, "O2", "SUCCESS", "GBP", "1.5"): 3}


def test_a_tenth_ten_times_is_one() -> None:
    log = [LogRow(n, NIGHT, "1", "O2", "SUCCESS", "0.10", "GBP") for n in range(10)]
    assert Rollup.of(Rows.of(log)).whole == {("O2", "SUCCESS", "GBP"): (10, Decimal("1.00"))}


def test_two_currencies_are_never_added_up() -> None:
    log = [LogRow(n, NIGHT, "1", "O2", "SUCCESS", "1", currency) for n, currency in enumerate(["GBP", "EUR", "GBP"])]
    assert {key[2]: total for key, total in Rollup.of(Rows.of(log)).whole.items()} == {
        "GBP": (2, Decimal(2)),
        "EUR": (1, Decimal(1)),
    }


def test_a_sum_that_cannot_be_exact_is_refused() -> None:
    totals = {"all": (1, Decimal("1E+390"))}
    with pytest.raises(Inexact):
        add(totals, "all", (1, Decimal("1E-20")))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        encode(Rollup({}, {}))[:-4],
        pack(b"[]"),
        pack(b'[["O2"]]\n[]'),
        pack(b'[["a","b","c",1,"x"]]\n[]'),
        pack(b'[["O2","SUCCESS","GBP",1,"x"]]\n[]'),
        pack(b'{"format":3}\n[["O2","SUCCESS","GBP",1,"1"]]\n[]'),
        pack(FORMAT + b'\n{"O2":1}\n[]'),
    ],
)
def test_what_is_damaged_is_refused(body: bytes) -> None:
    with pytest.raises(CorruptRollup):
        decode(body, 1)
