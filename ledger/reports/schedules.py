"""Schedules a report: posted at most once for each key, and listings without it are never good again.

An invalidation marker is written before and after the POST. The first is dated at the deadline, the last moment at
which the vendor can still create the report; if we crash in between, listings fetched until then count as outdated. It
is removed after a POST that went well or certainly did nothing.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.answers.answers import Answers
from ledger.reports.idempotency import IdempotencyKeys, Json, unknown
from ledger.reports.links import with_living_link
from ledger.reports.listings import invalidation_markers, listings
from ledger.reports.scheduled import ScheduledReports
from ledger.reports.stored import report_to_json, scheduled_from_json
from ledger.storage.store import LedgerUnavailable, Store
from runtime.clock import Clock, rfc3339, stamp
from runtime.deadline import Deadline
from upstreams.errors import BY_CODE, RDE, UpstreamError, UpstreamTimeout
from upstreams.rde.client import Rde, Report, ScheduleRequest

LOG = logging.getLogger("tally.ledger")

STORING_SECONDS = 0.5
"""What a post leaves of the invocation's time, to store its result."""
LEAST_POST_SECONDS = 1.0
"""With less time than this for the vendor nothing is posted: the outcome would most likely remain unknown."""


@dataclass(frozen=True, slots=True)
class SchedulingResult:
    """A scheduled report; `replayed`: an earlier call with the same key had scheduled it."""

    report: Report
    replayed: bool


class Schedules:
    """Every tenant's scheduling; `fresh` is how long a stored link without an expiry counts as working."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts that scheduling is made from
        self,
        store: Store,
        keys: IdempotencyKeys,
        answers: Answers,
        scheduled: ScheduledReports,
        rde: Rde,
        fresh: timedelta,
        clock: Clock,
    ) -> None:
        self._store = store
        self._keys = keys
        self._answers = answers
        self._scheduled = scheduled
        self._rde = rde
        self._fresh = fresh
        self._clock = clock

    async def schedule(
        self, tenant: str, request: ScheduleRequest, key: str | None, deadline: Deadline
    ) -> SchedulingResult:
        """Schedule a report once; later listings are fetched again.

        Raises:
            KeyReused: the key was used with another request.
            LedgerUnavailable: the result of a keyed request could not be stored; nothing was posted.
            UpstreamError: the vendor did not confirm; `sent` says whether it may have created the report all the same.
        """
        if key is None:
            return SchedulingResult(await self._post(tenant, request, deadline, keyed=False), replayed=False)

        async def post() -> Json:
            return report_to_json(await self._post(tenant, request, deadline, keyed=True))

        result = await self._keys.once(tenant, key, _spelled(request), post, deadline, scheduled_from_json)
        report = scheduled_from_json(result.answer)
        if result.replayed:
            report = with_living_link(report, result.answered + self._fresh, self._clock())
        return SchedulingResult(report, result.replayed)

    async def _post(self, tenant: str, request: ScheduleRequest, deadline: Deadline, *, keyed: bool) -> Report:
        """Post, if the result can be stored: a keyed one needs S3, and each needs some time after the post."""
        ahead = await self._mark(tenant, self._clock() + timedelta(seconds=deadline.remaining()))
        if keyed and ahead is None:
            raise LedgerUnavailable("the result of a keyed call could not be stored, so nothing was posted")
        posting = deadline.later(-STORING_SECONDS)
        if posting.remaining() < LEAST_POST_SECONDS:
            await self._unmark(ahead)
            raise UpstreamTimeout(RDE, "too little time is left to schedule the report; nothing was posted")
        try:
            report = await self._rde.schedule(tenant, request, posting)
        except UpstreamError as error:
            if error.sent:
                self._answers.forget(listings(tenant))
                raise _unknown(error) from error
            await self._unmark(ahead)
            raise
        marked, _ = await asyncio.gather(self._mark(tenant, self._clock()), self._scheduled.remember(tenant, report))
        if marked:
            await self._unmark(ahead)
        return report

    async def _mark(self, tenant: str, moment: datetime) -> str | None:
        """Mark listings fetched up to a moment as outdated; the marker's key, or None if it could not be written."""
        self._answers.forget(listings(tenant))
        key = f"{invalidation_markers(tenant)}/{stamp(moment)}"
        try:
            await self._store.put(key, b"")
        except LedgerUnavailable as error:
            LOG.warning("listings without a scheduled report could not be marked as outdated: %s", error)
            return None
        return key

    async def _unmark(self, marker: str | None) -> None:
        try:
            await self._store.delete([marker] if marker else [])
        except LedgerUnavailable as error:
            LOG.warning("a marker could not be removed, listings are fetched again until its time: %s", error)


def _unknown(error: UpstreamError) -> UpstreamError:
    """The error of a post whose outcome is unknown, with the way out in its reason."""
    explained = BY_CODE[error.code](error.upstream, unknown(error.reason), sent=True, retry_after=error.retry_after)
    explained.correlation_id, explained.status = error.correlation_id, error.status
    return explained


def _spelled(request: ScheduleRequest) -> str:
    """A request's one spelling, the same in every process and version: its digest is stored with the key."""
    return repr(
        (
            request.name,
            request.customization_name,
            request.format and request.format.name,
            rfc3339(request.start_date),
            request.end_date and rfc3339(request.end_date),
            request.download_url,
        )
    )
