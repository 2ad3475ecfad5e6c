"""Every report that can still be had: the vendor's listing, and what the archive has kept of reports it lists no more.

Both are looked up side by side, and a row is one report by name, creation date and format: the vendor may make one in
two formats at once. The archive only ever adds: when it cannot be read the listing answers alone, and when the vendor
fails with no listing held, the archive is no substitute.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from ledger.answers.freshness import Freshness, Source
from ledger.reports.archive import Archive, ArchivedReport, ArchivedReports, ReportKey
from ledger.reports.listings import Listing, Reports
from ledger.storage.store import LedgerUnavailable
from runtime import telemetry
from runtime.deadline import Deadline
from upstreams.rde.client import Report, ReportFormat

LOG = logging.getLogger("tally.ledger")


class ReportWithFile(NamedTuple):
    """A report as the vendor lists it, or did (then without a link), and its archived file, if there is one."""

    report: Report
    archived: ArchivedReport | None


@dataclass(frozen=True, slots=True)
class CatalogueListing:
    """Reports, newest first, and how fresh they are."""

    reports: Sequence[ReportWithFile]
    freshness: Freshness


class ReportCatalogue:
    """Every tenant's reports."""

    def __init__(self, reports: Reports, archive: Archive) -> None:
        self._reports = reports
        self._archive = archive

    async def listing(
        self, tenant: str, first: date, last: date, report_format: ReportFormat | None, deadline: Deadline
    ) -> CatalogueListing:
        """The reports created from the first to the last day, both counted.

        Raises:
            UpstreamError: the upstream failed and no listing is held.
        """
        listed = self._reports.listing(tenant, first, last, report_format, deadline)
        shelf = self._archive.remembered(tenant, first, last)
        if shelf is not None:
            return _united(await listed, shelf, report_format)
        looking = asyncio.create_task(self._look_up(tenant, first, last))
        try:
            return _united(await listed, await looking, report_format)
        finally:
            looking.cancel()  # when the vendor fails, nobody is left to wait for the archive

    async def link(self, tenant: str, archived: ArchivedReport, seconds: int) -> str:
        """A link that reads an archived file for that many seconds, and can do nothing else.

        Raises:
            LedgerUnavailable: no credentials to sign with.
        """
        return await self._archive.link(tenant, archived, seconds)

    async def _look_up(self, tenant: str, first: date, last: date) -> ArchivedReports:
        try:
            return await self._archive.reports(tenant, first, last)
        except LedgerUnavailable as error:
            LOG.warning("listing reports without the archive: %s", error)
            return self._archive.unknown()


def _united(listing: Listing, shelf: ArchivedReports, report_format: ReportFormat | None) -> CatalogueListing:
    """The listing's rows, one for each report and in order, and those of the shelf that are not among them."""
    wanted = [each for each in shelf.reports if report_format is None or each.identity.format is report_format]
    if not wanted:
        return CatalogueListing(
            [ReportWithFile(report, None) for report in listing.reports], _freshness(listing.freshness, shelf, ())
        )
    files = {each.identity.file: each for each in wanted}
    listed = [ReportKey.of(report).file for report in listing.reports]
    rows = [ReportWithFile(report, files.get(file)) for report, file in zip(listing.reports, listed, strict=True)]
    gone = [files[file] for file in files.keys() - set(listed)]
    if gone:
        rows += [ReportWithFile(_unlisted(each.identity), each) for each in gone]
        rows.sort(key=lambda kept: kept.report.place, reverse=True)
    return CatalogueListing(rows, _freshness(listing.freshness, shelf, gone))


def _unlisted(known: ReportKey) -> Report:
    return Report(known.name, known.raw_format, known.format, known.creation_date, None, None)


def _freshness(listing: Freshness, shelf: ArchivedReports, gone: Sequence[ArchivedReport]) -> Freshness:
    """The listing's, unless rows come from the archive only: those are as old as their records."""
    good_until = min(listing.good_until, shelf.good_until)
    if not gone:
        return listing._replace(good_until=good_until)
    telemetry.count("ledger.archive")
    as_of = min(listing.as_of, *(each.at for each in gone))
    return Freshness(Source.ARCHIVE, as_of, good_until, listing.stale)
