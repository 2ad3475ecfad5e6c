"""The lowest layer: one request, one complete answer, and the rules for every vendor.

No environment proxies or netrc, no cookies (one tenant's session must not leak into another tenant's call), no
redirects, no answer above the size limit after decompression. Telemetry records each attempt, token requests included.

A body is read raw and decoded here (`content_coding`): the coding has to come to its proven end. A body without any
proof, uncompressed and ended by the closing of the connection, is handed on with `PROVEN_WHOLE` false.
"""

import functools
import logging
import time
from http import HTTPStatus
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
PROVEN_WHOLE = "proven_whole"
"""Extension of a response: whether its framing or its compression proves that the body is complete."""
_ABOUT_THE_CODED_BODY = frozenset({b"content-encoding", b"content-length", b"content-md5", b"content-digest"})
_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
LOG = logging.getLogger("tally.upstreams")


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
    """The response with its whole body, decoded, and `PROVEN_WHOLE` among its extensions."""
    import httpx

    try:
        body, proves_its_end = await _body(response, upstream, max_bytes)
    except UpstreamBadResponse as error:
        if response.is_success:
            raise
        # The status says what went wrong; a broken body must not hide it.
        LOG.info("the body of an answer with status %d was dropped: %s", response.status_code, error.reason)
        body, proves_its_end = b"", False
    finally:
        await response.aclose()
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in _ABOUT_THE_CODED_BODY]
    extensions = response.extensions | {PROVEN_WHOLE: proves_its_end or _framed(response)}
    return httpx.Response(response.status_code, headers=headers, content=body, extensions=extensions)


async def _body(response: "httpx.Response", upstream: str, max_bytes: int) -> tuple[bytes, bool]:
    """The decoded body, and whether its coding proves that nothing is missing.

    Raises:
        UpstreamBadResponse: an unknown, broken or incomplete coding, or more bytes than allowed.
    """
    from upstreams.content_coding import BrokenCodingError, UnknownCodingError, body_decoder

    body, received = bytearray(), 0
    try:
        decoder = body_decoder(response.headers.get("Content-Encoding", ""))
        async for chunk in response.aiter_raw():
            received += len(chunk)
            body += decoder.decode(chunk, max_bytes + 1 - len(body))
            if max(received, len(body)) > max_bytes:
                raise UpstreamAnswerTooLarge(upstream, f"the answer is larger than {max_bytes} bytes")
        if response.status_code not in _WITHOUT_BODY:
            decoder.finish()
    except UnknownCodingError as error:
        raise UpstreamBadResponse(upstream, "the answer uses a compression that we did not ask for") from error
    except BrokenCodingError as error:
        raise UpstreamBadResponse(upstream, f"the answer's compression is broken: {error}") from error
    return bytes(body), decoder.proves_its_end


def _framed(response: "httpx.Response") -> bool:
    """Whether HTTP itself marks the end of the body; without, the closing of the connection looks like the end."""
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    return chunked or "Content-Length" in response.headers or response.status_code in _WITHOUT_BODY
