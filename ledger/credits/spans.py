"""Which days are asked for together: contiguous ones, and sometimes good ones between two that are due."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise

from runtime.clock import DAY

LONGEST_RUN = 31
"""Days in one upstream request, at the most."""
LONGEST_BRIDGE = 3
"""Good days between two due ones that are asked for again, at the most, to save a request.

So many lie between today and the oldest day that may still change, by the default of `SETTLE_HOURS`: with them a look
at a month costs no more requests than one at today alone. Over a longer gap it would cost too many rows.
"""


def bridges(due: Sequence[date]) -> Iterator[list[date]]:
    """The days between two due ones, in order, where they are few enough to be asked for along with them."""
    for before, day in pairwise(due):
        if 1 < (day - before).days <= LONGEST_BRIDGE + 1:
            yield [before + DAY * number for number in range(1, (day - before).days)]


def runs(days: Sequence[date], cuts: frozenset[date]) -> list[list[date]]:
    """Days in order as contiguous runs of at most 31; a run also ends before a day in `cuts`."""
    result: list[list[date]] = [[days[0]]] if days else []
    for before, day in pairwise(days):
        if day - before == DAY and len(result[-1]) < LONGEST_RUN and day not in cuts:
            result[-1].append(day)
        else:
            result.append([day])
    return result
