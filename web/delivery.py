"""What a page returns to the code that serves it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asset:
    """A response's body, its `Content-Type`, and every other header in lower case.

    Assets are stored gzipped and served in no other form: uncompressed they are four times as large, and a client that
    does not accept gzip is not a browser.
    """

    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...]

    @property
    def compressed(self) -> bool:
        """Whether only a client that accepts gzip can read the body."""
        return ("content-encoding", "gzip") in self.headers
