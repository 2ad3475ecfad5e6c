"""A report file's bytes as a browser would save them, for the archive.

The link could also write and delete, so only GET is sent, without credentials, and only to hosts on the list; every
redirect is checked against the list again. The bytes pass through and are not kept.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import KW_ONLY, dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

from runtime.deadline import Deadline
from runtime.telemetry import UpstreamCall, record
from upstreams.content_coding import BodyDecoder, UnknownCodingError, body_decoder
from upstreams.errors import RDE, UpstreamBadResponse, UpstreamTimeout
from upstreams.failures import describe, of_status, of_transport
from upstreams.rde.file_checks import GZIP, HEAD_BYTES, checked, decoded, refuse_documents, whole_gzip
from upstreams.rde.hosts import ReportHosts
from upstreams.transport import no_cookies, trusted

if TYPE_CHECKING:
    import httpx

REDIRECTS = 3
READ_SECONDS = 20.0
CONNECT_SECONDS = 5.0
LINK_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class ReportLinkRefused(UpstreamBadResponse):
    """The storage refused a report's link: it is not valid yet, has expired, or was revoked."""

    code: ClassVar[str] = "REPORT_LINK_REFUSED"


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A file on its way: its first bytes, all of its bytes, to be read once, and the coding that was left on them."""

    head: bytes = field(repr=False)
    chunks: AsyncIterator[bytes] = field(repr=False)
    coding: str | None = None


@dataclass(frozen=True, eq=False)
class ReportFiles:
    """Files of up to `max_bytes`, from the hosts on the list."""

    _: KW_ONLY
    hosts: tuple[str, ...]
    max_bytes: int

    @asynccontextmanager
    async def open(self, url: str, deadline: Deadline) -> AsyncIterator[ReportFile]:
        """Fetch the file behind a link; the deadline covers everything that is done inside the `with`.

        Raises:
            UpstreamError: the link is not allowed or refused, or what came is not the whole file; also while its
                chunks are read.
        """
        import httpx

        limit = asyncio.timeout(deadline.remaining())
        try:
            async with limit, _client() as client:
                response = await self._follow(client, _parsed(url))
                raw = checked(response.aiter_raw(), response.headers.get("Content-MD5"))
                decoder = _decoder(response)
                plain = decoded(raw, decoder) if decoder else raw
                async with aclosing(response), aclosing(self._limited(plain)) as chunks:
                    head = await _head(chunks)
                    refuse_documents(head, response.headers.get("Content-Type", ""))
                    whole = _rejoined(head, chunks)
                    coding = None if decoder else response.headers["Content-Encoding"]
                    yield ReportFile(head, whole_gzip(whole) if head.startswith(GZIP) else whole, coding)
        except TimeoutError as error:
            if not limit.expired():  # raised by the caller's own code inside the `with`
                raise
            raise UpstreamTimeout(RDE, "the deadline passed before the report file was complete") from error
        except httpx.RequestError as error:
            raise of_transport(RDE, error) from error

    async def _follow(self, client: "httpx.AsyncClient", url: "httpx.URL") -> "httpx.Response":
        """The answer that holds the file, after at most `REDIRECTS` redirects."""
        for _ in range(REDIRECTS + 1):
            response = await _get(client, url, await ReportHosts(self.hosts).address(url))
            if response.status_code == HTTPStatus.OK:
                return response
            await response.aclose()
            if not response.has_redirect_location:
                raise _refusal(response)
            url = _parsed(response.headers["Location"], url)
        raise UpstreamBadResponse(RDE, f"a report's link redirects more than {REDIRECTS} times")

    async def _limited(self, chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        size = 0
        async with aclosing(chunks):
            async for chunk in chunks:
                size += len(chunk)
                if size > self.max_bytes:
                    raise UpstreamBadResponse(RDE, f"the report file is larger than {self.max_bytes} bytes")
                yield chunk


async def _head(chunks: AsyncIterator[bytes]) -> bytes:
    """The first bytes, as many as it takes to recognise a document; fewer only of a smaller file."""
    head = bytearray()
    while len(head) < HEAD_BYTES and (chunk := await anext(chunks, b"")):
        head += chunk
    return bytes(head)


async def _rejoined(head: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    if head:
        yield head
    async for chunk in rest:
        yield chunk


def _decoder(response: "httpx.Response") -> BodyDecoder | None:
    """The decoder for the answer's content coding; None for a coding that only a browser can undo."""
    try:
        return body_decoder(response.headers.get("Content-Encoding", ""))
    except UnknownCodingError:
        return None


def _refusal(response: "httpx.Response") -> UpstreamBadResponse:
    if response.status_code in LINK_REFUSED:
        reason = f"the storage refused a report's link (status {response.status_code})"
        return describe(ReportLinkRefused(RDE, reason), response)
    if response.is_success:
        reason = f"a report's link answered with status {response.status_code}, which is not a file"
        return describe(UpstreamBadResponse(RDE, reason), response)
    raise of_status(RDE, response)


def _client() -> "httpx.AsyncClient":
    import httpx

    return httpx.AsyncClient(
        verify=trusted(),
        headers={"User-Agent": "Tally", "Accept": "*/*", "Accept-Encoding": "identity"},
        cookies=no_cookies(),
        trust_env=False,
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
    )


async def _get(client: "httpx.AsyncClient", url: "httpx.URL", address: str) -> "httpx.Response":
    """A GET of the link that connects to this address, while Host and the certificate's name stay the link's own."""
    began = time.monotonic()
    status = None
    try:
        headers, name = {"Host": url.netloc.decode("ascii")}, {"sni_hostname": url.host}
        request = client.build_request("GET", url.copy_with(host=address), headers=headers, extensions=name)
        response = await client.send(request, stream=True)
        status = response.status_code
        return response
    finally:
        record(UpstreamCall(RDE, "report_file", status, time.monotonic() - began))


def _parsed(text: str, base: "httpx.URL | None" = None) -> "httpx.URL":
    import httpx

    try:
        return httpx.URL(text) if base is None else base.join(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise UpstreamBadResponse(RDE, "a report's link is not a URL") from error
