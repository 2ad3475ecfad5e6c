"""Groups days into the vendor requests that fetch them: contiguous days go into one request."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise

from runtime.clock import DAY

LONGEST_RANGE = 31
"""The most days in one vendor request."""
LONGEST_GAP = 3
"""The most good days between two due ones that are fetched again to save a request.

With the default `SETTLE_HOURS` this is the distance from today to the oldest day that may still change, so that a query
for a month takes no more requests than one for today. A longer gap would transfer too many rows.
"""


def short_gaps(due: Sequence[date]) -> Iterator[list[date]]:
    """The days between two due ones, in order, for each gap that is short enough to be fetched along with them."""
    for before, day in pairwise(due):
        if 1 < (day - before).days <= LONGEST_GAP + 1:
            yield [before + DAY * number for number in range(1, (day - before).days)]


def contiguous_ranges(days: Sequence[date], cuts: frozenset[date]) -> list[list[date]]:
    """Ordered days as contiguous ranges of at most 31 days; a range also ends before each day in `cuts`."""
    ranges: list[list[date]] = [[days[0]]] if days else []
    for before, day in pairwise(days):
        if day - before == DAY and len(ranges[-1]) < LONGEST_RANGE and day not in cuts:
            ranges[-1].append(day)
        else:
            ranges.append([day])
    return ranges
