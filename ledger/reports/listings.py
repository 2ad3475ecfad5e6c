"""RDE reports: whole listings as the vendor gave them, and links that are handed out only while they live.

A listing with links is good until the earlier of its age rule and a minute before its first link dies; a link whose
end cannot be read lives as long as an unsettled answer does. Scheduling a report leaves a mark, and listings fetched
before it are never good again (they still answer, as stale, when the vendor fails).
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, cast

from ledger.answers.ageing import FOR_GOOD, Ageing
from ledger.answers.answers import ROOT, Answers, CachedAnswer, Question
from ledger.answers.freshness import Freshness, Source
from ledger.storage.breakers import Breakers
from ledger.storage.store import Store
from runtime.clock import Clock, day_end, unstamp
from runtime.deadline import Deadline
from runtime.memory import Memory
from upstreams.errors import RDE
from upstreams.rde.client import Rde, Report, ReportFormat, ScheduledReport

LINK_MARGIN = timedelta(seconds=60)
REMEMBERED_BYTES = 8 * 1024 * 1024
REPORT_BYTES = 1024
"""What a report weighs in memory, most of it its link."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Reports, newest first, and how fresh they are."""

    reports: list[Report]
    freshness: Freshness


class Reports:
    """Every tenant's reports."""

    def __init__(
        self, store: Store, answers: Answers, breakers: Breakers, rde: Rde, ageing: Ageing, clock: Clock
    ) -> None:
        self._store = store
        self._answers = answers
        self._breakers = breakers
        self._rde = rde
        self._ageing = ageing
        self._clock = clock
        self._listings: Memory[str, tuple[datetime, list[Report]]] = Memory(REMEMBERED_BYTES)

    async def listing(
        self,
        tenant: str,
        first: date,
        last: date,
        report_format: ReportFormat | None,
        deadline: Deadline,
        *,
        stale_if_error: bool = True,
    ) -> Listing:
        """The reports created from the first to the last day, both counted.

        Raises:
            UpstreamError: the upstream failed and no listing is held, or an old one will not do.
        """
        question = self._question(tenant, first, last, report_format, deadline)
        answer = await self._answers.get(question, deadline, stale_if_error=stale_if_error)
        reports = self._sorted(question.folder, answer)
        return Listing(reports, Freshness(answer.source, answer.fetched, answer.good_until, answer.stale))

    def _sorted(self, folder: str, answer: CachedAnswer) -> list[Report]:
        """An answer's reports, newest first, one of those that are the same; remembered while the answer is good."""
        known = self._listings.recall(folder)
        if known and known[0] == answer.fetched and self._clock() < answer.good_until:
            return known[1]
        one_each = {
            (each.name, each.creation_date, each.format or each.raw_format): each for each in self._living(answer)
        }
        reports = sorted(one_each.values(), key=lambda report: report.place, reverse=True)
        if self._clock() < answer.good_until:
            self._listings.remember(folder, (answer.fetched, reports), len(reports) * REPORT_BYTES)
        return reports

    async def kept(self, tenant: str) -> list[str]:
        """The keys of a tenant's kept listings, of any period and format.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        return await self._answers.keys(listings(tenant))

    async def read(self, key: str) -> list[Report]:
        """The reports of one kept listing as the vendor listed them, with the links that live; none if it is gone.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        answer = await self._answers.read(key, is_listing)
        return self._living(answer) if answer else []

    def _living(self, answer: CachedAnswer) -> list[Report]:
        now = self._clock()
        just_now = answer.source is Source.UPSTREAM
        unread_until = FOR_GOOD if just_now else answer.fetched + self._ageing.fresh
        rows = cast("list[dict[str, Any]]", answer.value)
        return [with_living_link(_read(row), unread_until, now) for row in rows]

    async def _scheduled_at(self, tenant: str) -> datetime | None:
        """When a report was last scheduled; the vendor alone knows which listings show it, and under which date."""
        left = [unstamp(item.key.rpartition("/")[2]) for item in await self._store.listing(marks(tenant))]
        return max(left, default=None)

    def _question(
        self, tenant: str, first: date, last: date, report_format: ReportFormat | None, deadline: Deadline
    ) -> Question:
        async def ask() -> object:
            return [_write(report) for report in await self._rde.reports(tenant, first, last, report_format, deadline)]

        def good_until(value: object, fetched: datetime) -> datetime:
            by_age = self._ageing.good_until(fetched, day_end(last))
            return min([by_age, *(self._link_good_until(row, fetched) for row in cast("list[dict[str, Any]]", value))])

        named = report_format.name.lower() if report_format else "any"
        return Question(
            tenant,
            f"{listings(tenant)}/{first.isoformat()}_{last.isoformat()}_{named}",
            RDE,
            ask,
            is_listing,
            good_until,
            lambda: self._scheduled_at(tenant),
        )

    def _link_good_until(self, row: dict[str, Any], fetched: datetime) -> datetime:
        if row["downloadUrl"] is None:
            return FOR_GOOD
        if (ends := row["downloadUrlExpiresAt"]) is None:
            return fetched + self._ageing.fresh
        ended = datetime.fromisoformat(ends)
        return ended - LINK_MARGIN if ended > fetched else FOR_GOOD  # to ask again brings no dead link back to life


def with_living_link[R: (Report, ScheduledReport)](report: R, unread_until: datetime, now: datetime) -> R:
    """The report, without its link if that may be dead; `unread_until` goes for links that do not say when they die."""
    ends = report.download_url_expires_at or unread_until
    return report if now < ends else replace(report, download_url=None)


def is_listing(value: object) -> bool:
    """Whether a stored JSON value is a listing: a list of reports with every field of the right type."""
    return isinstance(value, list) and all(_is_report(row) for row in value)


def _is_report(row: object) -> bool:
    match row:
        case {
            "name": str(),
            "rawFormat": str(),
            "format": str() | None,
            "creationDate": str(),
            "downloadUrl": str() | None,
            "downloadUrlExpiresAt": str() | None,
        }:
            try:
                report = _read(cast("dict[str, Any]", row))
            except (ValueError, LookupError):
                return False
            moments = (report.creation_date, report.download_url_expires_at)
            return all(moment is None or moment.tzinfo is not None for moment in moments)
    return False


def listings(tenant: str) -> str:
    """The folder of a tenant's kept listings."""
    return f"{ROOT}/tenant={tenant}/reports"


def listing_end(folder: str) -> datetime:
    """When the last day of the listings in a folder ended.

    Raises:
        ValueError: the folder is not named as theirs are.
    """
    return day_end(date.fromisoformat(folder.rpartition("_")[0].rpartition("_")[2]))


def marks(tenant: str) -> str:
    """The folder of the marks that scheduling leaves: each name is a moment, and listings fetched before it are old."""
    return f"{ROOT}/tenant={tenant}/scheduled"


def _write(report: Report) -> dict[str, str | None]:
    ends = report.download_url_expires_at
    return {
        "name": report.name,
        "rawFormat": report.raw_format,
        "format": report.format.name if report.format else None,
        "creationDate": report.creation_date.isoformat(),
        "downloadUrl": report.download_url,
        "downloadUrlExpiresAt": ends.isoformat() if ends else None,
    }


def _read(row: dict[str, Any]) -> Report:
    ends = row["downloadUrlExpiresAt"]
    return Report(
        row["name"],
        row["rawFormat"],
        ReportFormat[row["format"]] if row["format"] else None,
        datetime.fromisoformat(row["creationDate"]),
        row["downloadUrl"],
        datetime.fromisoformat(ends) if ends else None,
    )
