"""What became of the reports that a tenant scheduled, and which of them the keeper still follows.

    answers/tenant=acme/report/f40c942d-…/20261122T101500.000000Z.json.gz    the vendor's answers about one report
    answers/tenant=acme/following/f40c942d-…                                 its file is not archived yet

An answer about an unfinished report is good for as long as one about today; a finished report no longer changes. A
vendor that gives a scheduled report no id cannot be asked for it: then it is looked for in the listing.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from urllib.parse import quote, unquote

from ledger.answers.ageing import FOR_GOOD, Ageing
from ledger.answers.answers import ANSWERS_PREFIX, Answers, CachedAnswer, Question
from ledger.answers.freshness import Freshness
from ledger.reports.identity import ReportId
from ledger.reports.links import undated_links_until, with_living_link
from ledger.reports.listings import ReportListings
from ledger.reports.stored import is_report, report_from_json, report_to_json
from ledger.storage.store import LedgerUnavailable, Store
from runtime.clock import DAY, Clock
from runtime.deadline import Deadline
from upstreams.errors import RDE, UpstreamError
from upstreams.rde.client import Rde, Report, ReportStatus

LOG = logging.getLogger("tally.ledger")

CLOCK_DIFFERENCE = timedelta(minutes=5)
"""How far the vendor's clock may be behind ours."""


@dataclass(frozen=True, slots=True)
class ScheduledReport:
    """A report that was scheduled, as the vendor last described it."""

    report: Report
    freshness: Freshness


@dataclass(frozen=True, slots=True)
class FollowedReport:
    """A scheduled report whose file is not archived yet, and since when it is followed."""

    report_id: str
    key: str
    since: datetime


class ScheduledReports:
    """Every tenant's scheduled reports."""

    def __init__(
        self, store: Store, answers: Answers, listings: ReportListings, rde: Rde, ageing: Ageing, clock: Clock
    ) -> None:
        self._store = store
        self._answers = answers
        self._listings = listings
        self._rde = rde
        self._ageing = ageing
        self._clock = clock

    async def get(self, tenant: str, wanted: ReportId, deadline: Deadline) -> ScheduledReport | None:
        """A scheduled report by its id; None if there is none.

        Raises:
            UpstreamError: the upstream failed and no answer is stored.
            LedgerUnavailable: S3 could not serve, and without it a report without the vendor's id cannot be found.
        """
        if wanted.report_id is None:
            return await self._in_listing(tenant, wanted, deadline)
        question = self._question(tenant, wanted.report_id, deadline)
        try:
            answer = await self._answers.get(question, deadline)
        except UpstreamError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise
        return ScheduledReport(self._living(answer), answer.freshness)

    async def remember(self, tenant: str, report: Report) -> None:
        """Store the answer to scheduling, and have the keeper follow the report; a failure of S3 is logged only."""
        await self._answers.store(_folder(tenant, ReportId.of(report)), report_to_json(report))
        if report.report_id is None:
            return  # the keeper finds it in the listing
        try:
            await self._store.put(_marker(tenant, report.report_id), b"")
        except LedgerUnavailable as error:
            LOG.warning("a scheduled report will be found by the listing only: %s", error)

    async def followed(self, tenant: str) -> list[FollowedReport]:
        """The reports that the keeper follows.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        found = await self._store.listing(_markers(tenant))
        return [FollowedReport(unquote(item.key.rpartition("/")[2]), item.key, item.modified) for item in found]

    async def unfollow(self, followed: Sequence[FollowedReport]) -> None:
        """Follow these reports no longer.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        await self._store.delete([each.key for each in followed])

    def _question(self, tenant: str, report_id: str, deadline: Deadline) -> Question:
        async def ask() -> object:
            return report_to_json(await self._rde.report(tenant, report_id, deadline))

        def good_until(value: object, fetched: datetime) -> datetime:
            return FOR_GOOD if is_finished(report_from_json(value)) else fetched + self._ageing.fresh

        return Question(tenant, _folder(tenant, ReportId(report_id)), RDE, ask, is_report, good_until)

    def _living(self, answer: CachedAnswer) -> Report:
        undated_until = undated_links_until(answer, self._ageing.fresh)
        return with_living_link(report_from_json(answer.value), undated_until, self._clock())

    async def _in_listing(self, tenant: str, wanted: ReportId, deadline: Deadline) -> ScheduledReport | None:
        """A scheduled report without a vendor's id: the first one of its kind that was made since."""
        keys = await self._answers.keys(_folder(tenant, wanted))
        answer = await self._answers.read(keys[-1], is_report) if keys else None
        if answer is None:
            return None
        scheduled = self._living(answer)
        listing = await self._listings.listing(tenant, answer.fetched.date() - DAY, self._clock().date(), deadline)
        made = [each for each in reversed(listing.reports) if _may_be(each, scheduled, answer.fetched)]
        return ScheduledReport(made[0] if made else scheduled, listing.freshness)


def is_finished(report: Report) -> bool:
    """Whether nothing about a report will change: it has failed, or it has its file."""
    return report.status is ReportStatus.ERROR or (
        report.status is ReportStatus.COMPLETED and report.download_url is not None
    )


def _may_be(listed: Report, scheduled: Report, at: datetime) -> bool:
    """Whether a listed report may be the one that was scheduled at a moment."""
    return (
        listed.name == scheduled.name
        and (not scheduled.raw_format or listed.format is scheduled.format)
        and listed.start_date in {None, scheduled.start_date}
        and (listed.creation_date is None or listed.creation_date >= at - CLOCK_DIFFERENCE)
    )


def single_reports(tenant: str) -> str:
    """The folder of a tenant's answers about single reports."""
    return f"{ANSWERS_PREFIX}/tenant={tenant}/report"


def _folder(tenant: str, wanted: ReportId) -> str:
    # A colon is percent-encoded in a vendor's id, so that no id of the vendor's is one of ours.
    name = f"{wanted.day}:{wanted.digest}" if wanted.report_id is None else quote(wanted.report_id, safe="")
    return f"{single_reports(tenant)}/{name}"


def _markers(tenant: str) -> str:
    return f"{ANSWERS_PREFIX}/tenant={tenant}/following"


def _marker(tenant: str, report_id: str) -> str:
    return f"{_markers(tenant)}/{quote(report_id, safe='')}"
