"""What every resolver of one request shares."""

from dataclasses import dataclass, field

from ledger import Ledger
from schema.access import Identity
from upstreams.deadline import Deadline


@dataclass(slots=True)
class Context:
    """Who asks, until when, and of which ledger; `private` is set once the answer holds a link or a phone number."""

    identity: Identity
    deadline: Deadline
    ledger: Ledger
    request_id: str
    private: bool = field(default=False)

    @property
    def tenant(self) -> str:
        """The asker's tenant."""
        return self.identity.tenant
