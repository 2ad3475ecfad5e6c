"""What every resolver of one request shares."""

from dataclasses import dataclass
from datetime import datetime

from ledger import Ledger
from ledger.ageing import FOR_GOOD
from ledger.freshness import Freshness, Source
from schema.access import Identity
from upstreams.deadline import Deadline


@dataclass(slots=True)
class Context:
    """Who asks, until when, and of which ledger.

    `private` is set once the answer holds a link or a phone number. The answer would be the same until `good_until`,
    and be come by in the same way if it is `repeatable`. `changes` says that the operation is a mutation; `uses`
    counts the fields that said how fresh they are.
    """

    identity: Identity
    deadline: Deadline
    ledger: Ledger
    request_id: str
    private: bool = False
    good_until: datetime = FOR_GOOD
    repeatable: bool = True
    changes: bool = False
    uses: int = 0

    def used(self, freshness: Freshness) -> Freshness:
        """Note what the answer is made from."""
        self.uses += 1
        self.good_until = min(self.good_until, freshness.good_until)
        self.repeatable = self.repeatable and not freshness.stale and freshness.source is not Source.UPSTREAM
        return freshness

    @property
    def tenant(self) -> str:
        """The asker's tenant."""
        return self.identity.tenant
