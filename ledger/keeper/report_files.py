"""Collects the report files that are not archived yet, from the vendor's listing and from every stored listing.

A link is tried while it lives. The newest files come first: a file that fails in every run grows old and comes last,
so it keeps no new one from the archive.
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
"""After this long, a file that arrives slowly gives way to others."""
REMEMBERED_BYTES = 2 * 1024 * 1024
KEY_BYTES = 300


@dataclass(frozen=True)
class ReportFileCollector:
    """Collects the report files of one tenant after the other."""

    reports: Reports
    archive: Archive
    archiver: Archiver
    clock: Clock
    _exhausted: Memory[str, bool] = field(default_factory=lambda: Memory(REMEMBERED_BYTES))
    """Stored listings without a file to archive: it stays so, as listings never change and links only expire."""

    async def collect(self, tenant: str, run: KeeperRun) -> None:
        """Archive the files whose links still live.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        listed: Sequence[Report] = ()
        with run.attempt(f"listing the reports of {tenant}"):
            listed = await self._listed(tenant, run)
        stored = await self._stored(tenant, run)
        links = _best_links([listed, *stored.values()])
        missing = await self._missing(tenant, links)
        slots = asyncio.Semaphore(FILES_AT_ONCE)
        newest_first = sorted(missing, key=lambda key: key.creation_date, reverse=True)
        archived = await asyncio.gather(*(self._copy(tenant, key, links[key], slots, run) for key in newest_first))
        left = {key for key, copied in zip(newest_first, archived, strict=True) if not copied}
        for listing, reports in stored.items():
            if left.isdisjoint(map(ReportKey.of, reports)):
                self._exhausted.remember(listing, True, KEY_BYTES)

    async def _listed(self, tenant: str, run: KeeperRun) -> Sequence[Report]:
        today = self.clock().date()
        # An older listing is among the stored ones; that there is no newer one is a failure of this run.
        listing = await self.reports.listing(tenant, today - LISTED, today, None, run.deadline, stale_if_error=False)
        return listing.reports

    async def _stored(self, tenant: str, run: KeeperRun) -> Mapping[str, Sequence[Report]]:
        """The reports of every stored listing that may have a file to archive, by the listing's key."""
        keys = [key for key in await self.reports.kept(tenant) if not self._exhausted.recall(key)]
        slots, found = asyncio.Semaphore(READS_AT_ONCE), dict[str, Sequence[Report]]()

        async def read(key: str) -> None:
            async with slots:
                with run.attempt(f"reading {key}"):
                    found[key] = await self.reports.read(key)

        await asyncio.gather(*map(read, keys))
        return found

    async def _missing(self, tenant: str, reports: Iterable[ReportKey]) -> list[ReportKey]:
        days = [key.creation_date.date() for key in reports]
        if not days:
            return []
        archived = await self.archive.reports(tenant, min(days), max(days))
        files = {each.identity.file for each in archived.reports}
        return [key for key in reports if key.file not in files]

    async def _copy(self, tenant: str, key: ReportKey, link: str, slots: asyncio.Semaphore, run: KeeperRun) -> bool:
        copied = False
        async with slots:
            if not run.has_time():
                return copied
            with run.attempt(f"archiving {key.name!r} of {key.creation_date} for {tenant}"):
                await self.archiver.copy(tenant, key, link, run.deadline.within(FILE_SECONDS))
                run.archived += 1
                telemetry.count("keeper.archived")
                copied = True
        return copied


def _best_links(listings: Iterable[Sequence[Report]]) -> dict[ReportKey, str]:
    """The link of each report that has a living one: the one that lives longest, of equals the first listing's."""
    best: dict[ReportKey, Report] = {}
    for report in (report for reports in listings for report in reports if report.download_url):
        key = ReportKey.of(report)
        if key not in best or _lives_longer(report, best[key]):
            best[key] = report
    return {key: report.download_url or "" for key, report in best.items()}


def _lives_longer(one: Report, other: Report) -> bool:
    end, other_end = one.download_url_expires_at, other.download_url_expires_at
    return end is not None and other_end is not None and end > other_end
