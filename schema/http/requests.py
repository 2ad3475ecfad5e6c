"""An HTTP request and its response, as plain values: whoever receives it makes the one and sends the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runtime.deadline import Deadline


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, however it came in; header names are in lower case, `claims` are a verified token's.

    It does not print what came with it: a token, a phone number.
    """

    method: str
    path: str
    query: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    claims: Mapping[str, Any] | None = field(repr=False)
    request_id: str
    deadline: Deadline


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response; the body is compressed already where `content-encoding` says so."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Sequence[tuple[str, str]] = ()
