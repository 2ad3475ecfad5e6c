"""The way of one request: API Gateway's event → request → routes → response → result.

Made once per process from its settings: everything here outlives an invocation, nothing is connected to before it is
needed. The explorer's pages go through Mangum, as an ASGI application. Calls of the API do not: Mangum takes longer to
import and to run than everything else about a small answer. One that the process remembers needs no event loop either.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from functions.events import is_request, request_of, result_of
from functions.request_log import LoggedResponse, RequestLog
from functions.routes import ENDPOINT, Routes
from functions.settings import Settings
from functions.wiring import ledger_of
from runtime import deadline, telemetry
from runtime.clock import Clock, now
from schema.errors import described
from schema.http.endpoint import GraphQLOverHTTP
from schema.http.requests import Request, Response
from schema.resolvers.access import ClaimNames

if TYPE_CHECKING:
    import mangum

LOG = logging.getLogger("tally.api")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

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
        self._application = application
        self._runner = asyncio.Runner()

    def __call__(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        """Answer one event; one that is not an HTTP request (a schedule's, a warm-up ping) does nothing."""
        if not is_request(event):
            LOG.info("ignored an event that is not an HTTP request")
            return {"ignored": True}
        request = request_of(event, context)
        if request.route != ENDPOINT:
            return self._page(event, context)
        response = self._application.recall(request)
        if response is None:
            response = self._runner.get_loop().run_until_complete(self._application.answer(request))
        return result_of(response)

    def _page(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        asyncio.set_event_loop(self._runner.get_loop())
        return self._mangum(event, context)  # type: ignore[arg-type]  # Mangum reads nothing of the context

    @cached_property
    def _mangum(self) -> "mangum.Mangum":
        import mangum

        return mangum.Mangum(self._application, lifespan="off", text_mime_types=["text/", "application/json"])

    def close(self) -> None:
        """Close connections and the loop; Lambda never does, tests and tools do."""
        self._runner.close()


def make_handler(settings: Settings, clock: Clock = now) -> LambdaHandler:
    """The Lambda handler that these settings describe."""
    return LambdaHandler(Application(settings, clock))


class Application:
    """Answers requests, and logs those that are for the API; behind Mangum it is an ASGI application."""

    def __init__(self, settings: Settings, clock: Clock = now) -> None:
        claims = ClaimNames(settings.tenant_claim, settings.scope_claims)
        api = GraphQLOverHTTP(ledger_of(settings, clock), claims, clock, introspection=settings.graphiql)
        self._routes = Routes(api, with_explorer=settings.graphiql)
        self._log = RequestLog()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the event has the body
        """Answer the event that Mangum has put into the scope."""
        response = await self.answer(request_of(scope["aws.event"], scope["aws.context"]))
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    async def answer(self, request: Request) -> Response:
        """One request's response, whatever happens."""
        began, seen = time.perf_counter(), _seen()
        deadline.current.set(request.deadline)
        try:
            response = await self._routes.answer(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the frontend gets an answer and the log the reason
            said = described(error, request.request_id)
            telemetry.failed(said["extensions"]["code"])
            body = orjson.dumps({"errors": [said]})
            response = Response(500, body, [("content-type", "application/json"), ("cache-control", "no-store")])
        return self._logged(request, _guarded(response), seen, began)

    def recall(self, request: Request) -> Response | None:
        """The response to a request that this process has answered before, while that answer is good."""
        began, seen = time.perf_counter(), _seen()
        response = self._routes.recall(request)
        return None if response is None else self._logged(request, _guarded(response), seen, began)

    def _logged(self, request: Request, response: Response, seen: telemetry.Telemetry, began: float) -> Response:
        if request.route == ENDPOINT:
            self._log.write(seen, LoggedResponse(request, response.status, len(response.body)), began)
        return response


def _seen() -> telemetry.Telemetry:
    seen = telemetry.Telemetry()
    telemetry.current.set(seen)
    return seen


def _guarded(response: Response) -> Response:
    return Response(response.status, response.body, [*(GUARDS | dict(response.headers)).items()])
