"""The lines of a summary, column by column; a line becomes an object only where one is asked for.

A year by day and outcome has two thousand lines, of whose fourteen fields most answers show five.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, Inexact
from typing import Any, NamedTuple, overload

from ledger.days.rollups import EXACT
from upstreams.openmarket.rows import CreditState

CENT = Decimal("0.01")
RATE = Decimal("0.0001")
STATES = ("SUCCESS", "FAILED", "PENDING", "UNKNOWN")
_STATE_OF = {state: CreditState(state) for state in STATES}


class TimeParts(NamedTuple):
    """Where a credit lies in time, as far as a summary is split by it."""

    month: date | None = None
    week: date | None = None
    day: date | None = None
    hour: datetime | None = None


class OtherParts(NamedTuple):
    """What else a summary is split by."""

    network: str | None
    outcome: str | None
    value: Decimal | None
    currency: str


type Figures = list[Any]
"""How many credits are in each of the `STATES`, and then the sum of their amounts."""


@dataclass(frozen=True, slots=True)
class SummaryBucket:
    """One line of a summary; what it was not split by is None.

    `day`, `week` (its Monday) and `month` (its first day) are the time zone's, `hour` is the instant at which the hour
    begins, `value` the amount of one credit. `failure_rate` is the share of failures among the credits that succeeded
    or failed, four decimals; None where there are none.
    """

    month: date | None
    week: date | None
    day: date | None
    hour: datetime | None
    network: str | None
    outcome: CreditState | None
    value: Decimal | None
    currency: str
    count: int
    amount: Decimal
    success: int
    failed: int
    pending: int
    unknown: int

    @property
    def failure_rate(self) -> Decimal | None:
        """The share of failures among the credits that have ended; None where none has."""
        return failure_rate(self.success, self.failed)


@dataclass(frozen=True, slots=True)
class SummaryLines(Sequence[SummaryBucket]):
    """All lines of a summary, in order; the columns say what each is about, and what it counts."""

    times: Sequence[TimeParts]
    others: Sequence[OtherParts]
    figures: Sequence[Figures]

    def __len__(self) -> int:
        return len(self.figures)

    @overload
    def __getitem__(self, index: int) -> SummaryBucket: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SummaryBucket]: ...
    def __getitem__(self, index: int | slice) -> SummaryBucket | Sequence[SummaryBucket]:
        if isinstance(index, slice):
            return SummaryLines(self.times[index], self.others[index], self.figures[index])
        *counts, amount = self.figures[index]
        network, outcome, value, currency = self.others[index]
        state = _STATE_OF[outcome] if outcome else None
        return SummaryBucket(*self.times[index], network, state, value, currency, sum(counts), money(amount), *counts)


def failure_rate(success: int, failed: int) -> Decimal | None:
    """The share of failures among credits that have ended, four decimals; None where none has."""
    ended = success + failed
    return (Decimal(failed) / ended).quantize(RATE, ROUND_HALF_EVEN) if ended else None


def money(amount: Decimal) -> Decimal:
    """An exact amount with two decimals, or as many more as it needs."""
    try:
        return amount.quantize(CENT, context=EXACT)
    except Inexact:
        return amount.normalize(EXACT)


def money_text(amount: Decimal) -> str:
    """The same as a plain number without an exponent."""
    text = str(amount)
    if text[-3:-2] == ".":
        return text
    if text[-2:-1] == ".":
        return f"{text}0"
    return f"{text}.00" if text.isdigit() else format(money(amount), "f")
