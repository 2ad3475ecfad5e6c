"""Rendered answers in a warm process: bytes given again while what they were made from is good.

Only answers that would be come by in the same way are remembered: one that has just been fetched says so, and the next
one must not. They are kept per tenant, scopes, and everything of the request that the response depends on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from runtime import telemetry
from runtime.clock import Clock
from runtime.memory import Memory
from schema.http.requests import Request, Response
from schema.resolvers.access import Identity
from schema.resolvers.context import Context, kept_until

BYTES = 32 * 1024 * 1024
LARGEST = 2 * 1024 * 1024
_Key = tuple[str, frozenset[str], str, str, bytes, tuple[str | None, ...]]
_HEADERS = ("accept", "accept-encoding", "content-type")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A response, until when it is good, whether nobody may keep it, and what the log says of the request."""

    response: Response
    good_until: datetime
    private: bool
    facts: Mapping[str, object]


class RenderedAnswers:
    """The rendered answers of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._memory: Memory[_Key, Rendered] = Memory(BYTES)

    def recall(self, request: Request, identity: Identity) -> Response | None:
        """The response to an equal request, while it is good."""
        known = self._memory.recall(_key(request, identity))
        if known is None or known.good_until <= self._clock():
            return None
        telemetry.count("ledger.hit")
        telemetry.count("answer.remembered")
        telemetry.note_all(known.facts)
        if known.private:
            return known.response
        # A browser may keep it for what is left, not for what was left when it was rendered.
        headers = dict(known.response.headers) | {"cache-control": kept_until(known.good_until, self._clock())}
        return replace(known.response, headers=list(headers.items()))

    def remember(self, request: Request, response: Response, context: Context, fields: int) -> None:
        """Keep a response, if each of its root fields said until when it stays the same."""
        said = context.repeatable and context.uses == fields
        if not said or context.good_until <= self._clock() or len(response.body) > LARGEST:
            return
        rendered = Rendered(response, context.good_until, context.private, telemetry.facts())
        size = len(response.body) + len(request.body) + len(request.query) + 1000
        self._memory.remember(_key(request, context.identity), rendered, size)

    def forget(self, tenant: str) -> None:
        """Drop a tenant's answers: something of it has changed."""
        self._memory.forget_where(lambda key: key[0] == tenant)


def _key(request: Request, identity: Identity) -> _Key:
    headers = tuple(map(request.headers.get, _HEADERS))
    return identity.tenant, identity.scopes, request.method, request.query, request.body, headers
