"""When a day of the credit log is settled: its rows are final, go into the lake and are never fetched again.

A day is settled by rows that were fetched `SETTLE_HOURS` or more after its end, in an answer that proved to be whole.
Rows of an answer that may have been cut off need a second source: the outcome report of the same days has to agree, or
must at least not count credits that the log lacks, and a second fetch has to bring the same rows. `compare` judges the
report; `ledger.keeper.unproven_days` fetches it and applies the rule.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum

from ledger.answers.ageing import FOR_GOOD, LONGEST_GOOD, Ageing
from ledger.days.months import MonthOf, calendar_month
from ledger.days.rollups import EXACT, Rollup, Total, add
from ledger.days.versions import DayVersion
from runtime.clock import day_end
from upstreams.openmarket.client import CreditState, OutcomeRow


@dataclass(frozen=True, slots=True)
class SettlementRule:
    """The rule for days, made of the ageing rule for all answers, and for the months that the days make up."""

    ageing: Ageing
    month_of: MonthOf = calendar_month

    def is_late_enough(self, day: date, fetched: datetime) -> bool:
        """Whether rows that were fetched at that moment can no longer change."""
        return self.ageing.settled(fetched, day_end(day))

    def settles(self, day: date, fetched: datetime, *, proven: bool) -> bool:
        """Whether rows that were fetched at that moment settle the day."""
        return proven and self.is_late_enough(day, fetched)

    def good_until(self, version: DayVersion) -> datetime:
        """The moment from which a version is too old to answer without asking the vendor again."""
        if version.settled:
            return FOR_GOOD
        if not version.proven and self.is_late_enough(version.day, version.fetched):
            return version.fetched + (LONGEST_GOOD if self.ageing.fresh else timedelta())
        return self.ageing.good_until(version.fetched, day_end(version.day))

    def overdue(self, day: date, now: datetime) -> timedelta:
        """For how long the day could have been settled already; negative when it could not yet."""
        return now - day_end(day) - self.ageing.settle


class Comparison(Enum):
    """What the outcome report shows about the rows of the same days."""

    AGREES = "AGREES"
    LOG_LACKS_CREDITS = "LOG_LACKS_CREDITS"
    DIFFERS = "DIFFERS"


FINAL = (CreditState.SUCCESS, CreditState.FAILED)
"""The states that the outcome report counts."""

type FinalTotals = dict[tuple[str, str], Total]
"""Count and sum of the credits of a currency in a final state."""


def compare(log: Iterable[Rollup], outcome: Iterable[OutcomeRow]) -> Comparison:
    """Compare the counts and sums of successful and failed credits, by currency."""
    logged, reported = _logged(log), _reported(outcome)
    if logged == reported:
        return Comparison.AGREES
    nothing = 0, Decimal(0)
    if any(count > logged.get(key, nothing)[0] for key, (count, _) in reported.items()):
        return Comparison.LOG_LACKS_CREDITS
    return Comparison.DIFFERS


def _logged(log: Iterable[Rollup]) -> FinalTotals:
    totals: FinalTotals = {}
    for rollup in log:
        for (_, state, currency), total in rollup.whole.items():
            if state in FINAL:
                add(totals, (currency, state), total)
    return totals


def _reported(outcome: Iterable[OutcomeRow]) -> FinalTotals:
    totals: FinalTotals = {}
    for row in outcome:
        for state, count in zip(FINAL, (row.success, row.failed), strict=True):
            if count:
                amount = EXACT.multiply(Decimal(row.amount), count)
                add(totals, (row.currency, state.value), (count, amount))
    return totals
