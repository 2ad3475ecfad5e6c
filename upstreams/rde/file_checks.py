"""Whether the bytes behind a report's link are the whole file, and not a page or a message in its place.

A sign-in page and a storage's error document come with any status and any content type, so the first bytes decide.
"""

import base64
import hashlib
import re
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

from upstreams.content_coding import BodyDecoder, BrokenCodingError, GzipBody
from upstreams.errors import RDE, UpstreamBadResponse

GZIP = b"\x1f\x8b"
HEAD_BYTES = 1024
PART_BYTES = 4096
"""How many bytes are decoded at once: each may unpack to a thousand."""
_PAGE = re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(!doctype\s+html|html)[\s>]", re.IGNORECASE | re.DOTALL)
# What Azure and S3 answer instead of an object: XML with <Error> and <Code>, or the same as JSON.
_XML_ERROR = re.compile(rb"\s*(<\?xml[^>]*>\s*)?<(m:)?error(\s[^>]*)?>\s*<(m:)?code\b", re.IGNORECASE)
_JSON_ERROR = re.compile(rb'\s*\{\s*"(odata\.)?error"\s*:\s*\{\s*"code"', re.IGNORECASE)
_BOM = b"\xef\xbb\xbf"


def refuse_documents(head: bytes, content_type: str) -> None:
    """Refuse a page or an error document in a file's place.

    Raises:
        UpstreamBadResponse: it is one.
    """
    start = head[:HEAD_BYTES].removeprefix(_BOM)
    if content_type.strip().lower().startswith("text/html") or _PAGE.match(start):
        raise UpstreamBadResponse(RDE, "a page came in the report file's place")
    if _XML_ERROR.match(start) or _JSON_ERROR.match(start):
        raise UpstreamBadResponse(RDE, "an error document came in the report file's place")


async def checked(chunks: AsyncIterator[bytes], content_md5: str | None) -> AsyncGenerator[bytes]:
    """The chunks, and at their end an error if they do not have the digest that the answer states (RFC 1864).

    Raises:
        UpstreamBadResponse: the digest differs.
    """
    digest = hashlib.md5(usedforsecurity=False)
    async for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if content_md5 and content_md5.strip() != base64.b64encode(digest.digest()).decode():
        raise UpstreamBadResponse(RDE, "the report file does not have the Content-MD5 that came with it")


async def decoded(chunks: AsyncIterator[bytes], decoder: BodyDecoder) -> AsyncGenerator[bytes]:
    """The bytes without their content coding, in pieces of bounded size.

    Raises:
        UpstreamBadResponse: the coding is broken, or does not come to its end.
    """
    try:
        async for chunk in chunks:
            for piece in filter(None, (decoder.decode(part, sys.maxsize) for part in _parts(chunk))):
                yield piece
        decoder.finish()
    except BrokenCodingError as error:
        raise UpstreamBadResponse(RDE, f"the report file's compression is broken: {error}") from error


async def whole_gzip(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """The chunks of a gzip file as they are.

    Raises:
        UpstreamBadResponse: the file is broken or cut off.
    """
    decoder = GzipBody()
    try:
        async for chunk in chunks:
            for part in _parts(chunk):
                decoder.decode(part, sys.maxsize)
            yield chunk
        decoder.finish()
    except BrokenCodingError as error:
        raise UpstreamBadResponse(RDE, f"the report file's compression is broken: {error}") from error


def _parts(chunk: bytes) -> Iterator[bytes]:
    return (chunk[start : start + PART_BYTES] for start in range(0, len(chunk), PART_BYTES))
