"""An HTTP request and its response, as plain values; `functions.events` translates API Gateway's."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from runtime.deadline import Deadline


class Request(NamedTuple):
    """One HTTP request; header names are in lower case, `claims` are a verified token's.

    `path` is the whole path, `route` what is left of it without the prefix of a stage or a custom domain; `address` is
    the client's. Its `repr` leaves out whatever may hold a token or a phone number.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    claims: Mapping[str, Any] | None
    request_id: str
    deadline: Deadline
    route: str = "/graphql"
    address: str | None = None

    def __repr__(self) -> str:
        """Which one it is."""
        return f"Request({self.method} {self.path}, {self.request_id})"


class Response(NamedTuple):
    """One HTTP response; `body` is already compressed if there is a `content-encoding` header."""

    status: int
    body: bytes = b""
    headers: Sequence[tuple[str, str]] = ()

    def __repr__(self) -> str:
        """Its status, and how large it is."""
        return f"Response({self.status}, {len(self.body)} bytes)"
