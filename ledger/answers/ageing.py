"""When something that we hold is good enough to answer from (docs/architecture.md). Pure: moments in, a moment out."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

LONGEST = timedelta(hours=6)
FOR_GOOD = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Ageing:
    """The rule, with its two settings.

    A day's rows may change until `settle` after its end. What was fetched later is settled for good. What was fetched
    earlier is good for a tenth of the time that had passed since the day's end, but never less than `fresh` nor more
    than six hours; a day that was still going on is good for `fresh`. With `fresh` zero nothing unsettled is ever
    good.
    """

    fresh: timedelta
    settle: timedelta

    def settled(self, fetched: datetime, end: datetime) -> bool:
        """Whether what was fetched then, about a period that ended at `end`, can no longer change."""
        return fetched - end >= self.settle

    def good_until(self, fetched: datetime, end: datetime) -> datetime:
        """The moment from which what was fetched then has to be asked for again."""
        if self.settled(fetched, end):
            return FOR_GOOD
        if not self.fresh:
            return fetched
        return fetched + max(self.fresh, min((fetched - end) / 10, LONGEST))
