"""What the explorer hands to whoever serves it.

Assets are kept gzipped, the form nearly every client takes; the rare other one gets them inflated, so that no second
copy is stored.
"""

import gzip
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Asset:
    """One answer: its bytes, its `Content-Type`, and every other header in lower case."""

    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...]

    def for_client(self, accept_encoding: str | None) -> "Asset":
        """Give this asset in a form that a client with this `Accept-Encoding` (None: not sent) can read."""
        if ("content-encoding", "gzip") not in self.headers or accepts_gzip(accept_encoding):
            return self
        headers = tuple(pair for pair in self.headers if pair[0] != "content-encoding")
        return replace(self, body=gzip.decompress(self.body), headers=headers)


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Say whether an `Accept-Encoding` header allows gzip (RFC 9110 §12.5.3); a header that is not sent does not."""
    weights = dict(_weight(part) for part in (accept_encoding or "").lower().split(","))
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0


def _weight(part: str) -> tuple[str, float]:
    coding, _, parameter = part.partition(";")
    name, _, value = parameter.partition("=")
    if name.strip() != "q":
        return coding.strip(), 1.0
    try:
        return coding.strip(), float(value)
    except ValueError:
        return coding.strip(), 0.0
