"""The real bucket behind the template's policy, which no emulator enforces: some keys can only be created."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from ledger.storage.bucket import ABSENT, Bucket, LedgerUnavailable, ListedObject, SignedLink, StoredObject
from tests.support.template_reading import template


def written_once() -> tuple[str, ...]:
    """The patterns of the keys that the template's policy protects."""
    statements = template()["Resources"]["LedgerPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    _, statement, _ = next(entry["Fn::If"] for entry in statements if "Fn::If" in entry)
    return tuple(arn["Fn::Sub"].removeprefix("${Ledger.Arn}/") for arn in statement["Resource"])


@dataclass
class PolicedBucket:
    """Refuses what the policy refuses; `protected` collects the keys that were written under its protection."""

    bucket: Bucket
    patterns: tuple[str, ...] = field(default_factory=written_once)
    protected: list[str] = field(default_factory=list)

    async def get(self, key: str) -> StoredObject | None:
        return await self.bucket.get(key)

    async def get_small(self, key: str, most_bytes: int) -> StoredObject | None:
        return await self.bucket.get_small(key, most_bytes)

    async def get_range(self, key: str, start: int, end: int) -> bytes | None:
        return await self.bucket.get_range(key, start, end)

    async def put(self, key: str, body: bytes, attributes: Mapping[str, str], condition: str | None) -> str | None:
        self._check(key, condition)
        return await self.bucket.put(key, body, attributes, condition)

    async def upload(self, key: str, chunks: AsyncIterator[bytes], attributes: Mapping[str, str]) -> None:
        self._check(key, None)
        await self.bucket.upload(key, chunks, attributes)

    async def delete(self, keys: Sequence[str]) -> None:
        await self.bucket.delete(keys)

    def pages(self, folder: str, after: str | None) -> AsyncIterator[list[ListedObject]]:
        return self.bucket.pages(folder, after)

    async def folders(self, folder: str) -> list[str]:
        return await self.bucket.folders(folder)

    async def link(self, key: str, seconds: int) -> SignedLink:
        return await self.bucket.link(key, seconds)

    def _check(self, key: str, condition: str | None) -> None:
        if not any(fnmatchcase(key, pattern) for pattern in self.patterns):
            return
        if condition != ABSENT:
            raise LedgerUnavailable(f"the bucket's policy refuses to overwrite {key}")
        self.protected.append(key)
