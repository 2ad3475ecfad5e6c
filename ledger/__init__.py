"""What we keep in S3, and when it is good enough to answer from (docs/architecture.md)."""

from dataclasses import dataclass

from ledger.credits.credit_log import CreditLog
from ledger.credits.outcomes import Outcomes
from ledger.exports.exports import Exports
from ledger.reports.catalogue import ReportCatalogue
from ledger.reports.schedules import Schedules
from ledger.storage.persisted_queries import PersistedQueries

__all__ = ["Ledger"]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything that can be asked of the ledger; one object for the life of a process."""

    credit_log: CreditLog
    exports: Exports
    outcomes: Outcomes
    persisted_queries: PersistedQueries
    catalogue: ReportCatalogue
    schedules: Schedules
