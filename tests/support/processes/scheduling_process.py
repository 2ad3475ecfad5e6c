"""One process that schedules reports. As a program it schedules one, to be killed meanwhile."""

import asyncio
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from functions.settings import Settings
from ledger.answers.ageing import Ageing
from ledger.answers.answers import Answers
from ledger.reports.idempotency import IdempotencyKeys
from ledger.reports.listings import ReportListings
from ledger.reports.scheduled import ScheduledReports
from ledger.reports.schedules import Schedules
from ledger.storage.breakers import Breakers
from ledger.storage.leases import Leases
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from runtime.clock import Clock, now
from runtime.deadline import Deadline
from upstreams.rde.client import Rde, ReportFormat, ScheduleRequest
from upstreams.secrets import SecretStore

LEASE_SECONDS = 1.0
REQUEST = ScheduleRequest(
    name="daily",
    customization_name=None,
    format=ReportFormat.JSON,
    start_date=datetime(2019, 11, 7, tzinfo=UTC),
    end_date=datetime(2019, 11, 8, tzinfo=UTC),
    download_url=None,
)


class SchedulingProcess:
    """Reports and schedules of one process, with short leases."""

    def __init__(self, environ: Mapping[str, str], clock: Clock = now) -> None:
        settings = Settings.read(environ)
        fresh = timedelta(seconds=settings.fresh_seconds)
        store = Store(S3Bucket(settings.ledger_bucket, settings.aws_endpoint_url))
        leases, breakers = Leases(store, LEASE_SECONDS), Breakers(store, clock)
        rde = Rde(
            base_url=settings.rde_base_url,
            token_path=settings.rde_token_path,
            schedule_method=settings.rde_schedule_method,
            xlsx_name=settings.rde_xlsx_name,
            upstream_seconds=settings.upstream_seconds,
            secrets=SecretStore(settings.secret_prefix, settings.aws_endpoint_url),
        )
        answers = Answers(store, leases, breakers, clock, fresh)
        ageing = Ageing(fresh, timedelta(hours=72))
        self.reports = ReportListings(store, answers, rde, ageing, clock)
        self.scheduled = ScheduledReports(store, answers, self.reports, rde, ageing, clock)
        keys = IdempotencyKeys(store, leases, clock, "rde")
        self.schedules = Schedules(store, keys, answers, self.scheduled, rde, fresh, clock)

    async def schedule(
        self, key: str | None = "key", request: ScheduleRequest = REQUEST, seconds: float = 20, tenant: str = "default"
    ) -> tuple[str, bool]:
        """The scheduled report's id, and whether it was replayed."""
        done = await self.schedules.schedule(tenant, request, key, Deadline.after(seconds))
        return done.report.report_id or "", done.replayed

    async def listed(self, name: str) -> bool:
        """Whether today's listing has a report of that name."""
        today = datetime.now(UTC).date()
        listing = await self.reports.listing("default", today, today, Deadline.after(20))
        return any(report.name == name for report in listing.reports)


if __name__ == "__main__":
    asyncio.run(SchedulingProcess(os.environ).schedule(sys.argv[1]))
