"""Events to requests, and responses to results.

The event that counts is API Gateway's HTTP API, payload 2.0: only there has an authorizer verified the claims. A
function URL sends the same shape without claims. A load balancer and a REST API send an older shape, which is read far
enough to answer `/health`; a query gets 401 there, as a request without claims does anywhere.
"""

import base64
from typing import Any
from urllib.parse import urlencode

from runtime.deadline import Deadline
from schema.errors import BadUserInput
from schema.http.requests import Request, Response

SPARE_SECONDS = 1.0
"""What vendor calls leave of an invocation: for giving back leases and rendering the answer."""
WITHOUT_CONTEXT_SECONDS = 29.0


def is_request(event: object) -> bool:
    """Whether an event is an HTTP request: a schedule's, a warm-up ping or a test event is not."""
    if not isinstance(event, dict):
        return False
    gateway = event.get("requestContext")
    return "httpMethod" in event or (isinstance(gateway, dict) and isinstance(gateway.get("http"), dict))


def request_of(event: dict[str, Any], context: object) -> Request:
    """The request in an event; its claims are those that the JWT authorizer has verified.

    Raises:
        BadUserInput: the body is not what the event says.
    """
    gateway = event.get("requestContext") or {}
    http = gateway.get("http") or {}
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    seconds = remaining() / 1000 - SPARE_SECONDS if remaining else WITHOUT_CONTEXT_SECONDS
    return Request(
        method=http.get("method") or event.get("httpMethod") or "GET",
        path=_path(event),
        query=_query(event),
        headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
        body=_body(event),
        claims=((gateway.get("authorizer") or {}).get("jwt") or {}).get("claims"),
        request_id=request_id_of(event, context),
        deadline=Deadline.after(seconds),
        route=route_of(event),
        address=http.get("sourceIp") or (gateway.get("identity") or {}).get("sourceIp"),
    )


def result_of(response: Response) -> dict[str, Any]:
    """What Lambda returns for a response; a compressed body travels as base64."""
    headers = dict(response.headers)
    packed = "content-encoding" in headers
    body = base64.b64encode(response.body).decode() if packed else response.body.decode()
    return {"statusCode": response.status, "headers": headers, "body": body, "isBase64Encoded": packed}


def request_id_of(event: dict[str, Any], context: object) -> str:
    """The id under which the gateway, or else Lambda, logs a request."""
    gateway = event.get("requestContext") or {}
    return gateway.get("requestId") or getattr(context, "aws_request_id", "") or "unknown"


def route_of(event: dict[str, Any]) -> str:
    """The path of the route that the gateway chose, and whose authorizer it asked.

    `rawPath` has the prefix of a named stage or of a custom domain's mapping before it, which the route does not. To
    the gateway `/graphql/` is another route than `/graphql`; here it is the same.
    """
    _, _, route = event.get("routeKey", "").partition(" ")
    if route:
        path = str(route.replace("{proxy+}", (event.get("pathParameters") or {}).get("proxy", "")))
    else:
        stage = (event.get("requestContext") or {}).get("stage", "$default")
        path = _path(event) if stage == "$default" else _path(event).removeprefix(f"/{stage}")
    return "/graphql" if path == "/graphql/" else path or "/"


def _path(event: dict[str, Any]) -> str:
    return event.get("rawPath") or event.get("path") or "/"


def _query(event: dict[str, Any]) -> str:
    if "rawQueryString" in event:
        return event["rawQueryString"] or ""
    return urlencode(event.get("queryStringParameters") or {})


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return body.encode(errors="surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:  # binascii's error is one, as is a character beyond ASCII
        raise BadUserInput("the body is not valid base64") from None
