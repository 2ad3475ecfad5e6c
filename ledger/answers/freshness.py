"""Where an answer came from and how old it is: part of every answer, so that no client has to guess.

An answer becomes stale in `ledger.answers.answers`, one of credits in `ledger.credits.credit_log`.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from ledger.answers.ageing import FOR_GOOD
from runtime.clock import Period


class Source(Enum):
    """Fetched from the vendor just now, stored already, or known from the archive only."""

    UPSTREAM = "UPSTREAM"
    CACHE = "CACHE"
    ARCHIVE = "ARCHIVE"


class Freshness(NamedTuple):
    """Where data came from, how old they are, and until when they stay the same.

    `as_of` is the oldest fetch among the data that may still change; where none may, the newest fetch. `stale` means
    that a refresh was due and failed. Until `good_until` the same answer would be given again. Nothing before
    `final_until` can change any more; `final` means that nothing at all can.
    """

    source: Source
    as_of: datetime
    good_until: datetime
    stale: bool = False
    final_until: datetime | None = None
    final: bool = False

    @property
    def next_refresh(self) -> datetime | None:
        """When asking again may give another answer; None if never."""
        return None if self.final or self.good_until == FOR_GOOD else max(self.good_until, self.as_of)


def oldest(moments: Iterable[datetime], otherwise: datetime) -> datetime:
    """The oldest of some moments, or the given one when there are none."""
    return min(moments, default=otherwise)


def of_nothing(period: Period, now: datetime) -> Freshness:
    """How fresh the answer about an empty period is, which stays the same, or about one that begins after `now`."""
    if period.start >= period.end:
        return Freshness(Source.CACHE, now, FOR_GOOD, final=True)
    return Freshness(Source.CACHE, now, max(period.start, now))
