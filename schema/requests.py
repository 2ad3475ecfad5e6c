"""An HTTP request and its response, as plain values: whoever receives it makes the one and sends the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from upstreams.deadline import Deadline


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, however it came in; header names are in lower case, `claims` are a verified token's."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    claims: Mapping[str, Any] | None
    request_id: str
    deadline: Deadline


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response; the body is compressed already where `content-encoding` says so."""

    status: int
    body: bytes = b""
    headers: Sequence[tuple[str, str]] = ()
