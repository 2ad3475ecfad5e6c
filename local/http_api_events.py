"""HTTP to API Gateway's payload 2.0 and back, as AWS documents both.

Not documented, but what AWS does: the path is percent-decoded, the query string unchanged; cookies are removed from
the headers; a body is base64 unless its type is `text/*` or plain JSON.
"""

import base64
import binascii
import time
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson

ACCOUNT_ID = "123456789012"
API_ID = "local"


class BadAnswerError(Exception):
    """API Gateway cannot turn the function's result into an answer."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A received request: `path` decoded, `headers` as pairs with lower-case names."""

    method: str
    path: str
    query_string: str
    headers: tuple[tuple[str, str], ...]
    client: str
    protocol: str = "HTTP/1.1"
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        """A header's value, several of them joined by a comma."""
        return ",".join(value for key, value in self.headers if key == name) or None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An answer to send; header names are lower-case."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        """A header's first value."""
        return next((value for key, value in self.headers if key == name), None)

    def without(self, *names: str) -> tuple[tuple[str, str], ...]:
        """All headers except the named ones."""
        return tuple(pair for pair in self.headers if pair[0] not in names)


@dataclass(frozen=True, slots=True)
class Matched:
    """The route that a request matched, and the claims of its token."""

    route_key: str
    stage: str
    path_parameters: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[str, str] | None = None


def event_of(request: HttpRequest, matched: Matched) -> dict[str, Any]:
    """The function's event; keys without a value are left out, as AWS does."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": matched.route_key,
        "rawPath": request.path,
        "rawQueryString": request.query_string,
        "headers": _headers(request),
        "requestContext": _context(request, matched),
        "isBase64Encoded": False,
    }
    if cookies := request.header("cookie"):
        event["cookies"] = [cookie.strip() for cookie in cookies.split(";")]
    if query := _joined(parse_qsl(request.query_string, keep_blank_values=True)):
        event["queryStringParameters"] = query
    if matched.path_parameters:
        event["pathParameters"] = dict(matched.path_parameters)
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request)
    return event


def answer_of(result: object) -> HttpAnswer:
    """The function's result as HTTP; a result without `statusCode` is itself the body of a 200, as JSON.

    Raises:
        BadAnswerError: a part of the result has the wrong type.
    """
    if not isinstance(result, dict) or "statusCode" not in result:
        return HttpAnswer(200, (("content-type", "application/json"),), orjson.dumps(result))
    try:
        status = int(result["statusCode"])
        body = str(result.get("body") or "")
        content = base64.b64decode(body, validate=True) if result.get("isBase64Encoded") else body.encode()
        headers = [(name.lower(), str(value)) for name, value in (result.get("headers") or {}).items()]
        headers += [("set-cookie", str(cookie)) for cookie in result.get("cookies") or ()]
    except (AttributeError, TypeError, ValueError, binascii.Error) as error:
        raise BadAnswerError("the function's result is malformed") from error
    if "content-type" not in dict(headers):
        headers.append(("content-type", "text/plain; charset=utf-8"))
    return HttpAnswer(status, tuple(headers), content)


def _headers(request: HttpRequest) -> dict[str, str]:
    host, _, port = (request.header("host") or "").partition(":")
    added = {
        "x-amzn-trace-id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}",
        "x-forwarded-for": ",".join(filter(None, (request.header("x-forwarded-for"), request.client))),
        "x-forwarded-port": port or "80",
        "x-forwarded-proto": "http",
    }
    sent = _joined([(name, value) for name, value in request.headers if name != "cookie"])
    return {"host": host, **sent, **added}


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    values: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        values[name].append(value)
    return {name: ",".join(listed) for name, listed in values.items()}


def _context(request: HttpRequest, matched: Matched) -> dict[str, Any]:
    now = datetime.now(UTC)
    domain = (request.header("host") or "").partition(":")[0]
    context: dict[str, Any] = {
        "accountId": ACCOUNT_ID,
        "apiId": API_ID,
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": request.protocol,
            "sourceIp": request.client,
            "userAgent": request.header("user-agent") or "",
        },
        "requestId": base64.b64encode(uuid.uuid4().bytes[:11]).decode(),
        "routeKey": matched.route_key,
        "stage": matched.stage,
        "time": f"{now:%d/%b/%Y:%H:%M:%S} +0000",
        "timeEpoch": int(now.timestamp() * 1000),
    }
    if matched.claims is not None:
        context["authorizer"] = {"jwt": {"claims": dict(matched.claims), "scopes": None}}
    return context


def _body(request: HttpRequest) -> tuple[str, bool]:
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if kind == "application/json" or kind.startswith("text/"):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass  # bytes that are not UTF-8 are sent as base64, whatever the type says
    return base64.b64encode(request.body).decode(), True
