"""The three scalars in graphql-core's terms; `schema.scalar_values` says what each takes.

Both schemas use these functions: the written one (`schema.types`) and the printed one that functions execute.
"""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from graphql import FloatValueNode, GraphQLError, IntValueNode, StringValueNode, ValueNode

from runtime.clock import rfc3339
from schema.scalar_values import parse_date, parse_date_time, parse_decimal


class Scalar(NamedTuple):
    """How a scalar is written, and read from a JSON value or from a literal in the query."""

    serialize: Callable[[Any], Any]
    parse_value: Callable[[Any], Any]
    parse_literal: Callable[..., Any]


def _scalar(
    serialize: Callable[[Any], Any],
    parse: Callable[[object], Any],
    *literals: type[StringValueNode | IntValueNode | FloatValueNode],
) -> Scalar:
    def parsed(value: object, node: ValueNode | None = None) -> Any:
        try:
            return parse(value)
        except ValueError as error:
            raise GraphQLError(str(error), node) from None

    def parse_literal(node: ValueNode, _variables: dict[str, Any] | None = None) -> Any:
        return parsed(node.value if isinstance(node, literals) else None, node)

    return Scalar(serialize, parsed, parse_literal)


def write_decimal(value: Decimal | str) -> str:
    """A plain number without an exponent; text is the vendor's own spelling and stays as it is."""
    return value if isinstance(value, str) else format(value, "f")


SCALARS = {
    "Date": _scalar(date.isoformat, parse_date, StringValueNode),
    "DateTime": _scalar(rfc3339, parse_date_time, StringValueNode),
    "Decimal": _scalar(write_decimal, parse_decimal, StringValueNode, IntValueNode, FloatValueNode),
}
