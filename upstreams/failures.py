"""Which error a vendor's status or a broken connection becomes, and what the answer says about itself.

A failure that may pass soon is an `UpstreamUnavailable` of its own class: a caller that stops retrying can raise
it as it is.
"""

import datetime as dt
import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from runtime.redaction import redacted
from upstreams.errors import (
    UpstreamBadResponse,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnauthorized,
    UpstreamUnavailable,
)

if TYPE_CHECKING:
    import httpx

TRANSIENT = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
LONGEST_MESSAGE = 300
"""Characters of a vendor's error message that are logged."""
_SECONDS = re.compile(r"[0-9]{1,9}")
_CORRELATION_ID = re.compile(r"[A-Za-z0-9._:/=+-]{1,128}")


class TryAgain(UpstreamUnavailable):
    """Unavailable, but perhaps not for long: a GET may be repeated, after `retry_after` seconds if that is given."""


def of_status(upstream: str, response: "httpx.Response", *, changing: bool = False) -> UpstreamError:
    """The error for a status other than success; `changing`: the request was meant to change something.

    After a server error it is unknown whether the request took effect; every other status is a refusal.
    """
    return describe(_of_status(upstream, response, changing=changing), response)


def describe[E: UpstreamError](error: E, response: "httpx.Response") -> E:
    """Add what the answer says about itself: status, correlation id, and the message of a JSON error body."""
    fields = _json_object(response.content if response.is_stream_consumed else b"")
    message = fields.get("message")
    error.status = response.status_code
    error.correlation_id = correlation_id(response) or _checked_id(fields.get("correlationId"))
    error.vendor_message = redacted(message[:LONGEST_MESSAGE]) if isinstance(message, str) else None
    return error


def correlation_id(response: "httpx.Response") -> str | None:
    """The id under which the vendor's support finds this call; None if it is missing or has odd characters."""
    return _checked_id(response.headers.get("X-Correlation-ID"))


def of_transport(upstream: str, error: "httpx.RequestError", *, sent: bool = False) -> UpstreamError:
    """The error for a request without a complete answer."""
    import httpx

    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
        return TryAgain(upstream, "the vendor could not be reached", sent=sent)
    if isinstance(error, httpx.TimeoutException):
        return UpstreamTimeout(upstream, "the vendor did not answer in time", sent=sent)
    if isinstance(error, httpx.DecodingError):
        return UpstreamBadResponse(upstream, "the answer's compression is broken", sent=sent)
    return TryAgain(upstream, "the connection to the vendor broke", sent=sent)


def retry_after(value: str | None) -> float | None:
    """Seconds to wait by a `Retry-After` header (RFC 9110 §10.2.3: seconds or an HTTP date); None for anything else."""
    if value is None:
        return None
    if _SECONDS.fullmatch(value.strip()):
        return float(value)
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds())


def _of_status(upstream: str, response: "httpx.Response", *, changing: bool) -> UpstreamError:
    status = response.status_code
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return UpstreamUnauthorized(upstream, f"the vendor refused the credentials (status {status})")
    after = retry_after(response.headers.get("Retry-After"))
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        kind = UpstreamUnavailable if after is None else TryAgain
        return kind(upstream, "the vendor is limiting the rate of calls (status 429)", retry_after=after)
    if status in TRANSIENT:
        reason = f"the vendor is out of service (status {status})"
        return TryAgain(upstream, reason, sent=changing, retry_after=after)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        reason = f"the vendor failed (status {status})"
        return UpstreamUnavailable(upstream, reason, sent=changing, retry_after=after)
    return UpstreamBadResponse(upstream, f"the vendor answered with status {status}")


def _checked_id(value: object) -> str | None:
    return value if isinstance(value, str) and _CORRELATION_ID.fullmatch(value) else None


def _json_object(body: bytes) -> dict[str, object]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
