"""The three scalars as the schema declares them, and the configuration that maps Python types to them."""

from datetime import date, datetime
from decimal import Decimal

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types.scalar import ScalarDefinition

from schema.execution.bound_schema import attribute_of
from schema.execution.scalars import SCALARS

RFC_3339 = "https://datatracker.ietf.org/doc/html/rfc3339#section-5.6"

DECLARED: dict[object, ScalarDefinition] = {
    python_type: strawberry.scalar(
        name=name, description=description, specified_by_url=specification, **SCALARS[name]._asdict()
    )
    for python_type, name, description, specification in (
        (date, "Date", "A day: `2019-11-05`.", RFC_3339),
        (datetime, "DateTime", "An instant: RFC 3339 with an offset in, UTC with `Z` out.", RFC_3339),
        (
            Decimal,
            "Decimal",
            'An exact decimal number, a string on the wire: `"1.5"`, `"25.5000"`.',
            "https://www.w3.org/TR/xmlschema11-2/#decimal",
        ),
    )
}

CONFIG = StrawberryConfig(scalar_map=DECLARED, default_resolver=attribute_of)
