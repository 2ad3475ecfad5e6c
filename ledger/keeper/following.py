"""Follows scheduled reports until their files are archived or it is clear that there will be none."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from ledger.keeper.run import KeeperRun
from ledger.reports.identity import ReportId
from ledger.reports.scheduled import FollowedReport, ScheduledReports
from runtime.clock import Clock
from upstreams.rde.client import Report, ReportStatus

FOLLOWED = timedelta(days=90)
"""The vendor deletes a report after this time."""
UNKNOWN_TO_THE_VENDOR = timedelta(days=1)
"""After this long a report that the vendor does not know will not appear."""
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class FollowedReports:
    """A tenant's followed reports, with what the vendor says of each: None if it knows no such report."""

    answers: Sequence[tuple[FollowedReport, Report | None]]

    @property
    def reports(self) -> list[Report]:
        """Those that the vendor knows."""
        return [report for _, report in self.answers if report]


@dataclass(frozen=True)
class ReportFollower:
    """Asks for followed reports, and stops following the finished ones."""

    scheduled: ScheduledReports
    clock: Clock

    async def ask(self, tenant: str, run: KeeperRun) -> FollowedReports:
        """What the vendor says of every followed report; one that cannot be asked for is a failure of the run."""
        followed: list[FollowedReport] = []
        with run.attempt(f"looking up the scheduled reports of {tenant}"):
            followed = await self.scheduled.followed(tenant)
        slots, answers = asyncio.Semaphore(AT_ONCE), list[tuple[FollowedReport, Report | None]]()

        async def ask(each: FollowedReport) -> None:
            async with slots:
                if not run.has_time():
                    return
                with run.attempt(f"asking for the scheduled report {each.report_id} of {tenant}"):
                    answer = await self.scheduled.get(tenant, ReportId(each.report_id), run.deadline)
                    answers.append((each, answer.report if answer else None))

        await asyncio.gather(*map(ask, followed))
        return FollowedReports(answers)

    async def release(self, followed: FollowedReports, not_archived: Sequence[Report], run: KeeperRun) -> None:
        """Stop following reports that are archived, have failed, or will not appear any more."""
        left = {report.report_id for report in not_archived}
        done = [each for each, report in followed.answers if self._is_done(each, report, left)]
        with run.attempt("releasing scheduled reports"):
            await self.scheduled.unfollow(done)

    def _is_done(self, followed: FollowedReport, report: Report | None, left: set[str | None]) -> bool:
        age = self.clock() - followed.since
        if report is None:
            return age > UNKNOWN_TO_THE_VENDOR
        has_its_file = report.download_url is not None and followed.report_id not in left
        return has_its_file or report.status is ReportStatus.ERROR or age > FOLLOWED
