"""API Gateway's HTTP API events, payload 2.0: one becomes a request, a response becomes its result."""

import base64
import binascii
from typing import Any

from runtime.deadline import Deadline
from schema.http.requests import Request, Response

SPARE_SECONDS = 1.0
"""What is left of an invocation for saying what went wrong."""
WITHOUT_CONTEXT_SECONDS = 29.0


def request_of(event: dict[str, Any], context: object) -> Request:
    """The request that an event brings; its claims are those that the JWT authorizer has verified."""
    gateway = event.get("requestContext") or {}
    http = gateway.get("http") or {}
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    seconds = remaining() / 1000 - SPARE_SECONDS if remaining else WITHOUT_CONTEXT_SECONDS
    return Request(
        method=http.get("method", "GET"),
        path=event.get("rawPath") or "/",
        query=event.get("rawQueryString") or "",
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=_body(event),
        claims=((gateway.get("authorizer") or {}).get("jwt") or {}).get("claims"),
        request_id=gateway.get("requestId") or getattr(context, "aws_request_id", "") or "unknown",
        deadline=Deadline.after(seconds),
    )


def stage_of(event: dict[str, Any]) -> str:
    """The prefix that the deployment puts before every path; empty for the default stage."""
    stage = (event.get("requestContext") or {}).get("stage", "$default")
    return "" if stage == "$default" else f"/{stage}"


def result_of(response: Response) -> dict[str, Any]:
    """What Lambda returns for a response; bytes that are no text travel as base64."""
    headers = dict(response.headers)
    packed = "content-encoding" in headers
    body = base64.b64encode(response.body).decode() if packed else response.body.decode()
    return {"statusCode": response.status, "headers": headers, "body": body, "isBase64Encoded": packed}


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return body.encode(errors="surrogatepass")
    try:
        return base64.b64decode(body)
    except binascii.Error:
        return b""
