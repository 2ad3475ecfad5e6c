"""How long stored data is good enough to answer from (docs/architecture.md). Pure: moments in, a moment out."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

LONGEST_GOOD = timedelta(hours=6)
FOR_GOOD = datetime.max.replace(tzinfo=UTC)


class Ageing(NamedTuple):
    """The rule, with its two settings.

    A period's data may change until `settle` after its end. What was fetched later is settled and never expires. What
    was fetched earlier is good for a tenth of the time between the period's end and the fetch, but at least for
    `fresh` and at most for six hours; while the period was still going on, for `fresh`. With `fresh` zero, unsettled
    data is never good.
    """

    fresh: timedelta
    settle: timedelta

    def settled(self, fetched: datetime, end: datetime) -> bool:
        """Whether data fetched then, about a period that ended at `end`, can no longer change."""
        return fetched - end >= self.settle

    def good_until(self, fetched: datetime, end: datetime) -> datetime:
        """The moment from which data fetched then has to be fetched again."""
        if self.settled(fetched, end):
            return FOR_GOOD
        if not self.fresh:
            return fetched
        return fetched + max(self.fresh, min((fetched - end) / 10, LONGEST_GOOD))
