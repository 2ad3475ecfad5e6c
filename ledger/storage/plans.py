"""Plans of known operations, shared by all processes: a new one need not learn what others know.

A plan holds a query's own text in another form and nothing of an answer, so tenants share it: who sends a query gets
its plan. It is a help, never needed: without S3 the query is planned anew.
"""

import logging

from ledger.storage.store import LedgerUnavailable, Store

LOG = logging.getLogger("tally.ledger")

ROOT = "plans"


class Plans:
    """The plans of one bucket, by the digest of what they were made from."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, digest: str) -> bytes | None:
        """A kept plan."""
        try:
            stored = await self._store.get(f"{ROOT}/{digest}.json")
        except LedgerUnavailable as error:
            LOG.warning("no plan without S3: %s", error)
            return None
        return stored.body if stored else None

    async def keep(self, digest: str, body: bytes) -> None:
        """Keep a plan for other processes."""
        try:
            await self._store.put(f"{ROOT}/{digest}.json", body)
        except LedgerUnavailable as error:
            LOG.warning("a plan was not kept: %s", error)
