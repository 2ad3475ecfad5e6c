"""What we keep in S3, and when it is good enough to answer from (design.md §3)."""

from dataclasses import dataclass

from ledger.credit_log import CreditLog
from ledger.exports import Exports
from ledger.library import Library
from ledger.outcomes import Outcomes
from ledger.persisted_queries import PersistedQueries
from ledger.plans import Plans
from ledger.schedules import Schedules

__all__ = ["Ledger"]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything that can be asked of the ledger; one object for the life of a process."""

    credit_log: CreditLog
    exports: Exports
    outcomes: Outcomes
    plans: Plans
    persisted_queries: PersistedQueries
    library: Library
    schedules: Schedules
