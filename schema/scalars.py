"""The three scalars, strict both ways: what is not exactly a date, an instant or a number is refused, never guessed."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import strawberry
from graphql import FloatValueNode, GraphQLError, IntValueNode, StringValueNode, ValueNode
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

from ledger.moments import rfc3339

YEARS = range(1970, 2200)
"""Years that a report can speak of; others are slips of a keyboard."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,40}(\.\d{1,40})?", re.ASCII)


def parse_date(value: object) -> date:
    """`2019-11-05`."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise GraphQLError("Date takes a day such as 2019-11-05")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise GraphQLError("Date takes a day that exists") from None
    return _in_range(day)


def parse_date_time(value: object) -> datetime:
    """RFC 3339 with an offset; an instant without one is refused."""
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        raise GraphQLError("DateTime takes RFC 3339 with an offset, such as 2019-11-05T12:00:00Z")
    try:
        moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise GraphQLError("DateTime takes an instant that exists") from None
    return _in_range(moment)


def parse_decimal(value: object) -> Decimal:
    """A plain number, best as a string; never a float's rounding, an infinity or no number."""
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if not _DECIMAL.fullmatch(text):
        raise GraphQLError('Decimal takes a plain number as a string, such as "1.5"')
    try:
        return Decimal(text)
    except InvalidOperation:
        raise GraphQLError("Decimal takes a number") from None


def _in_range[T: date](moment: T) -> T:
    if moment.year not in YEARS:
        raise GraphQLError(f"the year has to be from {YEARS[0]} to {YEARS[-1]}")
    return moment


def _literal_date(node: ValueNode, _variables: dict[str, Any] | None = None) -> date:
    return parse_date(node.value if isinstance(node, StringValueNode) else None)


def _literal_date_time(node: ValueNode, _variables: dict[str, Any] | None = None) -> datetime:
    return parse_date_time(node.value if isinstance(node, StringValueNode) else None)


def _literal_decimal(node: ValueNode, _variables: dict[str, Any] | None = None) -> Decimal:
    return parse_decimal(node.value if isinstance(node, StringValueNode | IntValueNode | FloatValueNode) else None)


SCALARS: dict[object, ScalarDefinition] = {
    date: strawberry.scalar(
        name="Date",
        description="A day, `2019-11-05`.",
        serialize=date.isoformat,
        parse_value=parse_date,
        parse_literal=_literal_date,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant: RFC 3339 with an offset in, UTC with `Z` out.",
        serialize=rfc3339,
        parse_value=parse_date_time,
        parse_literal=_literal_date_time,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number, a string on the wire: `"1.5"`, `"25.5000"`.',
        serialize=lambda value: format(value, "f") if isinstance(value, Decimal) else value,
        parse_value=parse_decimal,
        parse_literal=_literal_decimal,
    ),
}


def attribute(source: object, name: str) -> object:
    """A field's value: an attribute of the object behind it, called where it has to be worked out."""
    value = getattr(source, name)
    return value() if callable(value) else value


CONFIG = StrawberryConfig(scalar_map=SCALARS, default_resolver=attribute)
