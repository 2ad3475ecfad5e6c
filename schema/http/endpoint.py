"""GraphQL over HTTP: a request in, a response out, without a web framework.

The draft decides statuses and media types; where it and the `graphql-http` audits disagree on 400 or 422, the audits
win. With `application/graphql-response+json` the status says whether the request was well formed; clients of
`application/json` get 200 for everything that was a GraphQL request at all.

There is no CSRF check: a request needs a bearer token, which another site cannot make a browser send.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ledger import Ledger
from runtime import telemetry
from runtime.clock import Clock
from runtime.compression import FAST, pack
from runtime.redaction import redacted
from schema.errors import BadUserInput, Invalid, RefusedError, error_entry
from schema.execution.messages import Params
from schema.execution.operations import Operations
from schema.http.entity_tags import conditional, entity_tag
from schema.http.negotiation import JSON_TYPE, RESPONSE_TYPE, media_type_for, takes_gzip
from schema.http.parameters import METHODS, HttpError, params_of
from schema.http.persisted_queries import named_query
from schema.http.rendered_answers import RenderedAnswers
from schema.http.requests import Request, Response
from schema.limits.response_budget import ResponseBudget, refuse_beyond
from schema.resolvers.access import ClaimNames, Identity
from schema.resolvers.context import NO_STORE, Context

COMPRESS_FROM = 1024

SAME_FOR_ALL_CLIENTS = frozenset({401, 403, 405})
"""Statuses that clients of either media type get."""
HEADERS = {401: [("www-authenticate", "Bearer")], 405: [("allow", "POST")]}

NOT_STORED = [("cache-control", NO_STORE)]
"""For errors: the same request may succeed in the next moment."""


class GraphQLOverHTTP:
    """Answers GraphQL requests from one ledger."""

    def __init__(self, ledger: Ledger, claim_names: ClaimNames, clock: Clock, *, introspection: bool) -> None:
        self._ledger = ledger
        self._claim_names = claim_names
        self._operations = Operations(introspection=introspection)
        self._rendered = RenderedAnswers(clock)
        self._clock = clock

    def recall(self, request: Request) -> Response | None:
        """The remembered response to an equal request by an equal caller, while its data are valid."""
        try:
            identity = Identity.of_claims(request.claims, self._claim_names)
        except RefusedError:
            return None
        return self._rendered.recall(request, identity)

    async def answer(self, request: Request) -> Response:
        """The response to any request; refusals are responses too."""
        if request.method == "OPTIONS":
            return Response(204, headers=[("allow", METHODS)])
        media_type = media_type_for(request.headers.get("accept"))
        try:
            identity = Identity.of_claims(request.claims, self._claim_names)
            telemetry.note("tenant", identity.tenant)
            return await self._execute(request, identity, media_type)
        except HttpError as error:
            return _refusal(request, media_type, BadUserInput(str(error)), error.status, error.headers)
        except Invalid as invalid:
            extensions = {"code": invalid.code, "requestId": request.request_id}
            errors = [{**error, "extensions": extensions} for error in invalid.errors]
            status = 400 if media_type == RESPONSE_TYPE else 200
            return _response(request, media_type, status, {"errors": errors}, NOT_STORED)
        except RefusedError as error:
            status = error.status if media_type == RESPONSE_TYPE or error.status in SAME_FOR_ALL_CLIENTS else 200
            return _refusal(request, media_type, error, status, HEADERS.get(status, ()))

    async def _execute(self, request: Request, identity: Identity, media_type: str | None) -> Response:
        if media_type is None:
            raise HttpError(406, f"accept {RESPONSE_TYPE} or {JSON_TYPE}")
        params = params_of(request)
        named = named_query(params)
        if named is None:
            return await self._run(request, identity, params, media_type)
        stored = self._ledger.persisted_queries
        text = await named.find_text(stored, identity.tenant)
        params = Params(text, params.operation_name, params.variables, params.extensions)
        response = await self._run(request, identity, params, media_type)
        if named.text is not None:  # the text was executable, else `_run` had raised
            await stored.store(identity.tenant, named.digest, text)
        return response

    async def _run(self, request: Request, identity: Identity, params: Params, media_type: str) -> Response:
        budget = ResponseBudget(compressed=takes_gzip(request.headers.get("accept-encoding")))
        context = Context(identity, request.deadline, self._ledger, request.request_id, budget)
        result = await self._operations.answer(params, context, read_only=request.method == "GET")
        body: dict[str, Any] = {"errors": result.errors} if result.errors else {}
        if result.executed:
            body["data"] = result.data
        status = 400 if not result.executed and media_type == RESPONSE_TYPE else 200
        rendered = _rendered(body)
        if context.changes:
            self._rendered.forget(context.tenant)
        if result.errors:
            return _sent(request, media_type, status, rendered, NOT_STORED)
        headers = [("cache-control", context.cache_control(self._clock()))]
        if request.method == "GET":
            headers.append(("etag", entity_tag(rendered, media_type, identity)))
        response = _sent(request, media_type, status, rendered, headers)
        if not context.changes:
            self._rendered.remember(request, response, context, len(result.data or ()))
        return conditional(request, response)


def _refusal(
    request: Request, media_type: str | None, error: RefusedError, status: int, headers: Sequence[tuple[str, str]] = ()
) -> Response:
    body = {"errors": [error_entry(error, request.request_id)]}
    return _response(request, media_type, status, body, [*NOT_STORED, *headers])


def _response(
    request: Request,
    media_type: str | None,
    status: int,
    body: Mapping[str, Any],
    headers: Sequence[tuple[str, str]] = (),
) -> Response:
    return _sent(request, media_type, status, _rendered(body), headers)


def _rendered(body: Mapping[str, Any]) -> bytes:
    """A body as JSON, its errors counted and redacted."""
    for error in body.get("errors", ()):
        telemetry.failed(error["extensions"]["code"])
        error["message"] = redacted(error["message"])
    return orjson.dumps(body, option=orjson.OPT_UTC_Z)


def _sent(
    request: Request, media_type: str | None, status: int, rendered: bytes, headers: Sequence[tuple[str, str]]
) -> Response:
    """The response with a rendered body, compressed where the client takes it and it is large enough to gain.

    Raises:
        ResultTooLarge: Lambda would not take it.
    """
    content_type = f"{media_type or JSON_TYPE}; charset=utf-8"
    sent = [("content-type", content_type), ("vary", "Accept, Accept-Encoding, Authorization")]
    compressed = len(rendered) >= COMPRESS_FROM and takes_gzip(request.headers.get("accept-encoding"))
    if compressed:
        rendered = pack(rendered, FAST)
        sent.append(("content-encoding", "gzip"))
    refuse_beyond(rendered, compressed=compressed)
    return Response(status, rendered, [*sent, *headers])
