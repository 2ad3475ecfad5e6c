"""What can go wrong when a vendor is called, and the vendors' names.

    UpstreamError
    ├── UpstreamUnauthorized   401, 403, a failed token, a missing or malformed secret
    ├── UpstreamUnavailable    429, 5xx, connection errors
    ├── UpstreamTimeout        the deadline passed before the answer was complete
    └── UpstreamBadResponse    other 4xx, HTML, a missing column, a truncated last row
        └── UpstreamAnswerTooLarge   more than is read at once; a smaller request may succeed

A reason is shown to the frontend: it is short and holds no secret, token, link query or phone number.
"""

from typing import ClassVar, Final

RDE: Final = "rde"
OPENMARKET: Final = "openmarket"


class UpstreamError(Exception):
    """A vendor gave no usable answer; `upstream` is `rde` or `openmarket`, `reason` is safe to show.

    `sent` is true when a request that changes something left us and its outcome is unknown; it is false for a GET, for
    a request that never left, and for one that the vendor refused. `hurried` is true when the call had clearly less
    than its usual time because the invocation was nearly over: then the failure says nothing about the vendor.

    `status` is the HTTP status, if an answer came; `correlation_id` is what the vendor's support asks for;
    `retry_after` is the number of seconds before which another call is pointless, if that is known.
    """

    code: ClassVar[str] = "UPSTREAM_UNAVAILABLE"

    def __init__(self, upstream: str, reason: str, *, sent: bool = False, retry_after: float | None = None) -> None:
        super().__init__(f"{upstream}: {reason}")
        self.upstream = upstream
        self.reason = reason
        self.sent = sent
        self.retry_after = retry_after
        self.hurried = False
        self.status: int | None = None
        self.correlation_id: str | None = None
        self.vendor_message: str | None = None


class UpstreamUnauthorized(UpstreamError):
    """The vendor refused our credentials, or there are none that can be used."""

    code = "UPSTREAM_UNAUTHORIZED"


class UpstreamUnavailable(UpstreamError):
    """The vendor could not be reached, or answered that it cannot serve now."""

    code = "UPSTREAM_UNAVAILABLE"


class UpstreamTimeout(UpstreamError):
    """The deadline passed before the vendor's answer was complete."""

    code = "UPSTREAM_TIMEOUT"


class UpstreamBadResponse(UpstreamError):
    """The vendor answered something that its own documents do not allow."""

    code = "UPSTREAM_BAD_RESPONSE"


class UpstreamAnswerTooLarge(UpstreamBadResponse):
    """The answer is larger than the limit; a caller that can ask for less at once should do so."""


BY_CODE: dict[str, type[UpstreamError]] = {
    error.code: error for error in (UpstreamUnauthorized, UpstreamUnavailable, UpstreamTimeout, UpstreamBadResponse)
}
