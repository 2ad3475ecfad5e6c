"""The three scalars take exactly what they are and write it one way, whether it comes as a variable or in the query."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import orjson
import pytest
from graphql import GraphQLError, GraphQLScalarType, Undefined, parse_value, value_from_ast

from schema.execution.bound_schema import bound_schema

SCHEMA = bound_schema()
NOON = datetime(2019, 11, 5, 12, tzinfo=UTC)


def scalar(name: str) -> GraphQLScalarType:
    found = SCHEMA.type_map[name]
    assert isinstance(found, GraphQLScalarType)
    return found


def both_ways(name: str, literal: str) -> list[Any]:
    """What a JSON value means as a variable, and written into a query."""
    in_query = value_from_ast(parse_value(literal), scalar(name))
    if in_query is Undefined:
        raise GraphQLError("refused")
    return [scalar(name).parse_value(orjson.loads(literal)), in_query]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"2019-11-05"', date(2019, 11, 5)),
        ('"2020-02-29"', date(2020, 2, 29)),
        ('"1970-01-01"', date(1970, 1, 1)),
        ('"2199-12-31"', date(2199, 12, 31)),
    ],
)
def test_a_date_is_a_day_that_exists(written: str, meant: date) -> None:
    assert both_ways("Date", written) == [meant, meant]


@pytest.mark.parametrize(
    "written",
    [
        '"2019-02-29"',
        '"2019-13-01"',
        '"2019-11-5"',
        '"20191105"',
        '"2019-W45-2"',
        '"2019-11-05T00:00:00Z"',
        '" 2019-11-05"',
        '"2019-11-05\\n"',
        '"\u0662\u0660\u0661\u0669-11-05"',
        '"1969-12-31"',
        '"2200-01-01"',
        '"yesterday"',
        '""',
        "20191105",
        "true",
        "1.5",
    ],
)
def test_anything_else_is_not_a_date(written: str) -> None:
    with pytest.raises(GraphQLError):
        scalar("Date").parse_value(orjson.loads(written))
    assert value_from_ast(parse_value(written), scalar("Date")) is Undefined


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"2019-11-05T12:00:00Z"', NOON),
        ('"2019-11-05t12:00:00z"', NOON),
        ('"2019-11-05T13:00:00+01:00"', NOON),
        ('"2019-11-05T12:00:00-00:00"', NOON),
        ('"2019-11-06T02:00:00+14:00"', NOON),
        ('"2019-11-05T12:00Z"', NOON),
        ('"2019-11-05T13:00+01:00"', NOON),
        ('"2019-11-05T12:00:00+0000"', NOON),
        ('"2019-11-05T06:30:00-0530"', NOON),
        ('"2019-11-05T12:00:00.5Z"', NOON + timedelta(milliseconds=500)),
        ('"2019-11-05T12:00:00.000001Z"', NOON + timedelta(microseconds=1)),
        ('"2019-11-05T12:00:00.123456789Z"', NOON + timedelta(microseconds=123456)),
    ],
)
def test_an_instant_has_an_offset_and_is_utc_inside(written: str, meant: datetime) -> None:
    assert both_ways("DateTime", written) == [meant, meant]
    assert all(moment.tzinfo is UTC for moment in both_ways("DateTime", written))


@pytest.mark.parametrize(
    "written",
    [
        '"2019-11-05T12:00:00"',
        '"2019-11-05 12:00:00Z"',
        '"2019-11-05T12:00:00 BST"',
        '"2019-11-05T24:00:00Z"',
        '"2019-11-05T12:60:00Z"',
        '"2019-11-05T23:59:60Z"',
        '"2019-02-30T12:00:00Z"',
        '"2019-11-05T12:00:00.Z"',
        '"2019-11-05T12:00.5Z"',
        '"2019-11-05T12Z"',
        '"2019-11-05T12:00:00+01"',
        '"20191105T120000Z"',
        '"2019-11-05T12:00:00+25:00"',
        '"0001-01-01T00:00:00+01:00"',
        '"9999-12-31T23:59:59-01:00"',
        '"2019-11-05"',
        '"now"',
        "1572955200",
        "null",
        "[]",
    ],
)
def test_anything_else_is_not_an_instant(written: str) -> None:
    with pytest.raises(GraphQLError):
        scalar("DateTime").parse_value(orjson.loads(written))
    if written != "null":
        assert value_from_ast(parse_value(written), scalar("DateTime")) is Undefined


def test_a_leap_second_is_refused_for_what_it_is() -> None:
    with pytest.raises(GraphQLError, match="leap seconds"):
        scalar("DateTime").parse_value("2016-12-31T23:59:60Z")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"1.5"', "1.5"),
        ('"25.5000"', "25.5000"),
        ('"-0.01"', "-0.01"),
        ('"12345678901234567890.12345678901234567890"', "12345678901234567890.12345678901234567890"),
        ("1.5", "1.5"),
        ("7", "7"),
        ("18446744073709551615", "18446744073709551615"),
    ],
)
def test_a_decimal_is_exact(written: str, meant: str) -> None:
    assert [str(value) for value in both_ways("Decimal", written)] == [meant, meant]


@pytest.mark.parametrize(
    "written",
    ['"NaN"', '"Infinity"', '"1e3"', '"1,5"', '"1_000"', '"٣"', '" 1"', '".5"', '"5."', '""', "true", "1e300"],
)
def test_anything_else_is_not_a_decimal(written: str) -> None:
    with pytest.raises(GraphQLError):
        scalar("Decimal").parse_value(orjson.loads(written))
    assert value_from_ast(parse_value(written), scalar("Decimal")) is Undefined


def test_a_number_that_lost_digits_on_its_way_is_refused_rather_than_compared_wrongly() -> None:
    with pytest.raises(GraphQLError, match="string"):
        scalar("Decimal").parse_value(orjson.loads("0.12345678901234567890"))


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("Date", date(2019, 11, 5), "2019-11-05"),
        ("DateTime", NOON, "2019-11-05T12:00:00Z"),
        ("DateTime", NOON.astimezone(timezone(timedelta(hours=2))), "2019-11-05T12:00:00Z"),
        ("DateTime", NOON + timedelta(microseconds=5), "2019-11-05T12:00:00.000005Z"),
        ("Decimal", Decimal("25.5000"), "25.5000"),
        ("Decimal", Decimal("1E+3"), "1000"),
        ("Decimal", "1.5", "1.5"),
    ],
)
def test_on_the_wire_each_is_written_one_way(name: str, value: Any, written: str) -> None:
    assert scalar(name).serialize(value) == written
