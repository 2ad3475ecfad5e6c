"""A report file's bytes, exactly as the vendor stores them, for the archive.

The link could also write and delete: only GET is ever sent, without credentials, and to hosts on the list alone, which
every redirect is checked against again. Nothing is decompressed and nothing is held: the bytes pass through.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING

from runtime.deadline import Deadline
from runtime.telemetry import UpstreamCall, record
from upstreams.errors import UpstreamBadResponse, UpstreamTimeout
from upstreams.failures import of_status, of_transport
from upstreams.rde.hosts import ReportHosts
from upstreams.transport import no_cookies, trusted

if TYPE_CHECKING:
    import httpx

UPSTREAM = "rde"
REDIRECTS = 3
READ_SECONDS = 20.0
CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A file under way: what its server says it is, and its bytes, to be read once."""

    content_type: str | None
    chunks: AsyncIterator[bytes] = field(repr=False)


@dataclass(frozen=True, eq=False)
class ReportFiles:
    """Files of up to `max_bytes`, from the hosts on the list."""

    _: KW_ONLY
    hosts: tuple[str, ...]
    max_bytes: int

    @asynccontextmanager
    async def open(self, url: str, deadline: Deadline) -> AsyncIterator[ReportFile]:
        """Fetch the file behind a link; the deadline covers all that is done with it inside the `with`.

        Raises:
            UpstreamError: the link is not allowed, or the file did not come whole; also while its chunks are read.
        """
        import httpx

        limit = asyncio.timeout(deadline.remaining())
        try:
            async with limit, _client() as client:
                response = await self._found(client, _parsed(url))
                async with aclosing(response), aclosing(self._chunks(response)) as chunks:
                    yield ReportFile(response.headers.get("Content-Type"), chunks)
        except TimeoutError as error:
            if not limit.expired():  # somebody else's, from inside the `with`
                raise
            raise UpstreamTimeout(UPSTREAM, "the deadline passed before the report file was whole") from error
        except httpx.RequestError as error:
            raise of_transport(UPSTREAM, error) from error

    async def _found(self, client: "httpx.AsyncClient", url: "httpx.URL") -> "httpx.Response":
        """The answer that holds the file, some redirects on."""
        for _ in range(REDIRECTS + 1):
            response = await _get(client, url, await ReportHosts(self.hosts).address(url))
            if response.is_success:
                return response
            await response.aclose()
            if not response.has_redirect_location:
                raise of_status(UPSTREAM, response)
            url = _parsed(response.headers["Location"], url)
        raise UpstreamBadResponse(UPSTREAM, f"a report's link redirects more than {REDIRECTS} times")

    async def _chunks(self, response: "httpx.Response") -> AsyncGenerator[bytes]:
        passed = 0
        async for chunk in response.aiter_raw():
            passed += len(chunk)
            if passed > self.max_bytes:
                raise UpstreamBadResponse(UPSTREAM, f"the report file is larger than {self.max_bytes} bytes")
            yield chunk


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
        record(UpstreamCall(UPSTREAM, "report_file", status, time.monotonic() - began))


def _parsed(text: str, base: "httpx.URL | None" = None) -> "httpx.URL":
    import httpx

    try:
        return httpx.URL(text) if base is None else base.join(text)
    except (httpx.InvalidURL, ValueError) as error:
        raise UpstreamBadResponse(UPSTREAM, "a report's link is no URL") from error
