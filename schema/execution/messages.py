"""A GraphQL request's parameters and its result, as plain values; HTTP's own are in `schema.http.requests`."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Params:
    """A GraphQL request's parameters."""

    query: str = field(repr=False)
    operation_name: str | None = None
    variables: dict[str, Any] = field(default_factory=dict, repr=False)
    extensions: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """A GraphQL result; one that was not `executed` was refused before it began, and has no data entry."""

    data: dict[str, Any] | None
    errors: list[dict[str, Any]] = field(default_factory=list)
    executed: bool = True
