"""The vendor's listings as stored answers, one for a period with all formats in it, and links only while they work.

A listing with links is good until the earlier of its age rule and a minute before its first link expires; a link
without a readable expiry counts as long as an unsettled answer does. Scheduling a report leaves an invalidation marker,
and listings fetched before it are never good again. They still answer, as stale, when the vendor fails.
"""

import logging
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from ledger.answers.ageing import FOR_GOOD, Ageing
from ledger.answers.answers import ANSWERS_PREFIX, Answers, CachedAnswer, Question
from ledger.answers.freshness import Freshness
from ledger.reports.identity import ReportKey
from ledger.reports.links import undated_links_until, with_living_link
from ledger.reports.stored import StoredListing, is_listing, listing_from_json, listing_to_json
from ledger.storage.store import Store
from runtime.clock import Clock, day_end, unstamp
from runtime.deadline import Deadline
from runtime.memory import Memory
from upstreams.errors import RDE
from upstreams.rde.client import Rde, Report, ReportStatus

LOG = logging.getLogger("tally.ledger")

LINK_MARGIN = timedelta(seconds=60)
CACHE_BYTES = 8 * 1024 * 1024
REPORT_BYTES = 1024
"""What a report takes in memory, most of it its link."""
UNFINISHED = frozenset({ReportStatus.SUBMITTED, ReportStatus.PROCESSING})
ALL_FORMATS = "any"
"""The last part of a listing's folder name. Earlier versions stored listings of one format as well, under its name."""


class Listing(NamedTuple):
    """Reports, newest first, how many more could not be read, and how fresh they are."""

    reports: Sequence[Report]
    unreadable: int
    freshness: Freshness


class ReportListings:
    """Every tenant's listings."""

    def __init__(self, store: Store, answers: Answers, rde: Rde, ageing: Ageing, clock: Clock) -> None:
        self._store = store
        self._answers = answers
        self._rde = rde
        self._ageing = ageing
        self._clock = clock
        self._cache: Memory[str, tuple[datetime, Listing]] = Memory(CACHE_BYTES)

    async def listing(
        self, tenant: str, first: date, last: date, deadline: Deadline, *, stale_if_error: bool = True
    ) -> Listing:
        """The reports from the first to the last day, both included.

        Raises:
            UpstreamError: the upstream failed, and no listing is stored or a stale one is not wanted.
        """
        question = self._question(tenant, first, last, deadline)
        answer = await self._answers.get(question, deadline, stale_if_error=stale_if_error)
        return self._listing(question.folder, answer)

    async def stored(self, tenant: str) -> list[str]:
        """The keys of a tenant's stored listings, of any period and format.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        return await self._answers.keys(listings(tenant))

    async def read(self, key: str) -> list[Report]:
        """The reports of one stored listing, with the links that still work; none if it is gone or incomplete.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        answer = await self._answers.read(key, is_listing)
        return self._living(listing_from_json(answer.value), answer) if answer else []

    def _listing(self, folder: str, answer: CachedAnswer) -> Listing:
        """An answer's reports, newest first and each once; cached while the answer is good."""
        cached = self._cache.recall(folder)
        if cached and cached[0] == answer.fetched and self._clock() < answer.good_until:
            known = cached[1]
        else:
            known = self._parsed(answer)
            if self._clock() < answer.good_until:
                self._cache.remember(folder, (answer.fetched, known), len(known.reports) * REPORT_BYTES)
        return Listing(known.reports, known.unreadable, answer.freshness)

    def _parsed(self, answer: CachedAnswer) -> Listing:
        stored = listing_from_json(answer.value)
        by_identity = {ReportKey.of(report).identity: report for report in self._living(stored, answer)}
        newest_first = sorted(by_identity.values(), key=lambda report: report.sort_key, reverse=True)
        return Listing(newest_first, stored.unreadable, answer.freshness)

    def _living(self, listing: StoredListing, answer: CachedAnswer) -> list[Report]:
        undated_until, now = undated_links_until(answer, self._ageing.fresh), self._clock()
        return [with_living_link(report, undated_until, now) for report in listing.reports]

    async def _scheduled_at(self, tenant: str) -> datetime | None:
        """When a report was last scheduled: only the vendor knows which listings show it, and under which date."""
        folder = invalidation_markers(tenant)
        moments = [_marked(item.key) for item in await self._store.listing(folder)]
        return max((moment for moment in moments if moment), default=None)

    def _question(self, tenant: str, first: date, last: date, deadline: Deadline) -> Question:
        async def ask() -> object:
            listing = await self._rde.reports(tenant, first, last, deadline)
            return listing_to_json(listing.reports, listing.unreadable)

        def good_until(value: object, fetched: datetime) -> datetime:
            listing = listing_from_json(value)
            if listing.maybe_short:
                return fetched
            by_age = self._ageing.good_until(fetched, day_end(last))
            if listing.unreadable:  # what the vendor leaves out may come with the file
                by_age = min(by_age, fetched + self._ageing.fresh)
            return min([by_age, *(self._report_good_until(report, fetched) for report in listing.reports)])

        return Question(
            tenant,
            f"{listings(tenant)}/{first.isoformat()}_{last.isoformat()}_{ALL_FORMATS}",
            RDE,
            ask,
            is_listing,
            good_until,
            lambda: self._scheduled_at(tenant),
        )

    def _report_good_until(self, report: Report, fetched: datetime) -> datetime:
        if _is_unfinished(report):  # however old the period is, its file may still appear
            return fetched + self._ageing.fresh
        if report.download_url is None:
            return FOR_GOOD
        if (starts := report.download_url_starts_at) and starts > fetched:
            return starts  # the link is left out until then, and an answer without it must not be given any longer
        if (ends := report.download_url_expires_at) is None:
            return fetched + self._ageing.fresh
        return ends - LINK_MARGIN if ends > fetched else FOR_GOOD  # asking again would bring no expired link back


def _is_unfinished(report: Report) -> bool:
    """By its status, or else, where the vendor gives none that is known, by its missing file."""
    has_file = report.creation_date is not None or report.download_url is not None
    return report.status in UNFINISHED or (report.status is not ReportStatus.ERROR and not has_file)


def listings(tenant: str) -> str:
    """The folder of a tenant's stored listings."""
    return f"{ANSWERS_PREFIX}/tenant={tenant}/reports"


def listing_end(folder: str) -> datetime:
    """When the last day of the listings in a folder ended.

    Raises:
        ValueError: the folder's name is not a listing's.
    """
    return day_end(date.fromisoformat(folder.rpartition("_")[0].rpartition("_")[2]))


def invalidation_markers(tenant: str) -> str:
    """The folder of a tenant's invalidation markers: each name is a moment, and earlier listings are outdated."""
    return f"{ANSWERS_PREFIX}/tenant={tenant}/scheduled"


def _marked(key: str) -> datetime | None:
    try:
        return unstamp(key.rpartition("/")[2])
    except ValueError:
        LOG.warning("%s is not an invalidation marker, it is ignored", key)
        return None
