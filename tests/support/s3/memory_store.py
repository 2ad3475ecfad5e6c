"""S3 in a test's own memory: as strict about conditions as S3 is, as slow as a dictionary, and it can be made to fail.

A bucket belongs to all processes of a test, a connection and a store to one of them. `test_store.py` tests stores of
this kind and real ones alike. Objects are dated by the test's clock, as S3 dates them by its own.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from ledger.storage.bucket import ABSENT, LIST_PAGE, LedgerUnavailable, ListedObject, SignedLink, StoredObject
from ledger.storage.store import Store
from runtime.clock import Clock, now


class Killed(BaseException):
    """The process was killed: nothing that it had begun goes on, and nothing is cleaned up."""


@dataclass(frozen=True, slots=True)
class MemoryObject:
    """One object."""

    body: bytes
    e_tag: str
    attributes: Mapping[str, str]
    modified: datetime


@dataclass(slots=True)
class MemoryBucket:
    """The objects by key, the requests in order, and the ranges that were read of objects.

    S3 fails while `down`, and by `turns`: False is a failure.
    """

    clock: Clock = now
    objects: dict[str, MemoryObject] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    ranges: list[tuple[str, int, int]] = field(default_factory=list)
    down: bool = False
    turns: list[bool] = field(default_factory=list)
    tags: Any = field(default_factory=lambda: count(1))

    def enter(self, verb: str, key: str) -> None:
        """Record one request, or fail it."""
        self.seen.append((verb, key))
        works = self.turns.pop(0) if self.turns else True
        if self.down or not works:
            self.failed.append((verb, key))
            raise LedgerUnavailable("S3 could not serve: the test has it fail")

    def asked(self, verb: str, ending: str = "") -> list[str]:
        """The keys of all requests with one verb."""
        return [key for seen, key in self.seen if seen == verb and key.endswith(ending)]


class MemoryConnection:
    """One process's connection to the objects; the process is killed after `writes_left` writes."""

    def __init__(self, bucket: MemoryBucket, writes_left: int | None = None) -> None:
        self.bucket = bucket
        self.writes_left = writes_left
        self.dead = False
        self.keys_expire_at: datetime | None = None

    async def get(self, key: str) -> StoredObject | None:
        self.enter("GET", key)
        stored = self.bucket.objects.get(key)
        return StoredObject(stored.body, stored.e_tag, stored.attributes) if stored else None

    async def get_small(self, key: str, most_bytes: int) -> StoredObject | None:
        stored = await self.get(key)
        return stored if stored is not None and len(stored.body) <= most_bytes else None

    async def get_range(self, key: str, start: int, end: int) -> bytes | None:
        self.enter("GET", key)
        stored = self.bucket.objects.get(key)
        if stored is None:
            return None
        self.bucket.ranges.append((key, start, end))
        return stored.body[start:end]

    async def put(self, key: str, body: bytes, attributes: Mapping[str, str], condition: str | None) -> str | None:
        self.enter("PUT", key, writes=True)
        stored = self.bucket.objects.get(key)
        if condition == ABSENT and stored:
            return None
        if condition not in {None, ABSENT} and (stored is None or stored.e_tag != condition):
            return None
        e_tag = f'"{next(self.bucket.tags)}"'
        self.bucket.objects[key] = MemoryObject(body, e_tag, dict(attributes), self.bucket.clock())
        return e_tag

    async def upload(self, key: str, chunks: AsyncIterator[bytes], attributes: Mapping[str, str]) -> None:
        await self.put(key, b"".join([chunk async for chunk in chunks]), attributes, None)

    async def delete(self, keys: Sequence[str]) -> None:
        self.enter("DELETE", keys[0], writes=True)
        for key in keys:
            self.bucket.objects.pop(key, None)

    async def pages(self, folder: str, after: str | None) -> AsyncIterator[list[ListedObject]]:
        keys = sorted(key for key in self.bucket.objects if key.startswith(f"{folder}/") and key > (after or ""))
        for at in range(0, max(len(keys), 1), LIST_PAGE):
            self.enter("LIST", folder)
            page = [(key, self.bucket.objects[key]) for key in keys[at : at + LIST_PAGE] if key in self.bucket.objects]
            yield [ListedObject(key, len(stored.body), stored.modified, stored.e_tag) for key, stored in page]

    async def folders(self, folder: str) -> list[str]:
        self.enter("LIST", folder)
        inside = (key.removeprefix(f"{folder}/") for key in self.bucket.objects if key.startswith(f"{folder}/"))
        return sorted({rest.partition("/")[0] for rest in inside if "/" in rest})

    async def link(self, key: str, seconds: int) -> SignedLink:
        return SignedLink(f"https://memory.invalid/{key}?expires={seconds}", self.keys_expire_at)

    def enter(self, verb: str, key: str, *, writes: bool = False) -> None:
        """Let one request in, unless the process has died or S3 is to fail."""
        if writes and self.writes_left is not None:
            self.writes_left -= 1
        if self.dead or (self.writes_left is not None and self.writes_left < 0):
            self.dead = True
            raise Killed
        self.bucket.enter(verb, key)


class MemoryStore(Store):
    """The store of one process, over a connection of its own."""

    def __init__(self, bucket: MemoryBucket, writes_left: int | None = None) -> None:
        self.connection = MemoryConnection(bucket, writes_left)
        super().__init__(self.connection)
        self.bucket = bucket
