"""What a vendor's status or a broken connection means to us, said in one place (docs/vendors.md).

What may be tried again is a kind of `UpstreamUnavailable` of its own, so that a caller that gives up has only to let it
pass.
"""

import datetime as dt
from http import HTTPStatus
from typing import TYPE_CHECKING

from upstreams.errors import (
    UpstreamBadResponse,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnauthorized,
    UpstreamUnavailable,
)

if TYPE_CHECKING:
    import httpx

PASSING = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})


class TryAgain(UpstreamUnavailable):
    """Unavailable, but perhaps not for long: a GET may be tried again, `after` seconds from now at the earliest."""

    def __init__(self, upstream: str, reason: str, *, sent: bool = False, after: float = 0) -> None:
        super().__init__(upstream, reason, sent=sent)
        self.after = after


def of_status(upstream: str, response: "httpx.Response", *, changing: bool = False) -> UpstreamError:
    """The error that a status other than success stands for; `changing`: the request was to change something.

    A server error leaves open whether it did; every other status is a refusal.
    """
    status = response.status_code
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return UpstreamUnauthorized(upstream, f"the vendor refused the credentials (status {status})")
    after = retry_after(response.headers.get("Retry-After"))
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        reason = "the vendor is limiting the rate of calls (status 429)"
        return UpstreamUnavailable(upstream, reason) if after is None else TryAgain(upstream, reason, after=after)
    if status in PASSING:
        return TryAgain(upstream, f"the vendor is out of service (status {status})", sent=changing, after=after or 0)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UpstreamUnavailable(upstream, f"the vendor failed (status {status})", sent=changing)
    return UpstreamBadResponse(upstream, f"the vendor answered with status {status}")


def of_transport(upstream: str, error: "httpx.RequestError", *, sent: bool = False) -> UpstreamError:
    """The error that a request without a whole answer stands for."""
    import httpx

    if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
        return TryAgain(upstream, "the vendor could not be reached", sent=sent)
    if isinstance(error, httpx.TimeoutException):
        return UpstreamTimeout(upstream, "the vendor did not answer in time", sent=sent)
    if isinstance(error, httpx.DecodingError):
        return UpstreamBadResponse(upstream, "the answer's compression is broken", sent=sent)
    return TryAgain(upstream, "the connection to the vendor broke", sent=sent)


def retry_after(value: str | None) -> float | None:
    """Seconds to wait by a `Retry-After` header (RFC 9110 §10.2.3: seconds or an HTTP date); None for neither."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max(0.0, (moment - dt.datetime.now(dt.UTC)).total_seconds())
