"""Which media type and which compression a client accepts, by its `Accept` headers (RFC 9110 §12).

`*/*` and no header at all mean the older media type: a client that does not name the newer one may not know it.
"""

import re
from functools import lru_cache

RESPONSE_TYPE = "application/graphql-response+json"
JSON_TYPE = "application/json"

_RANGE = re.compile(r"\s*([^\s;,]+)\s*((?:;[^,]*)?)")
_QUALITY = re.compile(r";\s*q=([01](?:\.\d{0,3})?)\s*(?:;|$)", re.IGNORECASE)


@lru_cache(maxsize=256)  # clients send the same header with every request
def media_type_for(accept: str | None) -> str | None:
    """The media type of the response: the newer one if it is named or preferred; None if neither is accepted."""
    if not accept:
        return JSON_TYPE
    wanted = qualities(accept)
    anything = wanted.get("application/*", wanted.get("*/*", 0.0))
    newer, older = wanted.get(RESPONSE_TYPE, anything), wanted.get(JSON_TYPE, anything)
    if newer > older or (newer == older > 0 and RESPONSE_TYPE in wanted):
        return RESPONSE_TYPE
    return JSON_TYPE if older else None


@lru_cache(maxsize=256)
def takes_gzip(accept_encoding: str | None) -> bool:
    """Whether the response may be gzip (RFC 9110 §12.5.3); not without the header."""
    wanted = qualities(accept_encoding or "")
    return wanted.get("gzip", wanted.get("x-gzip", wanted.get("*", 0.0))) > 0


def qualities(header: str) -> dict[str, float]:
    """The quality of each value in an `Accept` header (RFC 9110 §12.4.2: 0 means not acceptable)."""
    found = ((match[1].lower(), _QUALITY.search(match[2])) for match in _RANGE.finditer(header))
    return {name: float(quality[1]) if quality else 1.0 for name, quality in found}
