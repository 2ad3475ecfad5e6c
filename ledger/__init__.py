"""What is stored in S3, and when it is good enough to answer from (docs/architecture.md)."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ledger.contents.contents import ReportContents
    from ledger.credits.credit_log import CreditLog
    from ledger.exports.exports import Exports
    from ledger.figures.outcomes import Outcomes
    from ledger.figures.reconciliation import Reconciler
    from ledger.reports.catalogue import ReportCatalogue
    from ledger.reports.scheduled import ScheduledReports
    from ledger.reports.schedules import Schedules
    from ledger.storage.persisted_queries import PersistedQueries

__all__ = ["Ledger"]


class Ledger(Protocol):
    """What a request can use; each part's code is loaded when the part is first used."""

    @property
    def credit_log(self) -> "CreditLog":
        """Credits by UTC day."""
        ...

    @property
    def outcomes(self) -> "Outcomes":
        """Credits by brand."""
        ...

    @property
    def reconciler(self) -> "Reconciler":
        """The log beside the outcome report."""
        ...

    @property
    def catalogue(self) -> "ReportCatalogue":
        """Reports, the vendor's and the archived ones."""
        ...

    @property
    def contents(self) -> "ReportContents":
        """What is in archived report files."""
        ...

    @property
    def schedules(self) -> "Schedules":
        """Scheduling reports, once under a key."""
        ...

    @property
    def scheduled(self) -> "ScheduledReports":
        """What became of scheduled reports."""
        ...

    @property
    def exports(self) -> "Exports":
        """Whole periods of the credit log as one file."""
        ...

    @property
    def persisted_queries(self) -> "PersistedQueries":
        """Query texts that clients name by their hash."""
        ...
