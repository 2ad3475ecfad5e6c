"""What every resolver of one request shares."""

from dataclasses import dataclass
from datetime import datetime

from ledger import Ledger
from ledger.answers.ageing import FOR_GOOD
from ledger.answers.freshness import Freshness, Source
from runtime.deadline import Deadline
from schema.limits.response_budget import ResponseBudget
from schema.resolvers.access import Identity

NOT_KEPT = "no-store"
LONGEST_KEPT = 3600
"""Seconds for which a browser keeps even what is settled for good."""


@dataclass(slots=True)
class Context:
    """Who asks, until when, of which ledger, and how much room the answer has.

    `private` is set once the answer holds a link or a phone number. The answer would be the same until `good_until`,
    and be come by in the same way if it is `repeatable`. `changes` says that the operation is a mutation; `uses`
    counts the fields that said how fresh they are, `stale` that one of them is.
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
        """Note what the answer is made from."""
        self.uses += 1
        self.stale = self.stale or freshness.stale
        self.good_until = min(self.good_until, freshness.good_until)
        self.repeatable = self.repeatable and not freshness.stale and freshness.source is not Source.UPSTREAM
        return freshness

    @property
    def tenant(self) -> str:
        """The asker's tenant."""
        return self.identity.tenant

    def cache_control(self, now: datetime) -> str:
        """What a browser may do with the answer."""
        if self.private or self.changes:
            return NOT_KEPT
        return kept_until(self.good_until if self.uses and not self.stale else now, now)


def kept_until(good_until: datetime, now: datetime) -> str:
    """The `Cache-Control` of an answer without secrets that is good until some moment; for its asker only."""
    seconds = int(min((good_until - now).total_seconds(), LONGEST_KEPT))
    return f"private, max-age={seconds}" if seconds > 0 else "private, no-cache"
