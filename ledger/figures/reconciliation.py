"""The log beside the outcome report of the same period: do the two add up to each other?

The vendor counts the same credits twice, so a figure that differs is lost or wrong somewhere. But the two reports come
at different moments, so a first difference is looked at again: whatever may still change is fetched again on the older
side, and the report is asked for as the vendor may count the end of a period. What differs after that is a difference,
except for credits that the log still shows as pending.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from ledger.answers.freshness import Freshness, Source
from ledger.credits.credit_log import CreditLog
from ledger.credits.day_ranges import contiguous_ranges
from ledger.credits.period_snapshot import PeriodSnapshot
from ledger.days.rollups import EXACT
from ledger.figures.outcomes import Outcome, Outcomes, whole_seconds
from ledger.figures.selection import Selection
from ledger.figures.summaries import SummaryKey, SummaryRequest
from ledger.figures.summary_lines import SummaryBucket, money
from ledger.storage.store import LedgerUnavailable
from runtime import telemetry
from runtime.clock import Clock, Period
from runtime.deadline import Deadline
from runtime.memory import Memory
from upstreams.errors import UpstreamError
from upstreams.openmarket.rows import OutcomeRow

LOG = logging.getLogger("tally.ledger")

SECOND = timedelta(seconds=1)
LATE = timedelta(minutes=1)
"""A credit of today may reach one report this much later than the other."""
BELIEVED = timedelta(minutes=5)
"""For how long a process does not look closer again at a period in which it has found a difference."""
BY_VALUE = SummaryRequest(frozenset({SummaryKey.AMOUNT}))
ENTRY_BYTES = 300
DIFFERENCES_BYTES = 1024 * 1024


class ReconciliationRequest(NamedTuple):
    """Whose credits are compared, of which brand (None: all together) and period."""

    tenant: str
    brand: str | None
    period: Period


@dataclass(frozen=True, slots=True)
class ReconciliationRow:
    """The credits of one value and currency: as the log counts them, and as the outcome report does.

    `value` is the amount of one credit, `log_pending` how many have not ended in the log; an `applied` amount is the
    exact sum of the successful ones.
    """

    value: Decimal
    currency: str
    log_success: int
    outcome_success: int
    log_failed: int
    outcome_failed: int
    log_pending: int
    log_applied: Decimal
    outcome_applied: Decimal

    @property
    def difference(self) -> Decimal:
        """By how much the log's amount exceeds the outcome report's."""
        return money(EXACT.subtract(self.log_applied, self.outcome_applied))

    @property
    def is_equal(self) -> bool:
        """Whether both reports have the same figures."""
        return not self.difference and (self.log_success, self.log_failed) == (
            self.outcome_success,
            self.outcome_failed,
        )

    @property
    def may_be_pending(self) -> bool:
        """Whether the figures differ by no more than the end of credits that the log still shows as pending."""
        succeeded, failed = self.outcome_success - self.log_success, self.outcome_failed - self.log_failed
        worth = EXACT.multiply(self.value, succeeded)
        return (
            min(succeeded, failed) >= 0
            and succeeded + failed <= self.log_pending
            and EXACT.add(self.log_applied, worth) == self.outcome_applied
        )


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The rows by currency and value, and how fresh their older side is."""

    rows: Sequence[ReconciliationRow]
    freshness: Freshness

    @property
    def differing(self) -> list[ReconciliationRow]:
        """The rows in which the two reports differ; until both are final a pending credit may explain a difference."""
        return [row for row in self.rows if not row.is_equal and (self.freshness.final or not row.may_be_pending)]

    @property
    def balanced(self) -> bool:
        """Whether the log and the outcome report add up to each other."""
        return not self.differing


class _Look(NamedTuple):
    """One comparison, and when its outcome report was fetched."""

    found: Reconciliation
    reported: datetime


class Reconciler:
    """Compares the two reports of every tenant; one object for the life of a process."""

    def __init__(self, credit_log: CreditLog, outcomes: Outcomes, settle: timedelta, clock: Clock) -> None:
        self._credit_log = credit_log
        self._outcomes = outcomes
        self._settle = settle
        self._clock = clock
        self._differences: Memory[ReconciliationRequest, datetime] = Memory(DIFFERENCES_BYTES)

    async def reconcile(self, asked: ReconciliationRequest, deadline: Deadline) -> Reconciliation:
        """The log and the outcome report of a period, by value and currency.

        Raises:
            UpstreamError: the vendor failed, and one of the two is not stored.
            LedgerUnavailable: the log's days could not be read.
            TooManyBuckets: the credits have too many different values.
        """
        log, outcome = await _both(self._log(asked, deadline), self._outcomes.get(*asked, deadline))
        found = self._compared(asked, await _totals(log, asked.period), outcome, log)
        if found.balanced or self._is_believed(asked):
            return found
        try:
            # The other half of the time is for those who wait for the rest of the answer.
            return await self._closer(asked, log, deadline.within(deadline.remaining() / 2))
        except (UpstreamError, LedgerUnavailable) as error:
            telemetry.hidden(error.code)
            LOG.warning("a difference between log and outcome report could not be looked at again: %s", error)
            return Reconciliation(found.rows, found.freshness._replace(stale=True, final=False, final_until=None))

    async def _closer(self, asked: ReconciliationRequest, log: PeriodSnapshot, deadline: Deadline) -> Reconciliation:
        """Compare again: the report after the log, then the log after the report."""
        look = await self._look(asked, log, deadline)
        older = [v.day for v in log.versions if not v.settled and v.fetched < look.reported]
        if not look.found.balanced and older:
            look = await self._look(asked, await self._log_again(asked, older, deadline), deadline)
        if not look.found.balanced and not look.found.freshness.stale:
            self._differences.remember(asked, self._clock() + BELIEVED, ENTRY_BYTES)
        return look.found

    def _is_believed(self, asked: ReconciliationRequest) -> bool:
        until = self._differences.recall(asked)
        return until is not None and self._clock() < until

    async def _look(self, asked: ReconciliationRequest, log: PeriodSnapshot, deadline: Deadline) -> _Look:
        """The first way to count the period's end in which the reports agree, else the one with fewest differences."""
        looks: list[_Look] = []
        since = max((version.fetched for version in log.versions), default=None)
        async for totals, period in self._readings(asked, log):
            outcome = await self._outcomes.get(asked.tenant, asked.brand, period, deadline, since=since)
            if not outcome.proven:
                outcome = await self._asked_twice(asked, period, outcome, deadline)
            looks.append(_Look(self._compared(asked, totals, outcome, log), outcome.freshness.as_of))
            if looks[-1].found.balanced:
                break
        return min(looks, key=lambda look: len(look.found.differing))

    async def _readings(
        self, asked: ReconciliationRequest, log: PeriodSnapshot
    ) -> AsyncIterator[tuple[Sequence[SummaryBucket], Period]]:
        """The log's totals and the period to ask the report for, in each way that the vendor may count the end.

        Whether a credit at exactly `toTime` counts is not documented. A period that still goes on is compared up to a
        minute before the log was fetched, because credits are added while the two are being fetched.
        """
        period, totals = asked.period, await _totals(log, asked.period)
        yield totals, period
        start, end = whole_seconds(period)
        fetched = log.versions[-1].fetched if log.versions else self._clock()
        if end <= fetched:
            if start < end - SECOND:
                yield totals, Period(start, end - SECOND)
            return
        cut = fetched.replace(microsecond=0) - LATE
        if start < cut:
            for until in (cut + SECOND, cut):
                yield await _totals(log, Period(period.start, until)), Period(start, cut)

    async def _asked_twice(
        self, asked: ReconciliationRequest, period: Period, outcome: Outcome, deadline: Deadline
    ) -> Outcome:
        """A report that may have been cut off, asked for once more; the fuller one of the two."""
        again = await self._outcomes.get(asked.tenant, asked.brand, period, deadline, since=self._clock())
        return again if again.proven or len(again.rows) >= len(outcome.rows) else outcome

    async def _log(self, asked: ReconciliationRequest, deadline: Deadline) -> PeriodSnapshot:
        return await self._credit_log.snapshot(asked.tenant, asked.brand, asked.period, deadline)

    async def _log_again(
        self, asked: ReconciliationRequest, days: Sequence[date], deadline: Deadline
    ) -> PeriodSnapshot:
        """The log with those of its days fetched again that may still change."""
        for together in contiguous_ranges(days, frozenset()):
            await self._credit_log.fetch_again(asked.tenant, asked.brand, together, deadline)
        return await self._log(asked, deadline)

    def _compared(
        self, asked: ReconciliationRequest, log: Iterable[SummaryBucket], outcome: Outcome, snapshot: PeriodSnapshot
    ) -> Reconciliation:
        freshness = self._freshness(asked.period, snapshot.freshness, outcome.freshness)
        return Reconciliation(rows_of(log, outcome.rows), freshness)

    def _freshness(self, period: Period, log: Freshness, outcome: Freshness) -> Freshness:
        """Of the two, what is older, sooner outdated and less final."""
        open_sides = [side.as_of for side in (log, outcome) if not side.final]
        final_until = log.final_until
        if final_until is not None and not outcome.final:
            settled = (outcome.as_of - self._settle).replace(hour=0, minute=0, second=0, microsecond=0)
            final_until = min(final_until, settled) if settled > period.start else None
        return Freshness(
            Source.UPSTREAM if Source.UPSTREAM in {log.source, outcome.source} else Source.CACHE,
            min(open_sides) if open_sides else max(log.as_of, outcome.as_of),
            min(log.good_until, outcome.good_until),
            log.stale or outcome.stale,
            final_until,
            log.final and outcome.final,
        )


async def _totals(log: PeriodSnapshot, period: Period) -> Sequence[SummaryBucket]:
    return await Selection(log, period, None).summary(BY_VALUE)


@dataclass(slots=True)
class _Reported:
    """What the outcome report counts of one value and currency, all brands together."""

    success: int = 0
    failed: int = 0
    applied: Decimal = Decimal()

    def add(self, row: OutcomeRow) -> None:
        self.success += row.success
        self.failed += row.failed
        self.applied = EXACT.add(self.applied, Decimal(row.credit_applied))


def rows_of(log: Iterable[SummaryBucket], outcome: Iterable[OutcomeRow]) -> list[ReconciliationRow]:
    """Both reports side by side, by currency and value; `log` is a summary by amount."""
    logged = {(line.currency, line.value or Decimal()): line for line in log}
    reported: dict[tuple[str, Decimal], _Reported] = {}
    for row in outcome:
        reported.setdefault((row.currency, Decimal(row.amount)), _Reported()).add(row)
    return [_row(*key, logged.get(key), reported.get(key, _Reported())) for key in sorted({*logged, *reported})]


def _row(currency: str, value: Decimal, line: SummaryBucket | None, reported: _Reported) -> ReconciliationRow:
    success, failed, pending = (line.success, line.failed, line.pending) if line else (0, 0, 0)
    return ReconciliationRow(
        value=money(value),
        currency=currency,
        log_success=success,
        outcome_success=reported.success,
        log_failed=failed,
        outcome_failed=reported.failed,
        log_pending=pending,
        log_applied=money(EXACT.multiply(value, success)),
        outcome_applied=money(reported.applied),
    )


async def _both[One, Other](one: Awaitable[One], other: Awaitable[Other]) -> tuple[One, Other]:
    """Both results; when one fails, the other is waited for before that is raised.

    A process may be frozen as soon as it has answered. What still ran would then go on with an old answer of the vendor
    when the next request joins it.
    """
    results = await asyncio.gather(one, other, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results  # type: ignore[return-value]  # neither is an exception
