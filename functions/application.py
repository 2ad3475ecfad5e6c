"""The way of one request: event → `Request` → `Response` → result.

Everything here is made once per process and outlives an invocation; nothing connects before it is needed. A request
for the API is read straight from its event and answered by `Application`; every other route is a page, served by
`Pages` through Mangum. An answer that the process remembers needs no event loop.
"""

import asyncio
import logging
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import orjson

from functions.eager_loop import EagerLoop
from functions.events import is_request, request_id_of, request_of, result_of
from functions.pages import Pages, with_security_headers
from functions.request_log import LoggedResponse, RequestLog
from functions.settings import Settings
from functions.wiring import ledger_of
from runtime import deadline, telemetry
from runtime.clock import Clock, now
from schema.errors import RefusedError, error_entry
from schema.http.endpoint import GraphQLOverHTTP
from schema.http.requests import Request, Response
from schema.resolvers.access import ClaimNames

if TYPE_CHECKING:
    import mangum

LOG = logging.getLogger("tally.api")

ENDPOINT = "/graphql"


class LambdaHandler:
    """What Lambda calls, on one event loop for the life of the process: connections outlive an invocation.

    The loop is our own because Mangum runs on the thread's current one, and `asyncio.run` leaves a thread without.
    """

    def __init__(self, application: "Application", pages: Pages) -> None:
        self._application = application
        self._pages = pages
        self._runner = asyncio.Runner(loop_factory=EagerLoop)
        self._running = False

    def __call__(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        """Answer one event; one that is not an HTTP request (a schedule's, a warm-up ping) does nothing."""
        if not is_request(event):
            LOG.info("ignored an event that is not an HTTP request")
            return {"ignored": True}
        try:
            request = request_of(event, context)
        except RefusedError as error:
            return result_of(with_security_headers(_failed(error, request_id_of(event, context), error.status)))
        if request.route != ENDPOINT:
            return self._page(event, context)
        return result_of(self._application.recall(request) or self._run(request))

    def _run(self, request: Request) -> Response:
        self._running = True
        try:
            return self._loop.run_eagerly(self._application.answer(request))
        finally:
            self._running = False

    def _page(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        asyncio.set_event_loop(self._loop)
        return self._mangum(event, context)  # type: ignore[arg-type]  # Mangum reads nothing of the context

    @property
    def _loop(self) -> EagerLoop:
        return cast("EagerLoop", self._runner.get_loop())

    @cached_property
    def _mangum(self) -> "mangum.Mangum":
        import mangum

        return mangum.Mangum(self._pages, lifespan="off", text_mime_types=["text/", "application/json"])

    def close(self) -> None:
        """Close connections and the loop, unless a request is still running; Lambda kills the process instead."""
        if not self._running:
            self._runner.close()


def make_handler(settings: Settings, clock: Clock = now) -> LambdaHandler:
    """The Lambda handler that these settings describe."""
    return LambdaHandler(Application(settings, clock), Pages(settings))


class Application:
    """The API of one process: answers its requests, and writes a log line for each."""

    def __init__(self, settings: Settings, clock: Clock = now) -> None:
        claims = ClaimNames(settings.tenant_claim, settings.scope_claims)
        self._api = GraphQLOverHTTP(ledger_of(settings, clock), claims, clock, introspection=settings.graphiql)
        self._log = RequestLog()

    def recall(self, request: Request) -> Response | None:
        """The response to a request that this process has answered before, while that answer is good."""
        began, record = time.perf_counter(), _new_record()
        response = self._api.recall(request)
        return None if response is None else self._logged(request, response, record, began)

    async def answer(self, request: Request) -> Response:
        """One request's response, whatever happens."""
        began, record = time.perf_counter(), _new_record()
        deadline.current.set(request.deadline)
        try:
            response = await self._api.answer(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the frontend gets an answer and the log the reason
            response = _failed(error, request.request_id, 500)
        return self._logged(request, response, record, began)

    def _logged(self, request: Request, response: Response, record: telemetry.Telemetry, began: float) -> Response:
        self._log.write(record, LoggedResponse(request, response.status, len(response.body)), began)
        return with_security_headers(response)


def _new_record() -> telemetry.Telemetry:
    record = telemetry.Telemetry()
    telemetry.current.set(record)
    return record


def _failed(error: Exception, request_id: str, status: int) -> Response:
    entry = error_entry(error, request_id)
    telemetry.failed(entry["extensions"]["code"])
    body = orjson.dumps({"errors": [entry]})
    return Response(status, body, [("content-type", "application/json"), ("cache-control", "no-store")])
