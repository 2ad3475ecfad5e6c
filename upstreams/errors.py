"""What can go wrong when we ask a vendor.

    UpstreamError
    ├── UpstreamUnauthorized   401, 403, a failed token, a missing or malformed secret
    ├── UpstreamUnavailable    429, 5xx, connection errors
    ├── UpstreamTimeout        the deadline passed before an answer was whole
    └── UpstreamBadResponse    other 4xx, HTML, a missing column, a short last row
        └── UpstreamAnswerTooLarge   more than we take at once; for less of it the vendor may well have an answer

A reason is written for the frontend: short, and never a secret, a token, a link's query or a phone number. `sent` tells
a caller that must not repeat itself whether the vendor may already have acted.
"""

from typing import ClassVar


class UpstreamError(Exception):
    """A vendor did not give a usable answer; `upstream` is `rde` or `openmarket`, `reason` is safe to show.

    `sent` is true when a request that changes something went out and nobody can say whether it was carried out; it is
    false for every GET, for a request that never left, and for one that the vendor refused. `hurried` is true when the
    invocation was nearly over and the call had markedly less than its time: that says nothing of the vendor.
    """

    code: ClassVar[str] = "UPSTREAM_UNAVAILABLE"

    def __init__(self, upstream: str, reason: str, *, sent: bool = False) -> None:
        super().__init__(f"{upstream}: {reason}")
        self.upstream = upstream
        self.reason = reason
        self.sent = sent
        self.hurried = False


class UpstreamUnauthorized(UpstreamError):
    """The vendor refused our credentials, or we hold none that can be used."""

    code = "UPSTREAM_UNAUTHORIZED"


class UpstreamUnavailable(UpstreamError):
    """The vendor could not be reached or said it cannot answer now."""

    code = "UPSTREAM_UNAVAILABLE"


class UpstreamTimeout(UpstreamError):
    """The deadline passed before the vendor's answer was whole."""

    code = "UPSTREAM_TIMEOUT"


class UpstreamBadResponse(UpstreamError):
    """The vendor answered something that its own documents do not allow."""

    code = "UPSTREAM_BAD_RESPONSE"


class UpstreamAnswerTooLarge(UpstreamBadResponse):
    """The answer is larger than the cap: who can ask for less at once should."""


BY_CODE: dict[str, type[UpstreamError]] = {
    error.code: error for error in (UpstreamUnauthorized, UpstreamUnavailable, UpstreamTimeout, UpstreamBadResponse)
}
