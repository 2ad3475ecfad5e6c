"""Where an answer came from and how old it is: part of every answer, so that no client has to guess."""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from typing import NamedTuple


class Source(Enum):
    """Fetched from the vendor just now, stored already, or known from the archive only."""

    UPSTREAM = "UPSTREAM"
    CACHE = "CACHE"
    ARCHIVE = "ARCHIVE"


class Freshness(NamedTuple):
    """`as_of` is the oldest fetch among the data used; `stale` means that a refresh was due and failed.

    Until `good_until` the same answer would be given again.
    """

    source: Source
    as_of: datetime
    good_until: datetime
    stale: bool = False


def oldest(moments: Iterable[datetime], otherwise: datetime) -> datetime:
    """The oldest of some moments, or the given one when there are none."""
    return min(moments, default=otherwise)
