"""What the vendors had at each moment, and how long the ledger may answer with it: the oracle of the property test.

The age rule is worked out here once more, from design's words and not from the ledger's code.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from local.vendors.reports import SimulatedReport
from tests.support.vendors.credit_oracle import shown

DAY = timedelta(days=1)
Entry = dict[str, Any]
ReportRow = tuple[str | None, str, str | None, str]
"""A report's id, name, creation date and status, as far as the vendor gives them."""


@dataclass(frozen=True, slots=True)
class Moment:
    """All that both vendors would answer at one moment."""

    at: datetime
    credits: tuple[tuple[datetime, str, Entry], ...]
    reports: tuple[tuple[ReportRow, date], ...]

    def log(self, start: datetime, end: datetime, brand: str | None, keep: Callable[[Entry], bool]) -> list[Entry]:
        """The entries of `[start, end)`."""
        return [
            entry for time, of, entry in self.credits if start <= time < end and brand in (None, of) and keep(entry)
        ]

    def outcome(self, start: datetime, end: datetime, brand: str | None) -> list[tuple[Any, ...]]:
        """Credits counted by brand and value, the period's last second included, as the vendor does."""
        counts: dict[tuple[str, str, str], list[int]] = {}
        for time, of, entry in self.credits:
            if start <= time <= end and brand in (None, of):
                line = counts.setdefault((of, entry["amount"], entry["currency"]), [0, 0])
                line[0] += entry["outcome"] == "SUCCESS"
                line[1] += entry["outcome"] == "FAILED"
        return sorted(
            (*key, success, failed, f"{Decimal(key[1]) * success:.4f}") for key, (success, failed) in counts.items()
        )


@dataclass(slots=True)
class VendorHistory:
    """Moments in order; between two of them the vendors' answers do not change."""

    openmarket: OpenMarketSimulator
    rde: RdeSimulator
    since: datetime
    fresh: timedelta
    settle: timedelta
    moments: list[Moment] = field(default_factory=list)

    def note(self, at: datetime) -> None:
        """Record what the vendors would answer now."""
        held = sorted(
            self.openmarket.credits_between(self.since, at), key=lambda credit: (credit.time, credit.credit_id)
        )
        credits_ = tuple((credit.time, credit.brand, shown(self.openmarket, credit)) for credit in held)
        reports = tuple((self._row(report), report.day) for report in self.rde.listing())
        self.moments.append(Moment(at, credits_, reports))

    def _row(self, report: SimulatedReport) -> ReportRow:
        created = _printed(report.created) if report.creation_date else None
        return report.report_id if self.rde.described else None, report.name, created, report.status

    def allowed(self, end: datetime, now: datetime, as_of: datetime, *, stale: bool) -> list[Moment]:
        """The moments whose answers about a period that ended at `end` are good now."""
        return [
            moment
            for moment in self.moments
            if moment.at >= as_of and (stale or moment.at >= now or self.good_until(moment.at, end) > now)
        ]

    def good_until(self, fetched: datetime, end: datetime) -> datetime:
        """How long what was fetched at a moment is good."""
        since_end = fetched - end
        if since_end >= self.settle:
            return datetime.max.replace(tzinfo=UTC)
        if not self.fresh:
            return fetched
        return fetched + max(self.fresh, min(since_end / 10, timedelta(hours=6)))


def days_of(start: datetime, end: datetime) -> Iterable[tuple[datetime, datetime, datetime]]:
    """The parts of a period by UTC day: where each begins and ends, and when its day is over."""
    while start < end:
        over = datetime(start.year, start.month, start.day, tzinfo=UTC) + DAY
        yield start, min(end, over), over
        start = over


def _printed(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
