"""Errors as frontends see them: one code each (README, its table of codes), and a message that is safe to show.

Errors raised on purpose carry their code. Everything unexpected becomes `INTERNAL_SERVER_ERROR` with the request's
id, by which an operator finds the exception in the log.
"""

import logging
import math
from typing import Any, ClassVar

from ledger.storage.store import LedgerUnavailable
from upstreams.errors import UpstreamBadResponse, UpstreamError

LOG = logging.getLogger("tally")


class RefusedError(Exception):
    """A request, or a field of it, was refused on purpose; the message is written for the caller."""

    code: ClassVar[str] = "BAD_USER_INPUT"
    status: ClassVar[int] = 400


class BadUserInput(RefusedError):
    """An argument has a value that cannot be used."""

    code = "BAD_USER_INPUT"


class Unauthenticated(RefusedError):
    """The request has no token, or one that names no tenant."""

    code = "UNAUTHENTICATED"
    status = 401


class Forbidden(RefusedError):
    """The caller may not have this."""

    code = "FORBIDDEN"
    status = 403


class ParseFailed(RefusedError):
    """The document is not GraphQL."""

    code = "GRAPHQL_PARSE_FAILED"


class Invalid(RefusedError):
    """The document does not fit the schema; `errors` say where, in the form of the response."""

    code = "GRAPHQL_VALIDATION_FAILED"

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__("the document does not fit the schema")
        self.errors = errors


class TooComplex(RefusedError):
    """The query exceeds a limit."""

    code = "QUERY_TOO_COMPLEX"


class ResultTooLarge(RefusedError):
    """The response would be too large; the message says what to ask for instead."""

    code = "RESULT_TOO_LARGE"


class PersistedQueryNotFound(RefusedError):
    """No query is stored under this hash; clients then send its text.

    200 for every client: browsers print any other status in their console, at each new query.
    """

    code = "PERSISTED_QUERY_NOT_FOUND"
    status = 200


class MutationByGet(RefusedError):
    """A mutation was sent by a method that must change nothing."""

    status = 405


KNOWN = (RefusedError, UpstreamError, LedgerUnavailable)
"""Errors that are raised on purpose; every other exception is a fault of ours."""


def error_entry(cause: Exception, request_id: str) -> dict[str, Any]:
    """An error's message and its `extensions`: code, request id, and the upstream where one is to blame."""
    extensions = {"requestId": request_id}
    if isinstance(cause, RefusedError):
        return {"message": str(cause), "extensions": extensions | {"code": cause.code}}
    if isinstance(cause, UpstreamError):
        extensions |= {"code": cause.code, "upstream": cause.upstream} | _for_support(cause)
        return {"message": cause.reason, "extensions": extensions}
    if isinstance(cause, LedgerUnavailable):
        return {"message": "the ledger cannot answer this now", "extensions": extensions | {"code": cause.code}}
    LOG.error("unexpected exception in request %s", request_id, exc_info=cause)
    message = f"internal error; the log has it under request {request_id}"
    return {"message": message, "extensions": extensions | {"code": "INTERNAL_SERVER_ERROR"}}


def _for_support(error: UpstreamError) -> dict[str, Any]:
    """What the vendor's support asks for, and when another try makes sense; only what is known."""
    waits = error.retry_after is not None and not isinstance(error, UpstreamBadResponse)
    seconds = {"retryAfterSeconds": math.ceil(error.retry_after or 0)} if waits else {}
    return seconds | ({"upstreamCorrelationId": error.correlation_id} if error.correlation_id else {})
