"""The handler as a frontend uses it: HTTP requests as API Gateway's events, and answers as a browser gets them."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.expectations import ExpectedAnswer
from functions.application import make_handler
from functions.settings import Settings
from runtime.clock import Clock, now

RESPONSE_TYPE = "application/graphql-response+json"
EVERY_SCOPE = "reports:read reports:schedule reports:content credits:read credits:msisdn"


class InvocationContext:
    """Lambda's context object; `seconds` is the time left for the invocation."""

    aws_request_id = "7f3f9a0e"

    def __init__(self, seconds: float = 29) -> None:
        self._ends = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._ends - time.monotonic()) * 1000))


def http_event(
    method: str,
    path: str,
    *,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    body: str | None = None,
    claims: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """An event in payload format 2.0; without `claims` it has passed no authorizer."""
    context: dict[str, Any] = {
        "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "t"},
        "requestId": "JKJaXmPLvHcESHA=",
        "stage": "$default",
    }
    if claims is not None:
        context["authorizer"] = {"jwt": {"claims": dict(claims), "scopes": None}}
    event = {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "tally.example", **(headers or {})},
        "requestContext": context,
        "isBase64Encoded": False,
    }
    return event if body is None else event | {"body": body}


@dataclass(frozen=True, slots=True)
class Reply:
    """A GraphQL answer: its data, its errors, and the HTTP response."""

    data: dict[str, Any] | None
    errors: list[dict[str, Any]]
    answer: ExpectedAnswer

    @property
    def codes(self) -> list[str]:
        """The code of each error."""
        return [error["extensions"]["code"] for error in self.errors]


class Frontend:
    """Talks to one handler, made from `environ` as Lambda makes it from its own."""

    def __init__(self, environ: Mapping[str, str], clock: Clock = now) -> None:
        self.handler = make_handler(Settings.read(environ), clock)

    def send(self, event: dict[str, Any], seconds: float = 29) -> ExpectedAnswer:
        """One event's answer."""
        return ExpectedAnswer.of_payload(self.handler(event, InvocationContext(seconds)))

    def ask(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        *,
        scope: str = EVERY_SCOPE,
        claims: Mapping[str, Any] | None = None,
        seconds: float = 29,
    ) -> Reply:
        """One query's answer; `claims` are added to the scopes."""
        body = json.dumps({"query": query, "variables": dict(variables or {})})
        headers = {"content-type": "application/json", "accept": RESPONSE_TYPE}
        verified = {"sub": "dashboard", "scope": scope, **(claims or {})}
        answer = self.send(http_event("POST", "/graphql", headers=headers, body=body, claims=verified), seconds)
        content = json.loads(answer.body)
        return Reply(content.get("data"), content.get("errors", []), answer)

    def data(self, query: str, variables: Mapping[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        """The data of a query that must succeed."""
        reply = self.ask(query, variables, **options)
        assert reply.data is not None, reply.errors
        assert reply.errors == []
        return reply.data


type StartFrontend = Callable[..., Frontend]
"""The fixture `start`: one more process, with settings of its own."""
