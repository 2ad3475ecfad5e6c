"""Query texts that clients sent once and name by their SHA-256 from then on; kept in S3, so all processes know them.

Kept for each tenant apart: a text is no secret, but whether somebody uses it may be one. What is read back has to have
its hash, or it counts as unknown. Without S3 nothing is found that this process does not remember.
"""

import hashlib
import logging

from ledger.storage.store import LedgerUnavailable, Store
from runtime.memory import Memory

LOG = logging.getLogger("tally.ledger")

ROOT = "persisted-queries"
LONGEST = 50_000
"""Bytes of the longest text that is kept; a longer one is executed, but has to be sent each time."""
REMEMBERED_BYTES = 4 * 1024 * 1024


class PersistedQueries:
    """Every tenant's kept texts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._memory: Memory[str, str] = Memory(REMEMBERED_BYTES)

    async def get(self, tenant: str, digest: str) -> str | None:
        """The text with this hash (64 hexadecimal digits in lower case), if it is kept."""
        key = _key(tenant, digest)
        text = self._memory.recall(key)
        if text is not None:
            return text
        try:
            stored = await self._store.get(key)
        except LedgerUnavailable as error:
            LOG.warning("no persisted query without S3: %s", error)
            return None
        if stored is None or digest_of(stored.body) != digest:
            return None
        text = stored.body.decode()
        self._memory.remember(key, text, len(stored.body))
        return text

    async def keep(self, tenant: str, digest: str, text: str) -> None:
        """Keep a text under its hash; one that is kept already, or is too long, costs nothing."""
        body, key = text.encode(), _key(tenant, digest)
        if len(body) > LONGEST or self._memory.recall(key) is not None:
            return
        try:
            await self._store.put(key, body, {"Content-Type": "application/graphql; charset=utf-8"})
        except LedgerUnavailable as error:
            LOG.warning("a persisted query was not kept: %s", error)
            return
        self._memory.remember(key, text, len(body))


def digest_of(body: bytes) -> str:
    """The hash that clients know a text by."""
    return hashlib.sha256(body).hexdigest()


def _key(tenant: str, digest: str) -> str:
    return f"{ROOT}/tenant={tenant}/{digest}.graphql"
