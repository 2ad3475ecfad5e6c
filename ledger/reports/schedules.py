"""Having a report made, once: posted at most once under a key, and listings that miss it are never good again.

Two marks enclose a post. The one before it is dated to the moment until which the vendor may act for us, so that a
crash before the second one leaves no listing that looks good and lacks the report; a post that went well, or certainly
did nothing, takes it back.
"""

import logging
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from ledger.answers.answers import Answers
from ledger.reports.idempotency import IdempotencyKeys, Json, unknown
from ledger.reports.listings import listings, marks, with_living_link
from ledger.storage.store import LedgerUnavailable, Store
from runtime.clock import Clock, rfc3339, stamp
from runtime.deadline import Deadline
from upstreams.errors import BY_CODE, RDE, UpstreamError, UpstreamTimeout
from upstreams.rde.client import Rde, ReportFormat, ScheduledReport, ScheduleRequest

LOG = logging.getLogger("tally.ledger")

KEEPING_SECONDS = 0.5
"""What a post leaves of the invocation's time, to store its result."""
LEAST_POST_SECONDS = 1.0
"""With less time than this for the vendor nothing is posted: the outcome would most likely remain unknown."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A scheduled report; `replayed` says that an earlier call under the same key had scheduled it."""

    report: ScheduledReport
    replayed: bool


class Schedules:
    """Every tenant's scheduling; `fresh` is how long a kept link lives that does not say when it dies."""

    def __init__(
        self, store: Store, keys: IdempotencyKeys, answers: Answers, rde: Rde, fresh: timedelta, clock: Clock
    ) -> None:
        self._store = store
        self._keys = keys
        self._answers = answers
        self._rde = rde
        self._fresh = fresh
        self._clock = clock

    async def schedule(self, tenant: str, request: ScheduleRequest, key: str | None, deadline: Deadline) -> Scheduled:
        """Have a report made, once; listings are asked for anew afterwards.

        Raises:
            KeyReused: the key was used with another request.
            LedgerUnavailable: a keyed request could not be kept; nothing was posted.
            UpstreamError: the vendor did not confirm; `sent` says whether it may have acted all the same.
        """
        if key is None:
            return Scheduled(await self._post(tenant, request, deadline, keyed=False), replayed=False)

        async def post() -> Json:
            return _write(await self._post(tenant, request, deadline, keyed=True))

        kept = await self._keys.once(tenant, key, _spelled(request), post, deadline)
        report = _read(kept.answer)
        if kept.replayed:
            report = with_living_link(report, kept.answered + self._fresh, self._clock())
        return Scheduled(report, kept.replayed)

    async def _post(self, tenant: str, request: ScheduleRequest, deadline: Deadline, *, keyed: bool) -> ScheduledReport:
        """Post, if the result can be stored: a keyed one needs S3, and each needs some time after the post."""
        ahead = await self._mark(tenant, self._clock() + timedelta(seconds=deadline.remaining()))
        if keyed and ahead is None:
            raise LedgerUnavailable("the result of a keyed call could not be stored, so nothing was posted")
        posting = deadline.later(-KEEPING_SECONDS)
        if posting.remaining() < LEAST_POST_SECONDS:
            await self._take_back(ahead)
            raise UpstreamTimeout(RDE, "too little time is left to schedule the report; nothing was posted")
        try:
            report = await self._rde.schedule(tenant, request, posting)
        except UpstreamError as error:
            if error.sent:
                self._answers.forget(listings(tenant))
                raise BY_CODE[error.code](error.upstream, unknown(error.reason), sent=True) from error
            await self._take_back(ahead)
            raise
        if await self._mark(tenant, self._clock()):
            await self._take_back(ahead)
        return report

    async def _mark(self, tenant: str, moment: datetime) -> str | None:
        """Leave word that listings fetched up to a moment are out of date; the mark's key, if it could be written."""
        self._answers.forget(listings(tenant))
        key = f"{marks(tenant)}/{stamp(moment)}"
        try:
            await self._store.put(key, b"")
        except LedgerUnavailable as error:
            LOG.warning("listings that miss a scheduled report could not be dropped: %s", error)
            return None
        return key

    async def _take_back(self, mark: str | None) -> None:
        try:
            await self._store.delete([mark] if mark else [])
        except LedgerUnavailable as error:
            LOG.warning("a mark could not be taken back, listings are asked for anew until it is past: %s", error)


def _spelled(request: ScheduleRequest) -> str:
    """A request's one spelling, the same in every process."""
    return repr(
        (
            request.name,
            request.customization_name,
            request.format.name,
            rfc3339(request.start_date),
            rfc3339(request.end_date),
            request.download_url,
        )
    )


_MOMENTS = ("creation_date", "start_date", "end_date", "download_url_expires_at")


def _write(report: ScheduledReport) -> Json:
    written = {field.name: getattr(report, field.name) for field in fields(report)}
    written["format"] = report.format.name if report.format else None
    return written | {name: rfc3339(written[name]) if written[name] else None for name in _MOMENTS}


def _read(answer: Json) -> ScheduledReport:
    moments = {name: datetime.fromisoformat(answer[name]) if answer[name] else None for name in _MOMENTS}
    known = ReportFormat[answer["format"]] if answer["format"] else None
    return ScheduledReport(**{**answer, **moments, "format": known})
