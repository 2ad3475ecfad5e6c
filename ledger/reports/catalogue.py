"""Every report that is still available: the vendor's listing, and the archived reports that it no longer lists.

Both are read at the same time, and filters are applied to their union. The archive only adds: when it cannot be read,
the listing answers alone; when the vendor fails and no listing is stored, the archive does not stand in for it.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from typing import NamedTuple

from ledger.answers.freshness import Freshness, Source
from ledger.reports.archive import Archive, ArchivedReport, ArchivedReports
from ledger.reports.identity import FileKey, ReportId, ReportKey
from ledger.reports.listings import ReportListings
from ledger.storage.store import LedgerUnavailable
from runtime import telemetry
from runtime.deadline import Deadline
from runtime.memory import Memory
from upstreams.rde.client import Report, ReportFormat, ReportStatus, ReportType

LOG = logging.getLogger("tally.ledger")


class ReportWithFile(NamedTuple):
    """A report as the vendor lists it, or did (then without a link), and its archived file, if there is one."""

    report: Report
    archived: ArchivedReport | None


class ReportFilter(NamedTuple):
    """Which reports are wanted; None and an empty name leave a property open. A name matches from its beginning."""

    format: ReportFormat | None = None
    name: str = ""
    statuses: AbstractSet[ReportStatus] | None = None
    types: AbstractSet[ReportType] | None = None

    def matches(self, report: Report) -> bool:
        """Whether a report is wanted."""
        return (
            (self.format is None or report.format is self.format)
            and (not self.name or report.name.casefold().startswith(self.name.casefold()))
            and (self.statuses is None or report.status in self.statuses)
            and (self.types is None or report.type in self.types)
        )


EVERYTHING = ReportFilter()


class CatalogueListing(NamedTuple):
    """Reports, newest first, how many elements of the vendor's listing could not be read, and how fresh this is."""

    reports: Sequence[ReportWithFile]
    unreadable: int
    freshness: Freshness


CACHE_BYTES = 4 * 1024 * 1024
ROW_BYTES = 200
type _Days = tuple[str, date, date]
_Merged = tuple[Sequence[Report], Sequence[ArchivedReport], tuple[list["ReportWithFile"], Sequence[ArchivedReport]]]


class ReportCatalogue:
    """Every tenant's reports."""

    def __init__(self, listings: ReportListings, archive: Archive) -> None:
        self._listings = listings
        self._archive = archive
        self._memory: Memory[_Days, _Merged] = Memory(CACHE_BYTES)

    async def listing(
        self, tenant: str, first: date, last: date, wanted: ReportFilter, deadline: Deadline
    ) -> CatalogueListing:
        """The reports from the first to the last day, both included.

        Raises:
            UpstreamError: the upstream failed and no listing is stored.
        """
        asking = self._listings.listing(tenant, first, last, deadline)
        archived = self._archive.cached(tenant, first, last)
        if archived is None:
            looking = asyncio.create_task(self._archived(tenant, first, last))
            try:
                listing, archived = await asking, await looking
            finally:
                looking.cancel()  # if the vendor failed, the archive is not waited for
        else:
            listing = await asking
        rows, unlisted = self._merged((tenant, first, last), listing.reports, archived.reports)
        shown = rows if wanted == EVERYTHING else [row for row in rows if wanted.matches(row.report)]
        only_archived = [each for each in unlisted if wanted.matches(each.report)]
        freshness = _freshness(listing.freshness, archived, only_archived)
        return CatalogueListing(shown, listing.unreadable, freshness)

    def _merged(
        self, key: _Days, listed: Sequence[Report], archived: Sequence[ArchivedReport]
    ) -> tuple[list[ReportWithFile], Sequence[ArchivedReport]]:
        """Like `_united`; the last result is used again while both inputs are the same objects."""
        known = self._memory.recall(key)
        if known is None or known[0] is not listed or known[1] is not archived:
            known = (listed, archived, _united(listed, archived))
            self._memory.remember(key, known, (len(listed) + len(archived) + 1) * ROW_BYTES)
        return known[2]

    async def find(self, tenant: str, wanted: ReportId, deadline: Deadline) -> ReportWithFile | None:
        """Find a report that the vendor does not find by its id: in the archive, or in its day's listing.

        Raises:
            UpstreamError: the upstream failed and no listing is stored.
            LedgerUnavailable: the archive could not be read.
        """
        if wanted.report_id is not None:
            archived = await self._archive.find(tenant, wanted.report_id)
            return ReportWithFile(archived.report, archived) if archived else None
        day = date.fromisoformat(wanted.day)
        listing = await self.listing(tenant, day, day, EVERYTHING, deadline)
        return next((row for row in listing.reports if ReportId.of(row.report) == wanted), None)

    async def with_file(self, tenant: str, report: Report) -> ReportWithFile:
        """One report with its archived file, if there is one.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        day = report.date.date()
        cached = self._archive.cached(tenant, day, day)
        if cached and (file := ArchivedFiles(cached.reports, [report]).find(report)):
            return ReportWithFile(report, file)
        # Not from memory: the caller waits for the very report whose file was missing a moment ago.
        archived = await self._archive.reports(tenant, day, day)
        return ReportWithFile(report, ArchivedFiles(archived.reports, [report]).find(report))

    async def link(self, tenant: str, archived: ArchivedReport, seconds: int) -> str:
        """A link that can only read an archived file, valid for that many seconds.

        Raises:
            LedgerUnavailable: no credentials to sign with.
        """
        return await self._archive.link(tenant, archived, seconds)

    async def _archived(self, tenant: str, first: date, last: date) -> ArchivedReports:
        try:
            return await self._archive.reports(tenant, first, last)
        except LedgerUnavailable as error:
            LOG.warning("listing reports without the archive: %s", error)
            return self._archive.unreadable()


class ArchivedFiles:
    """Finds a report's archived file: by the vendor's id, or else by name, date and format if these fit only one."""

    def __init__(self, archived: Sequence[ArchivedReport], listed: Sequence[Report]) -> None:
        self._by_id = {each.report.report_id: each for each in archived if each.report.report_id}
        self._by_file: dict[FileKey, list[ArchivedReport]] = {}
        for each in archived:
            self._by_file.setdefault(each.key.file, []).append(each)
        self._listed = Counter(ReportKey.of(report).file for report in listed)

    def find(self, report: Report) -> ArchivedReport | None:
        """The archived file of a listed report."""
        if report.report_id and (found := self._by_id.get(report.report_id)):
            return found
        file = ReportKey.of(report).file
        # An earlier version, or another answer of the vendor's, may have known the report without its id.
        candidates = [each for each in self._by_file.get(file, ()) if not (each.report.report_id and report.report_id)]
        return candidates[-1] if candidates and self._listed[file] == 1 else None

    def unlisted(self, listed: Sequence[Report]) -> list[ArchivedReport]:
        """The archived reports that are not among the listed ones, each once."""
        ids = {report.report_id for report in listed if report.report_id}
        files_without_id = {ReportKey.of(report).file for report in listed if not report.report_id}
        unlisted: dict[str | FileKey, ArchivedReport] = {}
        for file, entries in self._by_file.items():
            for each in entries:
                known = each.report.report_id in ids if each.report.report_id else file in self._listed
                if not known and file not in files_without_id:
                    unlisted[each.key.identity] = each
        return list(unlisted.values())


def _united(
    listed: Sequence[Report], archived: Sequence[ArchivedReport]
) -> tuple[list[ReportWithFile], Sequence[ArchivedReport]]:
    """The listed reports with their files and the archived ones that are not listed, in order; and the latter."""
    if not archived:
        return [ReportWithFile(report, None) for report in listed], ()
    files = ArchivedFiles(archived, listed)
    rows = [ReportWithFile(report, files.find(report)) for report in listed]
    unlisted = files.unlisted(listed)
    if unlisted:
        rows += [ReportWithFile(each.report, each) for each in unlisted]
        rows.sort(key=lambda row: row.report.sort_key, reverse=True)
    return rows, unlisted


def _freshness(listing: Freshness, archived: ArchivedReports, unlisted: Sequence[ArchivedReport]) -> Freshness:
    """The listing's, unless rows come from the archive only: those are as old as their records."""
    good_until = min(listing.good_until, archived.good_until)
    if not unlisted:
        return listing if good_until == listing.good_until else listing._replace(good_until=good_until)
    telemetry.count("ledger.archive")
    as_of = min(listing.as_of, *(each.at for each in unlisted))
    return Freshness(Source.ARCHIVE, as_of, good_until, listing.stale)
