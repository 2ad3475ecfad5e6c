"""Processes whose months have three days, so that a few days make several of them."""

from datetime import date
from functools import cached_property

from ledger.credits.settlement import SettlementRule
from ledger.days.months import CalendarMonth
from runtime.clock import DAY
from tests.support.processes.ledger_process import LedgerProcess

LENGTH = 3


def three_days(day: date) -> CalendarMonth:
    """The month of three days that a day belongs to."""
    number = day.toordinal() // LENGTH
    first = date.fromordinal(number * LENGTH)
    return CalendarMonth(f"three-days-{number}", first, first + (LENGTH - 1) * DAY)


def one_day(day: date) -> CalendarMonth:
    """A day that is a month of its own."""
    return CalendarMonth(f"day-{day}", day, day)


class ShortMonths(LedgerProcess):
    """One process with such months."""

    @cached_property
    def settlement(self) -> SettlementRule:
        return SettlementRule(self.ageing, three_days)
