"""Every error as frontends see it: one code each (design.md §2, "Errors"), and a message that is safe to show.

Errors raised on purpose carry their code. Everything unexpected becomes `INTERNAL_SERVER_ERROR` with the request's
id, by which an operator finds the exception in the log.
"""

import logging
from typing import Any, ClassVar

from graphql import GraphQLError

from ledger.store import LedgerUnavailable
from upstreams.errors import UpstreamError

LOG = logging.getLogger("tally")


class RefusedError(Exception):
    """A request, or a field of it, was refused on purpose; the message is for whoever asked."""

    code: ClassVar[str] = "BAD_USER_INPUT"
    status: ClassVar[int] = 400


class BadUserInput(RefusedError):
    """An argument cannot be used."""

    code = "BAD_USER_INPUT"


class Unauthenticated(RefusedError):
    """Nobody is known to be asking."""

    code = "UNAUTHENTICATED"
    status = 401


class Forbidden(RefusedError):
    """Whoever asks may not have this."""

    code = "FORBIDDEN"
    status = 403


class ParseFailed(RefusedError):
    """The document is no GraphQL."""

    code = "GRAPHQL_PARSE_FAILED"


class TooComplex(RefusedError):
    """The query asks for more than one request may."""

    code = "QUERY_TOO_COMPLEX"


class ResultTooLarge(RefusedError):
    """The answer would not fit; the message names the way out."""

    code = "RESULT_TOO_LARGE"


class PersistedQueryNotFound(RefusedError):
    """No query is kept under this hash; send it along."""

    code = "PERSISTED_QUERY_NOT_FOUND"


def described(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """An error in the form of the response: message, locations, path, and `extensions` with code and request id."""
    cause = error.original_error
    formatted: dict[str, Any] = dict(error.formatted)
    extensions: dict[str, Any] = {**(error.extensions or {}), "requestId": request_id}
    if isinstance(cause, RefusedError):
        extensions["code"] = cause.code
    elif isinstance(cause, UpstreamError):
        formatted["message"] = cause.reason
        extensions |= {"code": cause.code, "upstream": cause.upstream}
    elif isinstance(cause, LedgerUnavailable):
        formatted["message"] = "the ledger cannot be reached"
        extensions["code"] = "LEDGER_UNAVAILABLE"
    elif cause is not None and not isinstance(cause, GraphQLError):
        LOG.error("unexpected exception in request %s", request_id, exc_info=cause)
        formatted["message"] = f"internal error; the log has it under request {request_id}"
        extensions["code"] = "INTERNAL_SERVER_ERROR"
    extensions.setdefault("code", "BAD_USER_INPUT")
    formatted["extensions"] = extensions
    return formatted
