"""S3 in memory that counts how often a caller waits for it, one call after the other.

A call that begins before another one has ended goes beside it and costs no wait of its own. So the waits are the most
calls of which each begins after the one before has ended: they are counted, not timed, and a busy machine changes
nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

from ledger.storage.bucket import ListedObject, StoredObject
from tests.support.s3.memory_store import MemoryBucket, MemoryConnection

PAUSE = 0.002
"""Seconds for which a call is under way; calls that are made at once overlap however short it is."""


@dataclass(slots=True)
class Waits:
    """The calls of some processes: when each began and ended, and what it was."""

    calls: list[tuple[int, int, str]] = field(default_factory=list)
    ticks: Iterator[int] = field(default_factory=count)

    def forget(self) -> None:
        """Count from here on."""
        self.calls.clear()

    @property
    def steps(self) -> list[str]:
        """The waits in order, each with the calls that were begun while it lasted: `GET+PUT`."""
        steps, free_from = list[str](), -1
        for ended, began in sorted((ended, began) for began, ended, _ in self.calls):
            if began > free_from:
                beside = sorted(name for at, _, name in self.calls if free_from < at < ended)
                steps.append("+".join(beside))
                free_from = ended
        return steps


class WaitingConnection(MemoryConnection):
    """One process's connection to S3 in memory."""

    def __init__(self, bucket: MemoryBucket, waits: Waits) -> None:
        super().__init__(bucket)
        self._waits = waits

    @asynccontextmanager
    async def _call(self, name: str) -> AsyncIterator[None]:
        began = next(self._waits.ticks)
        await asyncio.sleep(PAUSE)
        yield
        self._waits.calls.append((began, next(self._waits.ticks), name))

    async def get(self, key: str) -> StoredObject | None:
        async with self._call("GET"):
            return await super().get(key)

    async def get_range(self, key: str, start: int, end: int) -> bytes | None:
        async with self._call("GET"):
            return await super().get_range(key, start, end)

    async def put(self, key: str, body: bytes, attributes: Mapping[str, str], condition: str | None) -> str | None:
        async with self._call("PUT"):
            return await super().put(key, body, attributes, condition)

    async def delete(self, keys: Sequence[str]) -> None:
        async with self._call("DELETE"):
            await super().delete(keys)

    async def pages(self, folder: str, after: str | None) -> AsyncIterator[list[ListedObject]]:
        async for page in super().pages(folder, after):
            async with self._call("LIST"):
                pass
            yield page
