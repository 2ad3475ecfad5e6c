"""The lowest layer: one request, one complete answer, and the rules for every vendor.

No environment proxies or netrc, no cookies (one tenant's session must not leak into another tenant's call), no
redirects, no answer above the size limit after decompression. Telemetry records each attempt, token requests included.
"""

import functools
import logging
import time
from typing import TYPE_CHECKING

from runtime.telemetry import UpstreamCall, record
from upstreams.errors import UpstreamAnswerTooLarge, UpstreamBadResponse

if TYPE_CHECKING:
    import ssl
    from http.cookiejar import CookieJar

    import httpx

OPERATION = "operation"
LARGEST_ANSWER = 64 * 2**20
"""Size limit in bytes after decompression; an answer is held in memory as a whole."""
# Stacked codings are refused: a small chunk could unpack beyond all memory before its size is checked.
KNOWN_CODINGS = frozenset({"", "identity", "gzip", "deflate"})


class Sent:
    """Whether a request was sent and has no complete answer yet; passed to httpcore as the `trace` extension."""

    def __init__(self) -> None:
        self.unanswered = False

    async def __call__(self, event: str, info: dict[str, object]) -> None:  # noqa: ARG002 httpcore's signature
        """Note the moment at which the vendor may begin to act."""
        if event == "http11.send_request_headers.started":
            self.unanswered = True


def new_client(upstream: str, max_bytes: int, connections: int) -> "httpx.AsyncClient":
    """A client for one vendor on the running event loop; the caller closes it."""
    import httpx

    return httpx.AsyncClient(
        transport=_complete_answers(upstream, max_bytes, httpx.Limits(max_connections=connections)),
        headers={"User-Agent": "Tally", "Accept-Encoding": "gzip"},
        cookies=no_cookies(),
        trust_env=False,
    )


def no_cookies() -> "CookieJar":
    """A cookie jar that accepts no cookie."""
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))


@functools.cache
def trusted() -> "ssl.SSLContext":
    """The TLS settings, created once a process: loading the root certificates takes longer than a small call."""
    import httpx

    # Both log URLs, and a signed link is a secret.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    return httpx.create_ssl_context()


def _complete_answers(upstream: str, max_bytes: int, limits: "httpx.Limits") -> "httpx.AsyncBaseTransport":
    import httpx

    class CompleteAnswers(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            started = time.monotonic()
            status = None
            try:
                response = await super().handle_async_request(request)
                status = response.status_code
                complete = await _complete(response, upstream, max_bytes)
            finally:
                operation = request.extensions[OPERATION]
                record(UpstreamCall(upstream, operation, status, time.monotonic() - started))
            if isinstance(sent := request.extensions.get("trace"), Sent):
                sent.unanswered = False
            return complete

    return CompleteAnswers(verify=trusted(), trust_env=False, limits=limits)


async def _complete(response: "httpx.Response", upstream: str, max_bytes: int) -> "httpx.Response":
    """The response with its body read and decoded; too large a body is an error as soon as it shows."""
    import httpx

    body = bytearray()
    try:
        if response.headers.get("Content-Encoding", "").lower() not in KNOWN_CODINGS:
            raise UpstreamBadResponse(upstream, "the answer uses a compression that we did not ask for")
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > max_bytes:
                raise UpstreamAnswerTooLarge(upstream, f"the answer is larger than {max_bytes} bytes")
    finally:
        await response.aclose()
    outdated = {b"content-encoding", b"content-length"}  # the body is decoded by now
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in outdated]
    return httpx.Response(response.status_code, headers=headers, content=bytes(body), extensions=response.extensions)
