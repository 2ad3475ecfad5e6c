"""GraphQL over HTTP: a request in, a response out, and no web framework between.

The draft decides statuses and media types; where it and the `graphql-http` audits disagree on 400 or 422, the audits
win. `application/graphql-response+json` says by its status whether the request was well formed; `application/json`
clients get 200 for everything that was at least a GraphQL request.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import orjson

from ledger import Ledger
from runtime import telemetry
from runtime.clock import Clock
from runtime.compression import FAST, pack
from runtime.redaction import redacted
from schema.errors import BadUserInput, Invalid, RefusedError, described
from schema.execution.messages import Params
from schema.execution.operations import Operations
from schema.http.forgery import forged, refuse_forged
from schema.http.negotiation import JSON_TYPE, RESPONSE_TYPE, media_type_for, takes_gzip
from schema.http.persisted_queries import named
from schema.http.rendered_answers import RenderedAnswers
from schema.http.requests import Request, Response
from schema.limits.response_budget import ResponseBudget, refuse_beyond
from schema.resolvers.access import ClaimNames, Identity
from schema.resolvers.context import NOT_KEPT, Context

BODY_BYTES = 100_000
COMPRESS_FROM = 1024

METHODS = "GET, POST, OPTIONS"

ALWAYS_SAID = frozenset({401, 403, 405})
"""The statuses that clients of either media type get."""
HEADERS = {401: [("www-authenticate", "Bearer")], 405: [("allow", "POST")]}

NOTHING_KEPT = [("cache-control", NOT_KEPT)]
"""For errors: the next try may go better."""

_CHARSET = re.compile(r";\s*charset=\"?([^\s;\"]*)", re.IGNORECASE)


class HttpError(Exception):
    """The request is no GraphQL request; `status` says why in HTTP's words."""

    def __init__(self, status: int, message: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


class GraphQLOverHTTP:
    """Answers GraphQL requests from one ledger."""

    def __init__(self, ledger: Ledger, claim_names: ClaimNames, clock: Clock, *, introspection: bool) -> None:
        self._ledger = ledger
        self._claim_names = claim_names
        self._operations = Operations(introspection=introspection)
        self._rendered = RenderedAnswers(clock)
        self._clock = clock

    def recall(self, request: Request) -> Response | None:
        """A remembered response to an equal request, while it is good."""
        if forged(request.method, request.headers):
            return None
        try:
            identity = Identity.of_claims(request.claims, self._claim_names)
        except RefusedError:
            return None
        return self._rendered.recall(request, identity)

    async def answer(self, request: Request) -> Response:
        """One request's response, whatever happens."""
        if request.method == "OPTIONS":
            return Response(204, headers=[("allow", METHODS)])
        media_type = media_type_for(request.headers.get("accept")) or JSON_TYPE
        try:
            identity = Identity.of_claims(request.claims, self._claim_names)
            refuse_unreadable(request.headers.get("accept"))
            refuse_forged(request.method, request.headers)
            telemetry.note("tenant", identity.tenant)
            return await self._execute(request, identity, media_type)
        except HttpError as error:
            return _refusal(request, media_type, BadUserInput(str(error)), error.status, error.headers)
        except Invalid as invalid:
            errors = [
                {**error, "extensions": {"code": invalid.code, "requestId": request.request_id}}
                for error in invalid.errors
            ]
            status = 400 if media_type == RESPONSE_TYPE else 200
            return _response(request, media_type, status, {"errors": errors}, NOTHING_KEPT)
        except RefusedError as error:
            status = error.status if media_type == RESPONSE_TYPE or error.status in ALWAYS_SAID else 200
            return _refusal(request, media_type, error, status, HEADERS.get(status, ()))

    async def _execute(self, request: Request, identity: Identity, media_type: str) -> Response:
        params = params_of(request)
        name = named(params.query or None, params.extensions)
        if name is None:
            return await self._run(request, identity, params, media_type)
        kept = self._ledger.persisted_queries
        text = await name.found(kept, identity.tenant)
        response = await self._run(request, identity, replace(params, query=text), media_type)
        if name.text is not None:  # and was found fit to be executed, or this line would not be reached
            await kept.keep(identity.tenant, name.digest, text)
        return response

    async def _run(self, request: Request, identity: Identity, params: Params, media_type: str) -> Response:
        budget = ResponseBudget(compressed=takes_gzip(request.headers.get("accept-encoding")))
        context = Context(identity, request.deadline, self._ledger, request.request_id, budget)
        result = await self._operations.answer(params, context, read_only=request.method == "GET")
        body: dict[str, Any] = {"errors": result.errors} if result.errors else {}
        if result.executed:
            body["data"] = result.data
        status = 400 if not result.executed and media_type == RESPONSE_TYPE else 200
        kept = NOTHING_KEPT if result.errors else [("cache-control", context.cache_control(self._clock()))]
        response = _response(request, media_type, status, body, kept)
        if context.changes:
            self._rendered.forget(context.tenant)
        elif result.executed and not result.errors:
            self._rendered.remember(request, response, context, len(result.data or ()))
        return response


def refuse_unreadable(accept: str | None) -> None:
    """Go on only where the client takes one of our media types.

    Raises:
        HttpError: 406, it takes neither.
    """
    if media_type_for(accept) is None:
        raise HttpError(406, f"accept {RESPONSE_TYPE} or {JSON_TYPE}")


def params_of(request: Request) -> Params:
    """The GraphQL parameters of a request.

    Raises:
        HttpError: the method, the content type or the size is not allowed, or the parameters are none.
    """
    if request.method == "GET":
        return _params_of_get(request)
    if request.method != "POST":
        raise HttpError(405, "use POST, or GET for a query", [("allow", METHODS)])
    content_type = request.headers.get("content-type", "")
    charset = _CHARSET.search(content_type)
    if content_type.partition(";")[0].strip().lower() != JSON_TYPE or (charset and charset[1].lower() != "utf-8"):
        raise HttpError(415, f"send {JSON_TYPE} in utf-8")
    if len(request.body) > BODY_BYTES:
        raise HttpError(413, f"the body is larger than {BODY_BYTES} bytes")
    try:
        sent = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise HttpError(400, "the body is no JSON") from None
    if isinstance(sent, list):
        raise HttpError(400, "batches are not taken: send one request at a time")
    return _params(sent)


def _params_of_get(request: Request) -> Params:
    if len(request.query) > BODY_BYTES:
        raise HttpError(413, f"the query string is larger than {BODY_BYTES} bytes")
    sent: dict[str, Any] = dict(parse_qsl(request.query, keep_blank_values=True))
    for name in ("variables", "extensions"):
        if sent.get(name):
            try:
                sent[name] = orjson.loads(sent[name])
            except orjson.JSONDecodeError:
                raise HttpError(400, f"{name} is no JSON") from None
        else:
            sent.pop(name, None)
    return _params(sent)


def _params(sent: object) -> Params:
    if not isinstance(sent, dict):
        raise HttpError(400, "the body is no JSON object")
    query, operation = sent.get("query"), sent.get("operationName")
    variables, extensions = sent.get("variables"), sent.get("extensions")
    is_named = isinstance(extensions, dict) and extensions.get("persistedQuery") is not None
    if is_named and (query is None or query == ""):  # clients send either beside a hash that stands for the text
        query = ""
    elif not isinstance(query, str) or not query.strip():
        raise HttpError(400, "query has to be a string")
    if operation is not None and not isinstance(operation, str):
        raise HttpError(400, "operationName has to be a string")
    for name, value in (("variables", variables), ("extensions", extensions)):
        if value is not None and not isinstance(value, dict):
            raise HttpError(400, f"{name} has to be an object")
    return Params(query, operation or None, variables or {}, extensions or {})


def _refusal(
    request: Request, media_type: str, error: RefusedError, status: int, headers: Sequence[tuple[str, str]] = ()
) -> Response:
    body = {"errors": [described(error, request.request_id)]}
    return _response(request, media_type, status, body, [*NOTHING_KEPT, *headers])


def _response(
    request: Request,
    media_type: str,
    status: int,
    body: Mapping[str, Any],
    headers: Sequence[tuple[str, str]] = (),
) -> Response:
    """Render a body, compressed where the client takes it and it pays.

    Raises:
        ResultTooLarge: Lambda would not take it.
    """
    for error in body.get("errors", ()):
        telemetry.failed(error["extensions"]["code"])
        error["message"] = redacted(error["message"])
    rendered = orjson.dumps(body, option=orjson.OPT_UTC_Z)
    sent = [("content-type", f"{media_type}; charset=utf-8"), ("vary", "Accept, Accept-Encoding, Authorization")]
    compressed = len(rendered) >= COMPRESS_FROM and takes_gzip(request.headers.get("accept-encoding"))
    if compressed:
        rendered = pack(rendered, FAST)
        sent.append(("content-encoding", "gzip"))
    refuse_beyond(rendered, compressed=compressed)
    return Response(status, rendered, [*sent, *headers])
