"""Rendered responses in a warm process, given again while the data that they were made from are valid.

A response made just now reports source UPSTREAM; a repeat would report CACHE. Only responses whose repeat would be
byte-identical are remembered, by tenant, scopes and everything of the request that the response depends on.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from runtime import telemetry
from runtime.clock import Clock
from runtime.memory import Memory
from schema.http.entity_tags import conditional
from schema.http.requests import Request, Response
from schema.resolvers.access import Identity
from schema.resolvers.context import Context, private_until

CACHE_BYTES = 32 * 1024 * 1024
LARGEST_RESPONSE = 2 * 1024 * 1024
ENTRY_BYTES = 1000
"""Memory that an entry takes besides its texts."""
_Key = tuple[str, frozenset[str], str, str, bytes, tuple[str | None, ...]]
_HEADERS = ("accept", "accept-encoding", "content-type", "content-encoding")


class RenderedAnswer(NamedTuple):
    """A response, until when it is valid, whether browsers may cache it, and the facts for the request's log line."""

    response: Response
    good_until: datetime
    private: bool
    facts: Mapping[str, object]


class RenderedAnswers:
    """The rendered answers of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._memory: Memory[_Key, RenderedAnswer] = Memory(CACHE_BYTES)

    def recall(self, request: Request, identity: Identity) -> Response | None:
        """The response to an equal request, while it is valid."""
        known, now = self._memory.recall(_key(request, identity)), self._clock()
        if known is None or known.good_until <= now:
            return None
        telemetry.count("ledger.hit")
        telemetry.count("answer.remembered")
        telemetry.note_all(known.facts)
        response = known.response
        if not known.private:
            # `max-age` is what is left now, not what was left when the answer was rendered.
            headers = dict(response.headers) | {"cache-control": private_until(known.good_until, now)}
            response = Response(response.status, response.body, list(headers.items()))
        return conditional(request, response)

    def remember(self, request: Request, response: Response, context: Context, fields: int) -> None:
        """Remember a response if each of its root fields reported until when it stays the same."""
        predictable = context.repeatable and context.uses == fields
        if not predictable or context.good_until <= self._clock() or len(response.body) > LARGEST_RESPONSE:
            return
        answer = RenderedAnswer(response, context.good_until, context.private, telemetry.facts())
        size = len(response.body) + len(request.body) + len(request.query) + ENTRY_BYTES
        self._memory.remember(_key(request, context.identity), answer, size)

    def forget(self, tenant: str) -> None:
        """Drop a tenant's answers: a mutation has changed something."""
        self._memory.forget_where(lambda key: key[0] == tenant)


def _key(request: Request, identity: Identity) -> _Key:
    headers = tuple(map(request.headers.get, _HEADERS))
    return identity.tenant, identity.scopes, request.method, request.query, request.body, headers
