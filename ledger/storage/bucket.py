"""What the ledger needs of an object store: nine primitives. Time limits are added by `Store`.

`S3Bucket` is the real one. A test can give `Store` another one: in memory, one that fails, one that ends the process.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Final, NamedTuple, Protocol

ABSENT: Final = "*"
"""The condition of a write that must not replace anything; `*` as in HTTP's `If-None-Match: *`."""
LIST_PAGE = 1000
"""The most objects that one LIST returns."""
PART_BYTES = 8 * 1024 * 1024
"""The size of the parts of a large object; S3 takes at most 10,000 parts."""


class LedgerUnavailable(Exception):
    """S3 could not be reached, refused us or did not answer in time. The reason is for the log, not the frontend."""

    code: ClassVar[str] = "LEDGER_UNAVAILABLE"


class ListedObject(NamedTuple):
    """A listed object: its whole key, its size in bytes, when it was written, by S3's clock, and its ETag."""

    key: str
    size: int
    modified: datetime
    e_tag: str = ""


class StoredObject(NamedTuple):
    """An object as it was read: its bytes, its ETag for a conditional write, and its attributes."""

    body: bytes
    e_tag: str
    attributes: Mapping[str, str]

    def __repr__(self) -> str:
        """Without the body, which may hold links and phone numbers."""
        return f"StoredObject({len(self.body)} bytes, e_tag={self.e_tag})"


class SignedLink(NamedTuple):
    """A presigned link; `keys_expire_at` is None where the life of the keys is not known."""

    url: str
    keys_expire_at: datetime | None = None

    def __repr__(self) -> str:
        """Without the signature."""
        return f"SignedLink(keys_expire_at={self.keys_expire_at})"


class Bucket(Protocol):
    """One bucket. Every primitive raises `LedgerUnavailable` when the store cannot serve."""

    async def get(self, key: str) -> StoredObject | None:
        """Read an object; None when there is none."""
        ...

    async def get_small(self, key: str, most_bytes: int) -> StoredObject | None:
        """Read an object; None when there is none or it is larger, and then its body is not read."""
        ...

    async def get_range(self, key: str, start: int, end: int) -> bytes | None:
        """Read the bytes of an object from `start` up to `end`, fewer where it ends earlier; None when there is none.

        The range is never empty.
        """
        ...

    async def put(self, key: str, body: bytes, attributes: Mapping[str, str], condition: str | None) -> str | None:
        """Write an object and return its ETag; None when the condition does not hold.

        `condition` is `ABSENT`, the ETag of the version to replace, or None for an unconditional write. A concurrent
        write may fail an `ABSENT` condition although no object exists afterwards.
        """
        ...

    async def upload(self, key: str, chunks: AsyncIterator[bytes], attributes: Mapping[str, str]) -> None:
        """Write an object of any size as its bytes arrive; it becomes visible when all of them have."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; missing ones are not an error."""
        ...

    def pages(self, folder: str, after: str | None) -> AsyncIterator[list[ListedObject]]:
        """List a folder in key order, beyond `after`, one page for each LIST request."""
        ...

    async def folders(self, folder: str) -> list[str]:
        """The names of the folders directly inside a folder."""
        ...

    async def link(self, key: str, seconds: int) -> "SignedLink":
        """A presigned GET of one object, valid for that many seconds, but no longer than the keys that sign it."""
        ...
