"""The three scalars as the schema declares them, and the configuration that maps Python types to them."""

from datetime import date, datetime
from decimal import Decimal

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

from schema.execution.bound_schema import attribute_of
from schema.execution.scalars import SCALARS

DESCRIPTIONS: dict[type, tuple[str, str]] = {
    date: ("Date", "A day, `2019-11-05`."),
    datetime: ("DateTime", "An instant: RFC 3339 with an offset in, UTC with `Z` out."),
    Decimal: ("Decimal", 'An exact decimal number, a string on the wire: `"1.5"`, `"25.5000"`.'),
}


def _declared(name: str, description: str) -> ScalarDefinition:
    return strawberry.scalar(name=name, description=description, **SCALARS[name]._asdict())


CONFIG = StrawberryConfig(
    scalar_map={python_type: _declared(*described) for python_type, described in DESCRIPTIONS.items()},
    default_resolver=attribute_of,
)
