"""Entity tags: a client that has an answer already is told so instead of getting it again (RFC 9110 §8.8.3, §13.1.2).

A tag is a digest of the answer, its media type, and its caller's tenant and scopes, so it says nothing about an answer
that another caller gets. It is a weak one: the same answer may be compressed to other bytes.
"""

import base64
import hashlib

from schema.http.requests import Request, Response
from schema.resolvers.access import Identity

KEPT_HEADERS = frozenset({"etag", "cache-control", "vary"})
"""What a 304 repeats of the answer's headers (RFC 9110 §15.4.5)."""
_DIGEST = 18
"""Bytes of a digest: BLAKE2, which is Python's own and the fastest where OpenSSL is not loaded."""


def entity_tag(rendered: bytes, media_type: str, identity: Identity) -> str:
    """The tag of an answer before compression, as it goes into the `ETag` header."""
    caller = repr((identity.tenant, sorted(identity.scopes), media_type)).encode()
    digest = hashlib.blake2b(caller + b"\0", digest_size=_DIGEST)
    digest.update(rendered)
    return f'W/"{base64.urlsafe_b64encode(digest.digest()).decode()}"'


def conditional(request: Request, response: Response) -> Response:
    """The response, or 304 without a body if the client says that it has this one."""
    wanted = request.headers.get("if-none-match")
    if not wanted:
        return response
    headers = [(name, value) for name, value in response.headers if name in KEPT_HEADERS]
    tag = dict(headers).get("etag")
    return Response(304, b"", headers) if tag and _names(wanted, tag) else response


def _names(wanted: str, tag: str) -> bool:
    """Whether an `If-None-Match` header names a tag, by weak comparison; `*` names whatever there is."""
    names = [name.strip().removeprefix("W/") for name in wanted.split(",")]
    return tag.removeprefix("W/") in names or names == ["*"]
