"""A job's filter as its step stores it: one JSON object that names the conditions that are given, in one spelling.

The object is a part of the export's id, so equal filters have to be spelled equally: sets are sorted, and 0.5 is 0.50.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from ledger.days.rollups import plain_value
from ledger.figures.filters import CreditFilter

SETS = ("outcome", "network", "currency")
TEXTS = ("msisdn", "credit_id")
BOUNDS = ("min_amount", "max_amount")


def record_of(where: CreditFilter) -> dict[str, Any]:
    """The conditions that are given."""
    record: dict[str, Any] = {name: sorted(found) for name in SETS if (found := getattr(where, name)) is not None}
    record |= {name: found for name in TEXTS if (found := getattr(where, name)) is not None}
    return record | {name: plain_value(found) for name in BOUNDS if (found := getattr(where, name)) is not None}


def filter_of(record: object) -> CreditFilter:
    """The filter that a record describes.

    Raises:
        ValueError, TypeError: it is not a record, or a condition has another type.
    """
    if not isinstance(record, dict) or not record.keys() <= {*SETS, *TEXTS, *BOUNDS}:
        raise ValueError("a filter has other conditions")
    return CreditFilter(**{name: _condition(name, value) for name, value in record.items()})


def _condition(name: str, value: object) -> Any:  # noqa: ANN401 - each condition has a type of its own
    if name in SETS:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise TypeError("a condition is not a list of texts")
        return frozenset(value)
    if not isinstance(value, str):
        raise TypeError("a condition is not a text")
    if name in TEXTS:
        return value
    try:
        return Decimal(value)
    except InvalidOperation as error:
        raise ValueError("a bound is not a number") from error
