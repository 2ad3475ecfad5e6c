"""The arguments that plans know, by field: each one's type, and whether it has to be there.

Only the plain JSON form of a value is taken; anything else is left to graphql-core, which knows every form, or says
why not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ledger.credits.selection import CreditFilter, SummaryKey
from schema.scalar_values import parse_date, parse_date_time, parse_decimal
from upstreams.openmarket.client import CreditState
from upstreams.rde.client import ReportFormat

LARGEST_INT = 2**31 - 1
Coerce = Callable[[Any], Any]


class Unplanned(Exception):
    """A plan cannot do this; graphql-core's path can, or says properly why not."""


@dataclass(frozen=True, slots=True)
class Argument:
    """How one argument's JSON value becomes ours."""

    coerce: Coerce
    required: bool = False


def _text(value: Any) -> str:
    return _exactly(str, value)


def _int(value: Any) -> int:
    if isinstance(value, bool) or not -LARGEST_INT <= _exactly(int, value) <= LARGEST_INT:
        raise Unplanned("Int")
    return int(value)


def _exactly[T](kind: type[T], value: Any) -> T:
    if not isinstance(value, kind):
        raise Unplanned(kind.__name__)
    return value


def _enum(members: type[Enum]) -> Coerce:
    def coerce(value: Any) -> Enum:
        if not isinstance(value, str) or value not in members.__members__:
            raise Unplanned(members.__name__)
        return members[value]

    return coerce


def _list(inner: Coerce) -> Coerce:
    return lambda value: [inner(item) for item in _exactly(list, value)]


_FILTER: dict[str, Coerce] = {
    "outcome": _list(_enum(CreditState)),
    "network": _list(_text),
    "currency": _list(_text),
    "msisdn": _text,
    "minAmount": parse_decimal,
    "maxAmount": parse_decimal,
}


def _where(value: Any) -> CreditFilter:
    if set(_exactly(dict, value)) - set(_FILTER):
        raise Unplanned("CreditLogFilter")
    given = {name: None if item is None else _FILTER[name](item) for name, item in value.items()}
    states = given.get("outcome")
    return CreditFilter(
        outcome=None if states is None else frozenset(state.name for state in states),
        network=_set(given.get("network")),
        currency=_set(given.get("currency")),
        msisdn=given.get("msisdn"),
        min_amount=given.get("minAmount"),
        max_amount=given.get("maxAmount"),
    )


def _set(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


_INSTANT = Argument(parse_date_time, required=True)
_DAY = Argument(parse_date, required=True)
_TEXT = Argument(_text)
_NUMBER = Argument(_int)

ARGUMENTS: dict[str, dict[str, Argument]] = {
    "reports": {
        "from": _DAY,
        "to": _DAY,
        "format": Argument(_enum(ReportFormat)),
        "first": _NUMBER,
        "after": _TEXT,
    },
    "creditLog": {
        "from": _INSTANT,
        "to": _INSTANT,
        "brand": _TEXT,
        "where": Argument(_where),
        "first": _NUMBER,
        "after": _TEXT,
    },
    "creditOutcome": {"from": _INSTANT, "to": _INSTANT, "brand": _TEXT},
    "Report.archiveUrl": {"expiresIn": _NUMBER},
    "CreditLogConnection.summary": {"by": Argument(_list(_enum(SummaryKey)), required=True)},
}
"""By a root field's name, or by type and field."""


def coerced(signature: str, arguments: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
    """A field's arguments as ours; `arguments` are `["const", value]` or `["variable", name]` each.

    Raises:
        Unplanned: a value is missing, or not of the plain form.
    """
    values = {}
    for name, argument in ARGUMENTS[signature].items():
        kind, content = arguments.get(name, ("variable", ""))
        if kind == "variable" and content not in variables:
            if argument.required:
                raise Unplanned(name)
            continue
        value = variables[content] if kind == "variable" else content
        if value is None and argument.required:
            raise Unplanned(name)
        try:
            values[name] = None if value is None else argument.coerce(value)
        except ValueError as error:
            raise Unplanned(name) from error
    return values
