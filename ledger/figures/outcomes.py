"""Credits by brand: whole answers of OpenMarket's outcome report, stored by period and brand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from ledger.answers.ageing import FOR_GOOD, LONGEST_GOOD, Ageing
from ledger.answers.answers import ANSWERS_PREFIX, Answers, Question
from ledger.answers.freshness import Freshness, of_nothing
from ledger.days.versions import partition
from ledger.figures.brands import BrandTotal, brand_totals
from runtime.clock import Clock, Period, day_end, rfc3339
from runtime.deadline import Deadline
from upstreams.errors import OPENMARKET
from upstreams.openmarket.client import OpenMarket, OutcomeRow

UNPROVEN_ROWS = "unprovenRows"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The rows of one period, in the vendor's order, and how fresh they are; not `proven`: they may be cut off."""

    rows: list[OutcomeRow]
    freshness: Freshness
    proven: bool = True

    @property
    def brands(self) -> list[BrandTotal]:
        """The totals by brand and currency."""
        return brand_totals(self.rows)


class Outcomes:
    """Every tenant's outcome reports."""

    def __init__(self, answers: Answers, openmarket: OpenMarket, ageing: Ageing, clock: Clock) -> None:
        self._answers = answers
        self._openmarket = openmarket
        self._ageing = ageing
        self._clock = clock

    async def get(
        self, tenant: str, brand: str | None, period: Period, deadline: Deadline, *, since: datetime | None = None
    ) -> Outcome:
        """The outcome of a period in whole seconds, as the vendor takes them, without days that are still to come.

        One that was fetched before `since` is not good enough, unless it is final or the vendor fails.

        Raises:
            UpstreamError: the vendor failed and no older answer is stored.
        """
        now = self._clock()
        whole = whole_seconds(period.until(day_end(now.date())))
        if whole.start >= whole.end or whole.start > now:
            return Outcome([], of_nothing(whole_seconds(period), now))
        question = Question(
            tenant,
            f"{outcome_folder(tenant)}/brand={partition(brand)}/{rfc3339(whole.start)}_{rfc3339(whole.end)}",
            OPENMARKET,
            lambda: self._fetch(tenant, brand, whole, deadline),
            is_outcome,
            lambda value, fetched: self._good_until(value, fetched, whole.end, since),
        )
        if since is not None:
            self._answers.forget(question.folder)
        answer = await self._answers.get(question, deadline)
        rows, proven = [OutcomeRow(*row) for row in _rows(answer.value)], _is_proven(answer.value)
        final = not answer.stale and proven and self._ageing.settled(answer.fetched, whole.end)
        freshness = answer.freshness
        if final:  # `Answers` looks at S3 again after a while, but would find the same answer
            freshness = freshness._replace(good_until=FOR_GOOD, final_until=period.end, final=True)
        return Outcome(rows, freshness, proven)

    async def _fetch(self, tenant: str, brand: str | None, period: Period, deadline: Deadline) -> object:
        """The vendor's rows as JSON: a list, within an object if the answer did not prove to be whole."""
        answer = await self._openmarket.outcome(tenant, period.start, period.end, brand, deadline)
        rows = [list(row) for row in answer.rows]
        return rows if answer.proven_whole else {UNPROVEN_ROWS: rows}

    def _good_until(self, value: object, fetched: datetime, end: datetime, since: datetime | None) -> datetime:
        """As for any answer, but one that may have been cut off is never settled."""
        longest = timedelta() if not self._ageing.fresh else LONGEST_GOOD
        proven = _is_proven(value)
        if since is not None and fetched < since and not (proven and self._ageing.settled(fetched, end)):
            return fetched
        good_until = self._ageing.good_until(fetched, end)
        return good_until if proven else min(good_until, fetched + longest)


def _is_proven(value: object) -> bool:
    return isinstance(value, list)


def is_outcome(value: object) -> bool:
    """Whether a stored JSON value is an outcome report: rows with every cell of the right type."""
    if isinstance(value, dict):
        value = value.get(UNPROVEN_ROWS)
    return isinstance(value, list) and all(_is_row(row) for row in value)


def _rows(value: object) -> list[tuple[str, str, str, int, int, str]]:
    rows = value[UNPROVEN_ROWS] if isinstance(value, dict) else value
    return cast("list[tuple[str, str, str, int, int, str]]", rows)


def _is_row(row: object) -> bool:
    match row:
        case [str(), str(), str(), int(), int(), str()]:
            return True
    return False


def outcome_folder(tenant: str) -> str:
    """The folder of a tenant's stored outcomes."""
    return f"{ANSWERS_PREFIX}/tenant={tenant}/outcome"


def outcome_end(folder: str) -> datetime:
    """The end of the period that the outcomes in a folder are about.

    Raises:
        ValueError: the folder's name does not end with a period.
    """
    return datetime.fromisoformat(folder.rpartition("_")[2])


def whole_seconds(period: Period) -> Period:
    """The period with both ends moved to the next whole second: the same whole seconds lie inside."""

    def ceiling(moment: datetime) -> datetime:
        return moment + timedelta(microseconds=-moment.microsecond % 1_000_000)

    return Period(ceiling(period.start), ceiling(period.end))
