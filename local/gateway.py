"""API Gateway's HTTP API on this machine: routes, CORS, the JWT authorizer, its limits, and a function behind it.

Requests that API Gateway answers without the function are answered here in the same way, so that nothing works here
that would not work deployed. Any origin may call; in AWS the template's CorsOrigins decides.
"""

import asyncio
import logging
from dataclasses import dataclass, replace
from http import HTTPStatus

import orjson

from local.asgi import Receive, RequestTooLargeError, Scope, Send, read_body, respond, text_headers
from local.authorizer import TokenRefusedError, TokenVerifier
from local.http_api_events import BadAnswerError, HttpAnswer, HttpRequest, Matched, answer_of, event_of
from local.lambda_runtime import ExecutionEnvironment, FunctionFailedError, Handler
from local.page_token import with_token
from local.server import BackgroundServer

log = logging.getLogger(__name__)

MAX_BODY = 10 * 1024 * 1024
GATEWAY_SECONDS = 30.0
DEFAULT_STAGE = "$default"

ALLOWED_HEADERS = (
    *("authorization", "content-type", "if-none-match", "apollo-require-preflight", "graphql-require-preflight"),
    *("x-apollo-operation-name", "x-apollo-operation-id", "apollographql-client-name", "apollographql-client-version"),
    *("x-requested-with", "x-request-id", "x-correlation-id", "x-amzn-trace-id", "cache-control"),
    *("traceparent", "tracestate", "baggage", "sentry-trace"),
    *("x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-origin", "x-datadog-sampling-priority"),
)
"""Request headers that another origin's page may send: the default of the template's CorsHeaders."""
EXPOSED_HEADERS = ("apigw-requestid", "etag")
"""Response headers that such a page may read, as in the template."""
_CORS = (("access-control-allow-origin", "*"), ("access-control-expose-headers", ",".join(EXPOSED_HEADERS)))


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the template; `needs_token`: the JWT authorizer protects it."""

    method: str
    path: str
    needs_token: bool = False

    @property
    def key(self) -> str:
        """The route's key in an event."""
        return f"{self.method} {self.path}"

    def parameters(self, method: str, path: str) -> dict[str, str] | None:
        """The path parameters of a request that matches this route; None for any other request."""
        if method != self.method:
            return None
        prefix, greedy, _ = self.path.partition("{proxy+}")
        if not greedy:
            return {} if path == self.path else None
        return {"proxy": path.removeprefix(prefix)} if path.startswith(prefix) and path != prefix else None


ROUTES = (
    Route("POST", "/graphql", needs_token=True),
    Route("GET", "/graphql", needs_token=True),
    Route("POST", "/graphql/", needs_token=True),
    Route("GET", "/graphql/", needs_token=True),
    Route("GET", "/"),
    Route("GET", "/overview"),
    Route("GET", "/assets/{proxy+}"),
    Route("GET", "/health"),
    Route("HEAD", "/health"),
)

PAGES = frozenset({"/", "/overview"})


class Gateway:
    """An ASGI application in front of `handler`.

    `stage`: a named stage is a prefix of every path, as in AWS. `page_token`: the token for the pages.
    `seconds`: how long the gateway waits for the function.
    """

    def __init__(
        self,
        handler: Handler,
        authorizer: TokenVerifier,
        *,
        stage: str = DEFAULT_STAGE,
        page_token: str | None = None,
        seconds: float = GATEWAY_SECONDS,
    ) -> None:
        self._environment = ExecutionEnvironment(handler)
        self._authorizer = authorizer
        self._stage = stage
        self._page_token = page_token
        self._seconds = seconds

    def serve(self, port: int = 0) -> BackgroundServer:
        """A server for this gateway, not started yet."""
        return BackgroundServer(self, port)

    def stop(self, seconds: float = 1.0) -> None:
        """End the function's thread after the call in progress, at most `seconds` from now; the server has stopped."""
        self._environment.stop(seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        try:
            request = _request(scope, await read_body(receive, MAX_BODY))
        except RequestTooLargeError:
            answer = _message(413, "Request Entity Too Large")
        else:
            answer = await self.answer(request)
        await _send(answer, send)

    async def answer(self, request: HttpRequest) -> HttpAnswer:
        """Answer one request; CORS headers are the gateway's own and replace the function's."""
        origin = request.header("origin")
        if request.method == "OPTIONS":
            return HttpAnswer(204, _preflight(request) if origin else ())
        answer = await self._routed(request)
        headers = tuple(pair for pair in answer.headers if not pair[0].startswith("access-control-"))
        return replace(answer, headers=(*headers, *_CORS) if origin else headers)

    async def _routed(self, request: HttpRequest) -> HttpAnswer:
        path = self._path_in_stage(request.path)
        for route in ROUTES:
            parameters = None if path is None else route.parameters(request.method, path)
            if parameters is not None:
                break
        else:
            return _message(404, "Not Found")
        try:
            claims = self._authorizer.claims(request.header("authorization")) if route.needs_token else None
        except TokenRefusedError as refused:
            return _message(401, "Unauthorized", ("www-authenticate", refused.challenge))
        answer = await self._invoked(request, Matched(route.key, self._stage, parameters, claims))
        if self._page_token is not None and route.path in PAGES:
            return with_token(request, answer, self._page_token)
        return answer

    async def _invoked(self, request: HttpRequest, matched: Matched) -> HttpAnswer:
        event = event_of(request, matched)
        request_id = ("apigw-requestid", event["requestContext"]["requestId"])
        try:
            answer = answer_of(await asyncio.wait_for(self._environment.invoke(event), self._seconds))
        except TimeoutError:
            return _message(503, "Service Unavailable", request_id)
        except (FunctionFailedError, BadAnswerError):
            log.exception("the function failed")
            return _message(500, "Internal Server Error", request_id)
        return replace(answer, headers=(*answer.headers, request_id))

    def _path_in_stage(self, path: str) -> str | None:
        if self._stage == DEFAULT_STAGE:
            return path
        prefix = f"/{self._stage}"
        return path.removeprefix(prefix) or "/" if path == prefix or path.startswith(f"{prefix}/") else None


def _preflight(request: HttpRequest) -> tuple[tuple[str, str], ...]:
    if request.header("access-control-request-method") is None:
        return (("access-control-allow-origin", "*"),)
    return (
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "GET,POST"),
        ("access-control-allow-headers", ",".join(ALLOWED_HEADERS)),
        ("access-control-max-age", "3600"),
    )


def _message(status: int, message: str, *headers: tuple[str, str]) -> HttpAnswer:
    return HttpAnswer(status, (("content-type", "application/json"), *headers), orjson.dumps({"message": message}))


def _request(scope: Scope, body: bytes) -> HttpRequest:
    client = scope["client"]
    return HttpRequest(
        method=scope["method"],
        path=scope["path"],
        query_string=scope["query_string"].decode("latin-1"),
        headers=tuple(text_headers(scope)),
        client=client[0] if client else "",
        protocol=f"HTTP/{scope['http_version']}",
        body=body,
    )


async def _send(answer: HttpAnswer, send: Send) -> None:
    headers = list(answer.without("content-length"))
    if answer.status != HTTPStatus.NO_CONTENT:
        headers.append(("content-length", str(len(answer.body))))
    await respond(send, answer.status, headers, answer.body)
