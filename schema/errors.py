"""Every error as frontends see it: one code each (README, its table of codes), and a message that is safe to show.

Errors raised on purpose carry their code. Everything unexpected becomes `INTERNAL_SERVER_ERROR` with the request's
id, by which an operator finds the exception in the log.
"""

import logging
from typing import Any, ClassVar

from ledger.storage.store import LedgerUnavailable
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


class Invalid(RefusedError):
    """The document does not fit the schema; `errors` say where, in the form of the response."""

    code = "GRAPHQL_VALIDATION_FAILED"

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__("the document does not fit the schema")
        self.errors = errors


class TooComplex(RefusedError):
    """The query asks for more than one request may."""

    code = "QUERY_TOO_COMPLEX"


class ResultTooLarge(RefusedError):
    """The answer would not fit; the message names the way out."""

    code = "RESULT_TOO_LARGE"


class PersistedQueryNotFound(RefusedError):
    """No query is kept under this hash; send it along."""

    code = "PERSISTED_QUERY_NOT_FOUND"


class MutationByGet(RefusedError):
    """A mutation was sent by a method that must change nothing."""

    status = 405


KNOWN = (RefusedError, UpstreamError, LedgerUnavailable)
"""What may go wrong on purpose; everything else is a mistake of ours."""


def described(cause: Exception, request_id: str) -> dict[str, Any]:
    """An error's message and its `extensions`: code, request id, and the upstream where one is to blame."""
    extensions = {"requestId": request_id}
    if isinstance(cause, RefusedError):
        return {"message": str(cause), "extensions": extensions | {"code": cause.code}}
    if isinstance(cause, UpstreamError):
        extensions |= {"code": cause.code, "upstream": cause.upstream}
        return {"message": cause.reason, "extensions": extensions}
    if isinstance(cause, LedgerUnavailable):
        return {"message": "the ledger cannot be reached", "extensions": extensions | {"code": cause.code}}
    LOG.error("unexpected exception in request %s", request_id, exc_info=cause)
    message = f"internal error; the log has it under request {request_id}"
    return {"message": message, "extensions": extensions | {"code": "INTERNAL_SERVER_ERROR"}}
