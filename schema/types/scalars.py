"""The three scalars as strawberry knows them; `schema.scalar_values` says what they take."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry
from graphql import FloatValueNode, GraphQLError, IntValueNode, StringValueNode, ValueNode
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

from runtime.clock import rfc3339
from schema.scalar_values import parse_date, parse_date_time, parse_decimal


def _refused[T](parse: Callable[[object], T]) -> Callable[[object], T]:
    """The same parser, with its refusals in GraphQL's form."""

    def parsed(value: object) -> T:
        try:
            return parse(value)
        except ValueError as error:
            raise GraphQLError(str(error)) from None

    return parsed


def _literal_date(node: ValueNode, _variables: dict[str, Any] | None = None) -> date:
    return _refused(parse_date)(node.value if isinstance(node, StringValueNode) else None)


def _literal_date_time(node: ValueNode, _variables: dict[str, Any] | None = None) -> datetime:
    return _refused(parse_date_time)(node.value if isinstance(node, StringValueNode) else None)


def _literal_decimal(node: ValueNode, _variables: dict[str, Any] | None = None) -> Decimal:
    return _refused(parse_decimal)(
        node.value if isinstance(node, StringValueNode | IntValueNode | FloatValueNode) else None
    )


SCALARS: dict[object, ScalarDefinition] = {
    date: strawberry.scalar(
        name="Date",
        description="A day, `2019-11-05`.",
        serialize=date.isoformat,
        parse_value=_refused(parse_date),
        parse_literal=_literal_date,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant: RFC 3339 with an offset in, UTC with `Z` out.",
        serialize=rfc3339,
        parse_value=_refused(parse_date_time),
        parse_literal=_literal_date_time,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number, a string on the wire: `"1.5"`, `"25.5000"`.',
        serialize=lambda value: format(value, "f") if isinstance(value, Decimal) else value,
        parse_value=_refused(parse_decimal),
        parse_literal=_literal_decimal,
    ),
}


def attribute(source: object, name: str) -> object:
    """A field's value: an attribute of the object behind it, called where it has to be worked out."""
    value = getattr(source, name)
    return value() if callable(value) else value


CONFIG = StrawberryConfig(scalar_map=SCALARS, default_resolver=attribute)
