"""Collects report files that are not archived yet: from the vendor's listing, stored listings and followed reports.

A link is tried while it works. The newest files go first: one that fails at every run grows old and comes last, so it
does not delay new ones.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from ledger.keeper.following import ReportFollower
from ledger.keeper.run import KeeperRun
from ledger.reports.archive import Archive
from ledger.reports.archiving import Archiver
from ledger.reports.catalogue import ArchivedFiles
from ledger.reports.identity import FileKey, ReportKey
from ledger.reports.listings import ReportListings
from runtime import telemetry
from runtime.clock import Clock
from runtime.memory import Memory
from upstreams.errors import UpstreamError
from upstreams.rde.client import Report, link_start
from upstreams.rde.files import ReportLinkRefused

LOG = logging.getLogger("tally.keeper")

LISTED = timedelta(days=90)
"""The vendor deletes a report after this time."""
FILES_AT_ONCE = 3
READS_AT_ONCE = 8
LINKS_PER_REPORT = 3
FILE_SECONDS = 600.0
"""A file that takes longer is given up, so that others get their turn."""
JUST_STARTED = timedelta(minutes=1)
"""A link that began to work so recently may still be refused by a clock that is behind."""
SECOND_TRY_SECONDS = 1.0
CACHE_BYTES = 2 * 1024 * 1024
KEY_BYTES = 300


@dataclass(slots=True)
class _Candidate:
    """A report with a file, and the links to it that work, the best one first."""

    report: Report
    links: list[str]

    def add(self, report: Report) -> None:
        """Add another listing's row for the same report; the link that expires last goes first."""
        if not report.download_url or report.download_url in self.links:
            return
        if _lives_longer(report, self.report):
            self.report = report
            self.links.insert(0, report.download_url)
        else:
            self.links.append(report.download_url)


@dataclass(frozen=True)
class ReportFileCollector:
    """Collects the report files of one tenant after the other."""

    reports: ReportListings
    follower: ReportFollower
    archive: Archive
    archiver: Archiver
    clock: Clock
    _exhausted: Memory[str, bool] = field(default_factory=lambda: Memory(CACHE_BYTES))
    """Stored listings with nothing left to archive: they never change, and links only expire."""

    async def collect(self, tenant: str, run: KeeperRun) -> None:
        """Archive every file that can be had.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        listed: Sequence[Report] = ()
        with run.attempt(f"listing the reports of {tenant}"):
            listed = await self._listed(tenant, run)
        followed = await self.follower.ask(tenant, run)
        stored = await self._stored(tenant, run)
        missing = await self._missing(tenant, _candidates([listed, followed.reports, *stored.values()]))
        slots = asyncio.Semaphore(FILES_AT_ONCE)
        newest_first = sorted(missing, key=lambda candidate: candidate.report.date, reverse=True)
        done = await asyncio.gather(*(self._copy(tenant, candidate, slots, run) for candidate in newest_first))
        left = [candidate.report for candidate, copied in zip(newest_first, done, strict=True) if not copied]
        await self.follower.release(followed, left, run)
        files_left = {ReportKey.of(report).file for report in left}
        for key, reports in stored.items():
            if files_left.isdisjoint(ReportKey.of(report).file for report in reports):
                self._exhausted.remember(key, True, KEY_BYTES)

    async def _listed(self, tenant: str, run: KeeperRun) -> Sequence[Report]:
        today = self.clock().date()
        # Not a stale one: older listings are read with the stored ones, and a vendor that fails counts as a failure.
        listing = await self.reports.listing(tenant, today - LISTED, today, run.deadline, stale_if_error=False)
        return listing.reports

    async def _stored(self, tenant: str, run: KeeperRun) -> Mapping[str, Sequence[Report]]:
        """The reports of every stored listing that may still have files to archive, by the listing's key."""
        keys = [key for key in await self.reports.stored(tenant) if not self._exhausted.recall(key)]
        slots, found = asyncio.Semaphore(READS_AT_ONCE), dict[str, Sequence[Report]]()

        async def read(key: str) -> None:
            async with slots:
                with run.attempt(f"reading {key}"):
                    found[key] = await self.reports.read(key)

        await asyncio.gather(*map(read, keys))
        return found

    async def _missing(self, tenant: str, candidates: Sequence[_Candidate]) -> list[_Candidate]:
        days = [candidate.report.date.date() for candidate in candidates]
        if not days:
            return []
        archived = await self.archive.reports(tenant, min(days), max(days))
        files = ArchivedFiles(archived.reports, [candidate.report for candidate in candidates])
        return [candidate for candidate in candidates if files.find(candidate.report) is None]

    async def _copy(self, tenant: str, candidate: _Candidate, slots: asyncio.Semaphore, run: KeeperRun) -> bool:
        copied, report = False, candidate.report
        async with slots:
            if not run.has_time():
                return copied
            with run.attempt(f"archiving {report.name!r} of {report.date} for {tenant}"):
                await self._copy_by_any_link(tenant, candidate, run)
                run.archived += 1
                telemetry.count("keeper.archived")
                copied = True
        return copied

    async def _copy_by_any_link(self, tenant: str, candidate: _Candidate, run: KeeperRun) -> None:
        *others, last = candidate.links[:LINKS_PER_REPORT]
        for link in others:
            try:
                return await self._copy_by(tenant, candidate.report, link, run)
            except UpstreamError as error:
                LOG.info("trying another link of %r: %s", candidate.report.name, error)
        return await self._copy_by(tenant, candidate.report, last, run)

    async def _copy_by(self, tenant: str, report: Report, link: str, run: KeeperRun) -> None:
        deadline = run.deadline.within(FILE_SECONDS)
        try:
            await self.archiver.copy(tenant, report, link, deadline)
        except ReportLinkRefused:
            starts = link_start(link)
            if starts is None or abs(self.clock() - starts) > JUST_STARTED:
                raise
            await asyncio.sleep(SECOND_TRY_SECONDS)
            await self.archiver.copy(tenant, report, link, deadline)


def _candidates(listings: Iterable[Sequence[Report]]) -> list[_Candidate]:
    """Each report that has a working link, once; of two equal links the first listing's."""
    found: dict[str | FileKey, _Candidate] = {}
    by_file: dict[FileKey, set[str | FileKey]] = {}
    without_id: list[Report] = []
    for report in (report for reports in listings for report in reports if report.download_url):
        key = ReportKey.of(report)
        if report.report_id is None:
            without_id.append(report)
            continue
        by_file.setdefault(key.file, set()).add(key.identity)
        _add(found, key.identity, report)
    for report in without_id:
        # A listing that an earlier version stored has no ids: its row is the report that fits, if only one does.
        file = ReportKey.of(report).file
        fitting = by_file.get(file, set())
        _add(found, next(iter(fitting)) if len(fitting) == 1 else file, report)
    return list(found.values())


def _add(found: dict[str | FileKey, _Candidate], identity: str | FileKey, report: Report) -> None:
    if identity in found:
        found[identity].add(report)
    else:
        found[identity] = _Candidate(report, [report.download_url or ""])


def _lives_longer(one: Report, other: Report) -> bool:
    ends, others = one.download_url_expires_at, other.download_url_expires_at
    # A row without the vendor's id never replaces one with it.
    return ends is not None and others is not None and ends > others and not (other.report_id and not one.report_id)
