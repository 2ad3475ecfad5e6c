"""The lowest layer: one request, one whole answer, and the rules that hold for every vendor.

No environment proxies or netrc, no cookies (one tenant's session must not travel with another's call), no redirects, no
answer larger than the cap after decompression; each attempt, a token's too, is told to telemetry.
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
"""In bytes, decompressed: an answer is held whole."""
# Two codings stacked on each other could unpack a small chunk beyond any memory before it is counted.
KNOWN_CODINGS = frozenset({"", "identity", "gzip", "deflate"})


class Sent:
    """Whether a request went out without a whole answer; given to httpcore as the request's `trace` extension."""

    def __init__(self) -> None:
        self.unanswered = False

    async def __call__(self, event: str, info: dict[str, object]) -> None:  # noqa: ARG002 httpcore's signature
        """Notice the moment from which on the vendor may act."""
        if event == "http11.send_request_headers.started":
            self.unanswered = True


def new_client(upstream: str, max_bytes: int, connections: int) -> "httpx.AsyncClient":
    """A client for one vendor on the running event loop; whoever makes it closes it."""
    import httpx

    return httpx.AsyncClient(
        transport=_whole_answers(upstream, max_bytes, httpx.Limits(max_connections=connections)),
        headers={"User-Agent": "Tally", "Accept-Encoding": "gzip"},
        cookies=no_cookies(),
        trust_env=False,
    )


def no_cookies() -> "CookieJar":
    """A jar that takes none."""
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))


@functools.cache
def trusted() -> "ssl.SSLContext":
    """The TLS settings, made once for the process: reading the roots takes longer than a small call."""
    import httpx

    # Both print addresses, and a signed link is a secret.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    return httpx.create_ssl_context()


def _whole_answers(upstream: str, max_bytes: int, limits: "httpx.Limits") -> "httpx.AsyncBaseTransport":
    import httpx

    class WholeAnswers(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            began = time.monotonic()
            status = None
            try:
                response = await super().handle_async_request(request)
                status = response.status_code
                whole = await _whole(response, upstream, max_bytes)
            finally:
                operation = request.extensions[OPERATION]
                record(UpstreamCall(upstream, operation, status, time.monotonic() - began))
            if isinstance(sent := request.extensions.get("trace"), Sent):
                sent.unanswered = False
            return whole

    return WholeAnswers(verify=trusted(), trust_env=False, limits=limits)


async def _whole(response: "httpx.Response", upstream: str, max_bytes: int) -> "httpx.Response":
    """The response with its body read and decoded, or an error as soon as that is too large."""
    import httpx

    body = bytearray()
    try:
        if response.headers.get("Content-Encoding", "").lower() not in KNOWN_CODINGS:
            raise UpstreamBadResponse(upstream, "the answer is compressed in a way that was not asked for")
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > max_bytes:
                raise UpstreamAnswerTooLarge(upstream, f"the answer is larger than {max_bytes} bytes")
    finally:
        await response.aclose()
    headers = [(name, value) for name, value in response.headers.raw if not name.lower().startswith(b"content-")]
    return httpx.Response(response.status_code, headers=headers, content=bytes(body), extensions=response.extensions)
