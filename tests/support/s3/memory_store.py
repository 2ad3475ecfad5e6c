"""S3 in a test's own memory: as strict about conditions as S3 is, as slow as a dictionary, and it can be made to fail.

A bucket belongs to all processes of a test, a store to one of them. `tests/ledger/test_store.py` holds stores of this
kind and real ones to the same statements. Objects are dated by the test's clock, as S3 dates them by its own.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from ledger.storage.store import LIST_PAGE, LedgerUnavailable, ListedObject, Store, StoredObject
from runtime.clock import Clock, now


class Killed(BaseException):
    """The process has died; nothing that it had begun goes on, and nothing is tidied up."""


@dataclass(frozen=True, slots=True)
class MemoryObject:
    """One object."""

    body: bytes
    e_tag: str
    attributes: Mapping[str, str]
    modified: datetime


@dataclass(slots=True)
class MemoryBucket:
    """The objects by key, the requests as they came, and how S3 fares: `down`, or well or not by `turns`."""

    clock: Clock = now
    objects: dict[str, MemoryObject] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    down: bool = False
    turns: list[bool] = field(default_factory=list)
    tags: Any = field(default_factory=lambda: count(1))

    def enter(self, verb: str, key: str) -> None:
        """Take one request in, or fail it."""
        self.seen.append((verb, key))
        works = self.turns.pop(0) if self.turns else True
        if self.down or not works:
            self.failed.append((verb, key))
            raise LedgerUnavailable("S3 could not serve: the test has it fail")

    def asked(self, verb: str, ending: str = "") -> list[str]:
        """The keys that were asked for by one verb."""
        return [key for seen, key in self.seen if seen == verb and key.endswith(ending)]


class MemoryStore(Store):
    """One process's way to a bucket; after `writes_left` writes the process is dead."""

    def __init__(self, bucket: MemoryBucket, writes_left: int | None = None) -> None:
        super().__init__("memory")
        self.bucket = bucket
        self.writes_left = writes_left
        self.dead = False

    async def get(self, key: str) -> StoredObject | None:
        self._enter("GET", key)
        kept = self.bucket.objects.get(key)
        return StoredObject(kept.body, kept.e_tag, kept.attributes) if kept else None

    async def _put(self, key: str, body: bytes, attributes: Mapping[str, str] | None, mode: Any) -> str | None:
        self._enter("PUT", key, writes=True)
        there = self.bucket.objects.get(key)
        if mode == "create" and there:
            return None
        if isinstance(mode, dict) and (there is None or there.e_tag != mode["e_tag"]):
            return None
        e_tag = f'"{next(self.bucket.tags)}"'
        self.bucket.objects[key] = MemoryObject(body, e_tag, dict(attributes or {}), self.bucket.clock())
        return e_tag

    async def delete(self, keys: Sequence[str]) -> None:
        if keys:
            self._enter("DELETE", keys[0], writes=True)
        for key in keys:
            self.bucket.objects.pop(key, None)

    async def pages(self, folder: str, after: str | None = None) -> AsyncIterator[list[ListedObject]]:
        keys = sorted(key for key in self.bucket.objects if key.startswith(f"{folder}/") and key > (after or ""))
        for at in range(0, max(len(keys), 1), LIST_PAGE):
            self._enter("LIST", folder)
            page = [(key, self.bucket.objects[key]) for key in keys[at : at + LIST_PAGE] if key in self.bucket.objects]
            if page:
                yield [ListedObject(key, len(kept.body), kept.modified) for key, kept in page]

    async def folders(self, folder: str) -> list[str]:
        self._enter("LIST", folder)
        inside = (key.removeprefix(f"{folder}/") for key in self.bucket.objects if key.startswith(f"{folder}/"))
        return sorted({rest.partition("/")[0] for rest in inside if "/" in rest})

    def _enter(self, verb: str, key: str, *, writes: bool = False) -> None:
        if writes and self.writes_left is not None:
            self.writes_left -= 1
        if self.dead or (self.writes_left is not None and self.writes_left < 0):
            self.dead = True
            raise Killed
        self.bucket.enter(verb, key)
