"""Query texts that clients sent once and name by their SHA-256 from then on; in S3, so that all processes know them.

Each tenant has its own: a text is not a secret, but the fact that a tenant uses it may be. A stored text has to have
the hash it is stored under, or it counts as unknown. Without S3 a process knows only what it remembers.
"""

import hashlib
import logging

from ledger.storage.store import LedgerUnavailable, Store
from runtime.memory import Memory

LOG = logging.getLogger("tally.ledger")

QUERIES_PREFIX = "persisted-queries"
LONGEST_BYTES = 50_000
"""A longer text is executed, but not stored: it has to be sent each time."""
CACHE_BYTES = 4 * 1024 * 1024


class PersistedQueries:
    """Every tenant's stored texts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._memory: Memory[str, str] = Memory(CACHE_BYTES)

    async def get(self, tenant: str, digest: str) -> str | None:
        """The text with this hash (64 hexadecimal digits in lower case), if it is stored."""
        key = _key(tenant, digest)
        text = self._memory.recall(key)
        if text is not None:
            return text
        try:
            stored = await self._store.get(key)
        except LedgerUnavailable as error:
            LOG.warning("no persisted query without S3: %s", error)
            return None
        if stored is None:
            return None
        try:
            text = _verified(stored.body, digest)
        except ValueError as error:
            LOG.warning("%s cannot be used: %s", key, error)
            return None
        self._memory.remember(key, text, len(stored.body))
        return text

    async def store(self, tenant: str, digest: str, text: str) -> None:
        """Store a text under its hash, unless this process knows that it is stored or it is too long."""
        body, key = text.encode(), _key(tenant, digest)
        if len(body) > LONGEST_BYTES or self._memory.recall(key) is not None:
            return
        try:
            await self._store.put(key, body, {"Content-Type": "application/graphql; charset=utf-8"})
        except LedgerUnavailable as error:
            LOG.warning("a persisted query was not stored: %s", error)
            return
        self._memory.remember(key, text, len(body))


def digest_of(body: bytes) -> str:
    """The hash by which clients name a text."""
    return hashlib.sha256(body).hexdigest()


def _verified(body: bytes, digest: str) -> str:
    """A stored text.

    Raises:
        ValueError: it has another hash, or is not UTF-8.
    """
    if digest_of(body) != digest:
        raise ValueError("its text has another hash")
    return body.decode()


def _key(tenant: str, digest: str) -> str:
    return f"{QUERIES_PREFIX}/tenant={tenant}/{digest}.graphql"
