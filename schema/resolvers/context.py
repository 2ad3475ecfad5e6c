"""What every resolver of one request shares."""

from dataclasses import dataclass
from datetime import datetime

from ledger import Ledger
from ledger.answers.ageing import FOR_GOOD
from ledger.answers.freshness import Freshness, Source
from runtime.deadline import Deadline
from schema.limits.response_budget import ResponseBudget
from schema.resolvers.access import Identity

NO_STORE = "no-store"
LONGEST_CACHED = 3600
"""Seconds for which a browser may cache even what can no longer change."""


@dataclass(slots=True)
class Context:
    """The caller, the deadline, the ledger, and how large the response may still get.

    Resolvers note what the response is made from. `private`: it holds a link or a phone number. The data stay valid
    until `good_until`; `repeatable` means that a repeat would also report the same source and staleness. `changes`: the
    operation is a mutation. `uses` counts the fields that reported their freshness; `stale`: one of them was stale.
    """

    identity: Identity
    deadline: Deadline
    ledger: Ledger
    request_id: str
    budget: ResponseBudget
    private: bool = False
    good_until: datetime = FOR_GOOD
    repeatable: bool = True
    changes: bool = False
    uses: int = 0
    stale: bool = False

    def used(self, freshness: Freshness) -> Freshness:
        """Note the freshness of data that goes into the response."""
        self.uses += 1
        self.stale = self.stale or freshness.stale
        self.good_until = min(self.good_until, freshness.good_until)
        self.repeatable = self.repeatable and not freshness.stale and freshness.source is not Source.UPSTREAM
        return freshness

    @property
    def tenant(self) -> str:
        """The caller's tenant."""
        return self.identity.tenant

    def cache_control(self, now: datetime) -> str:
        """The response's `Cache-Control`."""
        if self.private or self.changes:
            return NO_STORE
        return private_until(self.good_until if self.uses and not self.stale else now, now)


def private_until(good_until: datetime, now: datetime) -> str:
    """The `Cache-Control` of a response that holds no secret and is valid until some moment; for its caller only."""
    seconds = int(min((good_until - now).total_seconds(), LONGEST_CACHED))
    return f"private, max-age={seconds}" if seconds > 0 else "private, no-cache"
