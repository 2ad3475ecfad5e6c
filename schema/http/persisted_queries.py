"""Automatic persisted queries, in the protocol of Apollo's clients: `extensions.persistedQuery`, version 1.

A hash alone is looked up; a hash with its text is executed, and kept if it was found fit to be: parsed, within the
limits, valid. So nothing is ever kept that could not be executed.
"""

import re
from dataclasses import dataclass
from typing import Any

from ledger.storage.persisted_queries import PersistedQueries, digest_of
from schema.errors import BadUserInput, PersistedQueryNotFound

VERSION = 1
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """A query that its client names by a hash; `text` is None when the hash is all that came."""

    digest: str
    text: str | None

    async def found(self, kept: PersistedQueries, tenant: str) -> str:
        """The query's text.

        Raises:
            PersistedQueryNotFound: it was not sent and is not kept; clients send it then.
        """
        text = await kept.get(tenant, self.digest) if self.text is None else self.text
        if text is None:
            # Some clients know this answer by its message, others by its code.
            raise PersistedQueryNotFound("PersistedQueryNotFound")
        return text


def named(text: str | None, extensions: dict[str, Any]) -> NamedQuery | None:
    """How a request names its query; None for one that only spells it.

    Raises:
        BadUserInput: it is named in another version of the protocol, by no hash, or by the hash of another text.
    """
    asked = extensions.get("persistedQuery")
    if asked is None:
        return None
    if not isinstance(asked, dict) or asked.get("version") != VERSION:
        raise BadUserInput(f"persistedQuery takes version {VERSION} and sha256Hash")
    digest = asked.get("sha256Hash")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest.lower()):
        raise BadUserInput("sha256Hash takes 64 hexadecimal digits")
    digest = digest.lower()
    if text is not None and digest_of(text.encode(errors="surrogatepass")) != digest:
        raise BadUserInput("sha256Hash is not the hash of the query")
    return NamedQuery(digest, text)
