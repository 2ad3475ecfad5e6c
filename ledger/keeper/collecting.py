"""Collects report files that are not archived yet, from the vendor's listing and from every listing that is kept.

A link is tried while it lives. Newest files go first: one that fails at every run grows old and stands last, so it
keeps no new one from the archive.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from ledger.keeper.run import KeeperRun
from ledger.reports.archive import Archive, ReportKey
from ledger.reports.archiving import Archiver
from ledger.reports.listings import Reports
from runtime import telemetry
from runtime.clock import Clock
from runtime.memory import Memory
from upstreams.rde.client import Report

LISTED = timedelta(days=90)
"""How long the vendor keeps a report."""
FILES_AT_ONCE = 3
READS_AT_ONCE = 8
FILE_SECONDS = 600.0
"""A file that trickles in gives its place to others after this long."""
REMEMBERED_BYTES = 2 * 1024 * 1024
KEY_BYTES = 300


@dataclass(frozen=True)
class ReportCollector:
    """The report files of one tenant after the other."""

    reports: Reports
    archive: Archive
    archiver: Archiver
    clock: Clock
    _spent: Memory[str, bool] = field(default_factory=lambda: Memory(REMEMBERED_BYTES))
    """Kept listings that hold nothing to archive any more: they never change, and links only die."""

    async def collect(self, tenant: str, run: KeeperRun) -> None:
        """Archive what can be had.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        listed: Sequence[Report] = ()
        with run.attempt(f"listing the reports of {tenant}"):
            listed = await self._listed(tenant, run)
        kept = await self._kept(tenant, run)
        found = _best_links([listed, *kept.values()])
        missing = await self._missing(tenant, found)
        places = asyncio.Semaphore(FILES_AT_ONCE)
        newest_first = sorted(missing, key=lambda identity: identity.creation_date, reverse=True)
        done = await asyncio.gather(
            *(self._copy(tenant, identity, found[identity], places, run) for identity in newest_first)
        )
        left = {identity for identity, copied in zip(newest_first, done, strict=True) if not copied}
        for key, reports in kept.items():
            if left.isdisjoint(map(ReportKey.of, reports)):
                self._spent.remember(key, True, KEY_BYTES)

    async def _listed(self, tenant: str, run: KeeperRun) -> Sequence[Report]:
        today = self.clock().date()
        # An older listing is among those that are kept; that there is no newer one is a failure of the run.
        listing = await self.reports.listing(tenant, today - LISTED, today, None, run.deadline, stale_if_error=False)
        return listing.reports

    async def _kept(self, tenant: str, run: KeeperRun) -> Mapping[str, Sequence[Report]]:
        """The reports of every kept listing that may still hold something, by the listing's key."""
        keys = [key for key in await self.reports.kept(tenant) if not self._spent.recall(key)]
        places, found = asyncio.Semaphore(READS_AT_ONCE), dict[str, Sequence[Report]]()

        async def read(key: str) -> None:
            async with places:
                with run.attempt(f"reading {key}"):
                    found[key] = await self.reports.read(key)

        await asyncio.gather(*map(read, keys))
        return found

    async def _missing(self, tenant: str, found: Iterable[ReportKey]) -> list[ReportKey]:
        days = [identity.creation_date.date() for identity in found]
        if not days:
            return []
        archived = await self.archive.reports(tenant, min(days), max(days))
        there = {each.identity.file for each in archived.reports}
        return [identity for identity in found if identity.file not in there]

    async def _copy(
        self, tenant: str, identity: ReportKey, link: str, places: asyncio.Semaphore, run: KeeperRun
    ) -> bool:
        copied = False
        async with places:
            if not run.may_begin():
                return copied
            with run.attempt(f"archiving {identity.name!r} of {identity.creation_date} for {tenant}"):
                await self.archiver.copy(tenant, identity, link, run.deadline.within(FILE_SECONDS))
                run.archived += 1
                telemetry.count("keeper.archived")
                copied = True
        return copied


def _best_links(listings: Iterable[Sequence[Report]]) -> dict[ReportKey, str]:
    """Each report that has a living link, with the one that lives longest; of equals the first listing's."""
    best: dict[ReportKey, Report] = {}
    for report in (report for reports in listings for report in reports if report.download_url):
        identity = ReportKey.of(report)
        if identity not in best or _longer(report, best[identity]):
            best[identity] = report
    return {identity: report.download_url or "" for identity, report in best.items()}


def _longer(one: Report, other: Report) -> bool:
    ends, others = one.download_url_expires_at, other.download_url_expires_at
    return ends is not None and others is not None and ends > others
