"""One query's view of the days: what it knows to be held, what went wrong, and what it may keep in its hands.

It is filled in as the query goes on. Versions only ever get newer in it, so that two looks at one day agree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from ledger.credits.days import DayStore, DayVersion
from runtime.deadline import Deadline
from upstreams.errors import UpstreamError

ROWS_IN_HAND = 60_000
"""What a query has fetched beyond so many rows it reads back from S3 when it needs it: memory stays bounded."""


@dataclass(slots=True)
class DayQuery:
    """A question about one tenant and brand, asked at `began`."""

    days: DayStore
    tenant: str
    brand: str | None
    began: datetime
    deadline: Deadline
    versions: dict[date, DayVersion] = field(default_factory=dict)
    leased: frozenset[date] = frozenset()
    errors: list[UpstreamError] = field(default_factory=list)
    asked: bool = False
    offline: bool = False
    _in_hand: int = 0

    def learn(self, version: DayVersion) -> bool:
        """Take a version in, if it is newer than what is known of its day; whether it was."""
        known = self.versions.get(version.day)
        if known and (version.settled, version.fetched) <= (known.settled, known.fetched):
            return False
        self.versions[version.day] = self._bounded(version)
        return True

    def held(self, days: Sequence[date]) -> list[DayVersion]:
        """What is held of some days, good or not."""
        return [self.versions[day] for day in days if day in self.versions]

    def _bounded(self, version: DayVersion) -> DayVersion:
        self._in_hand += len(version.rows or ())
        return replace(version, rows=None) if version.kept and self._in_hand > ROWS_IN_HAND else version


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The days of a run as they are now; `asked` says whether the upstream was asked for them just now."""

    versions: Sequence[DayVersion]
    asked: bool
