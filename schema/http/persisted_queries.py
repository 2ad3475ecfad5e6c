"""Persisted queries: a request names a query by its SHA-256 instead of sending its text.

Two spellings: Apollo's automatic persisted queries (`extensions.persistedQuery`, version 1) and the draft's
`documentId` (`sha256:…`). A hash alone is looked up. A hash with its text is executed, and the text is stored once it
proved to be executable: parsed, within the limits, valid.
"""

import re
from dataclasses import dataclass

from ledger.storage.persisted_queries import PersistedQueries, digest_of
from schema.errors import BadUserInput, PersistedQueryNotFound
from schema.execution.messages import Params

VERSION = 1
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """A query that its client names by a hash; `text` is None when only the hash was sent."""

    digest: str
    text: str | None

    async def find_text(self, stored: PersistedQueries, tenant: str) -> str:
        """The query's text.

        Raises:
            PersistedQueryNotFound: it was not sent and is not stored; clients then send it.
        """
        text = await stored.get(tenant, self.digest) if self.text is None else self.text
        if text is None:
            # Some clients know this answer by its message, others by its code.
            raise PersistedQueryNotFound("PersistedQueryNotFound")
        return text


def named_query(params: Params) -> NamedQuery | None:
    """How a request names its query; None when it only sends the text.

    Raises:
        BadUserInput: the name is of another protocol version, not a hash, or the hash of another text.
    """
    digest = _digest_named_by(params)
    if digest is None:
        return None
    text = params.query or None
    if text is not None and digest_of(text.encode(errors="surrogatepass")) != digest:
        raise BadUserInput("the hash is not that of the query")
    return NamedQuery(digest, text)


def _digest_named_by(params: Params) -> str | None:
    if params.document_id is not None:
        return _hexadecimal("documentId", params.document_id.removeprefix("sha256:"))
    apollo = params.extensions.get("persistedQuery")
    if apollo is None:
        return None
    if not isinstance(apollo, dict) or apollo.get("version") != VERSION:
        raise BadUserInput(f"persistedQuery takes version {VERSION} and sha256Hash")
    return _hexadecimal("sha256Hash", apollo.get("sha256Hash"))


def _hexadecimal(name: str, digest: object) -> str:
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest.lower()):
        raise BadUserInput(f"{name} takes a SHA-256 of 64 hexadecimal digits")
    return digest.lower()
