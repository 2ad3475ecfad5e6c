"""The way of one request: API Gateway's event → Mangum → this ASGI application → routes → response.

Made once per process from its settings: everything here outlives an invocation, nothing is connected to before it is
needed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from mangum import Mangum

from functions.observed import Answered, RequestLog
from functions.routes import ENDPOINT, Routes
from functions.settings import Settings
from functions.wiring import ledger_of
from ledger.moments import Clock, now
from schema.errors import described
from schema.http import GraphQLOverHTTP
from schema.negotiation import RESPONSE_TYPE
from schema.requests import Request, Response
from upstreams import telemetry
from upstreams.deadline import Deadline

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

SPARE_SECONDS = 1.0
"""What is left of an invocation for saying what went wrong."""
WITHOUT_CONTEXT_SECONDS = 29.0
GUARDS = {
    "x-content-type-options": "nosniff",
    "strict-transport-security": "max-age=31536000",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Headers of every answer that does not bring its own, as the explorer's page does."""


class LambdaHandler:
    """What Lambda calls, on one event loop for the life of the process: connections outlive an invocation.

    The loop is our own, because Mangum takes the thread's current one, and any `asyncio.run` leaves a thread without.
    """

    def __init__(self, application: "Application") -> None:
        self._runner = asyncio.Runner()
        asyncio.set_event_loop(self._runner.get_loop())
        types = ["text/", "application/json", RESPONSE_TYPE]
        self._mangum = Mangum(application, lifespan="off", text_mime_types=types)

    def __call__(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        """Answer one event of an HTTP API, payload 2.0."""
        asyncio.set_event_loop(self._runner.get_loop())
        return self._mangum(event, context)  # type: ignore[arg-type]  # Mangum reads nothing of the context

    def close(self) -> None:
        """Close connections and the loop; Lambda never does, tests and tools do."""
        self._runner.close()


def make_handler(settings: Settings, clock: Clock = now) -> LambdaHandler:
    """The Lambda handler that these settings describe."""
    return LambdaHandler(Application(settings, clock))


class Application:
    """The ASGI application behind Mangum."""

    def __init__(self, settings: Settings, clock: Clock = now) -> None:
        api = GraphQLOverHTTP(ledger_of(settings, clock), settings.tenant_claim, clock, introspection=settings.graphiql)
        self._routes = Routes(api, with_explorer=settings.graphiql)
        self._log = RequestLog()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, and log it if it is for the API."""
        began, seen = time.perf_counter(), telemetry.Telemetry()
        telemetry.current.set(seen)
        request = _request(scope, (await receive()).get("body", b""))
        response = await self._answer(request, _stage(scope))
        await _send(response, send)
        if request.path.endswith(ENDPOINT):
            size = len(response.body)
            answered = Answered(request.request_id, request.method, response.status, size, request.headers)
            self._log.write(seen, answered, began)

    async def _answer(self, request: Request, stage: str) -> Response:
        try:
            return await self._routes.answer(request, stage)
        except Exception as error:  # noqa: BLE001 - whatever it is, the frontend gets an answer and the log the reason
            body = orjson.dumps({"errors": [described(error, request.request_id)]})
            return Response(500, body, [("content-type", "application/json"), ("cache-control", "no-store")])


def _request(scope: Scope, body: bytes) -> Request:
    event, context = scope["aws.event"], scope["aws.context"]
    gateway = event.get("requestContext", {})
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    seconds = remaining() / 1000 - SPARE_SECONDS if remaining else WITHOUT_CONTEXT_SECONDS
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
        claims=gateway.get("authorizer", {}).get("jwt", {}).get("claims"),
        request_id=gateway.get("requestId") or getattr(context, "aws_request_id", "") or "unknown",
        deadline=Deadline.after(seconds),
    )


def _stage(scope: Scope) -> str:
    stage = scope["aws.event"].get("requestContext", {}).get("stage", "$default")
    return "" if stage == "$default" else f"/{stage}"


async def _send(response: Response, send: Send) -> None:
    whole = [*response.headers, *(guard for guard in GUARDS.items() if guard[0] not in dict(response.headers))]
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in whole]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
