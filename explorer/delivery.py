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

    def inflated(self) -> "Asset":
        """This asset for a client that does not take gzip."""
        if ("content-encoding", "gzip") not in self.headers:
            return self
        headers = tuple(pair for pair in self.headers if pair[0] != "content-encoding")
        return replace(self, body=gzip.decompress(self.body), headers=headers)
