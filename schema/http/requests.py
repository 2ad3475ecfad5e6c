"""An HTTP request and its response, as plain values; `functions.events` translates API Gateway's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runtime.deadline import Deadline


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names are in lower case, `claims` are a verified token's.

    `path` is the whole path, `route` what is left of it without the prefix of a stage or a custom domain; `address` is
    the client's. Its `repr` leaves out whatever may hold a token or a phone number.
    """

    method: str
    path: str
    query: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    claims: Mapping[str, Any] | None = field(repr=False)
    request_id: str
    deadline: Deadline
    route: str = "/graphql"
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response; `body` is already compressed if there is a `content-encoding` header."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Sequence[tuple[str, str]] = ()
