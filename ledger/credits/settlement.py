"""When a day of the credit log is settled: its rows are final, go into the lake and are never fetched again.

A day is settled by rows that were fetched `SETTLE_HOURS` or more after its end. Until then its rows age.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from ledger.answers.ageing import FOR_GOOD, Ageing
from ledger.credits.days import DayVersion
from runtime.clock import day_end


@dataclass(frozen=True, slots=True)
class SettlementRule:
    """The rule for days, made of the ageing rule for all answers."""

    ageing: Ageing

    def settles(self, day: date, fetched: datetime) -> bool:
        """Whether rows that were fetched at that moment settle the day."""
        return self.ageing.settled(fetched, day_end(day))

    def good_until(self, version: DayVersion) -> datetime:
        """The moment from which a version is too old to answer without asking the vendor again."""
        return FOR_GOOD if version.settled else self.ageing.good_until(version.fetched, day_end(version.day))

    def overdue(self, day: date, now: datetime) -> timedelta:
        """For how long the day could have been settled already; negative when it could not yet."""
        return now - day_end(day) - self.ageing.settle
