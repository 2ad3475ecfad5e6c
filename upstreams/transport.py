"""The lowest layer: one request, one complete answer, and the rules for every vendor.

No environment proxies or netrc, no cookies (one tenant's session must not leak into another tenant's call), no
redirects, no answer above the size limit after decompression. Telemetry records each attempt, token requests included.

A body is read raw and decoded here (`content_coding`): the coding has to come to its proven end. A body without any
proof, uncompressed and ended by the closing of the connection, is handed on with `PROVEN_WHOLE` false. A large body
goes to disk where the client allows that, and is handed on as `SPOOLED`.
"""

import functools
import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from runtime.telemetry import UpstreamCall, record
from upstreams.bodies import PIECE, Body, BodyTooLargeError, BodyWriter, SpooledBody
from upstreams.errors import UpstreamAnswerTooLarge, UpstreamBadResponse

if TYPE_CHECKING:
    import ssl
    from http.cookiejar import CookieJar

    import httpx

OPERATION = "operation"
MAX_BYTES = "max_bytes"
"""Extension of a request: the size limit of its answer where that is smaller than the client's."""
LARGEST_IN_MEMORY = 64 * 2**20
"""Size limit in bytes after decompression of an answer that is held in memory as a whole."""
SPOOLED = "spooled"
"""Extension of a response: its body where that is on disk; the response has none then."""
PROVEN_WHOLE = "proven_whole"
"""Extension of a response: whether its framing or its compression proves that the body is complete."""
_ABOUT_THE_CODED_BODY = frozenset({b"content-encoding", b"content-length", b"content-md5", b"content-digest"})
_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
LOG = logging.getLogger("tally.upstreams")


class AnswerLimits(NamedTuple):
    """Size limits in bytes after decompression: of an answer, and of one that is in memory; a larger one is on disk.

    Only a 200 goes to disk: errors have no large bodies, and a large one is dropped.
    """

    max_bytes: int
    in_memory: int

    def within(self, max_bytes: int | None) -> "AnswerLimits":
        """The limits of a call that has one of its own."""
        if max_bytes is None or max_bytes >= self.max_bytes:
            return self
        return AnswerLimits(max_bytes, min(self.in_memory, max_bytes))

    def writer(self, status: int) -> BodyWriter:
        """What takes the body of an answer with this status."""
        return BodyWriter(self.in_memory, self.max_bytes if status == HTTPStatus.OK else self.in_memory)


class Sent:
    """Whether a request was sent and has no complete answer yet; passed to httpcore as the `trace` extension."""

    def __init__(self) -> None:
        self.unanswered = False

    async def __call__(self, event: str, info: dict[str, object]) -> None:  # noqa: ARG002 httpcore's signature
        """Note the moment at which the vendor may begin to act."""
        if event == "http11.send_request_headers.started":
            self.unanswered = True


def new_client(upstream: str, limits: AnswerLimits, connections: int) -> "httpx.AsyncClient":
    """A client for one vendor on the running event loop; the caller closes it."""
    import httpx

    return httpx.AsyncClient(
        transport=_complete_answers(upstream, limits, httpx.Limits(max_connections=connections)),
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


def _complete_answers(upstream: str, limits: AnswerLimits, connections: "httpx.Limits") -> "httpx.AsyncBaseTransport":
    import httpx

    class CompleteAnswers(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            started = time.monotonic()
            status = None
            try:
                response = await super().handle_async_request(request)
                status = response.status_code
                complete = await _complete(response, upstream, limits.within(request.extensions.get(MAX_BYTES)))
            finally:
                operation = request.extensions[OPERATION]
                record(UpstreamCall(upstream, operation, status, time.monotonic() - started))
            if isinstance(sent := request.extensions.get("trace"), Sent):
                sent.unanswered = False
            return complete

    return CompleteAnswers(verify=trusted(), trust_env=False, limits=connections)


async def _complete(response: "httpx.Response", upstream: str, limits: AnswerLimits) -> "httpx.Response":
    """The response with its whole body, decoded, and `PROVEN_WHOLE` and perhaps `SPOOLED` among its extensions."""
    import httpx

    body: Body
    try:
        body, proves_its_end = await _body(response, upstream, limits)
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
    if isinstance(body, SpooledBody):
        extensions, body = extensions | {SPOOLED: body}, b""
    return httpx.Response(response.status_code, headers=headers, content=body, extensions=extensions)


async def _body(response: "httpx.Response", upstream: str, limits: AnswerLimits) -> tuple[Body, bool]:
    """The decoded body, and whether its coding proves that nothing is missing.

    Raises:
        UpstreamBadResponse: an unknown, broken or incomplete coding, or more bytes than allowed.
    """
    from upstreams.content_coding import BrokenCodingError, UnknownCodingError, body_decoder

    body, received = limits.writer(response.status_code), 0
    try:
        decoder = body_decoder(response.headers.get("Content-Encoding", ""))
        async for chunk in response.aiter_raw():
            received += len(chunk)
            body.check(received)
            body.write(piece := decoder.decode(chunk, PIECE))
            while len(piece) == PIECE:
                body.write(piece := decoder.more(PIECE))
        if response.status_code not in _WITHOUT_BODY:
            decoder.finish()
        return body.finish(), decoder.proves_its_end
    except UnknownCodingError as error:
        raise UpstreamBadResponse(upstream, "the answer uses a compression that we did not ask for") from error
    except BrokenCodingError as error:
        raise UpstreamBadResponse(upstream, f"the answer's compression is broken: {error}") from error
    except BodyTooLargeError as error:
        raise UpstreamAnswerTooLarge(upstream, f"the answer {error}") from error
    finally:
        body.drop()


def _framed(response: "httpx.Response") -> bool:
    """Whether HTTP itself marks the end of the body; without, the closing of the connection looks like the end."""
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    return chunked or "Content-Length" in response.headers or response.status_code in _WITHOUT_BODY
