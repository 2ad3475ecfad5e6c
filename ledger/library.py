"""Every report that can still be had: the vendor's listing, and what the archive has kept of reports it lists no more.

Both are looked up side by side, and a row is one report by name and creation date. The archive only ever adds: when it
cannot be read the listing answers alone, and when the vendor fails with no listing held, the archive is no substitute.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from ledger.archive import Archive, Archived, Identity
from ledger.freshness import Freshness, Source
from ledger.reports import Listing, Reports
from ledger.store import LedgerUnavailable
from upstreams.deadline import Deadline
from upstreams.rde import Report, ReportFormat

LOG = logging.getLogger("tally.ledger")


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A report as the vendor lists it, or did; its link is None once dead or for one that is not listed any more."""

    tenant: str
    name: str
    raw_format: str
    format: ReportFormat | None
    creation_date: datetime
    download_url: str | None = field(repr=False)
    download_url_expires_at: datetime | None
    archived: Archived | None


@dataclass(frozen=True, slots=True)
class KeptListing:
    """Reports, newest first, and how fresh they are."""

    reports: list[KeptReport]
    freshness: Freshness


class Library:
    """Every tenant's reports."""

    def __init__(self, reports: Reports, archive: Archive) -> None:
        self._reports = reports
        self._archive = archive

    async def listing(
        self, tenant: str, first: date, last: date, report_format: ReportFormat | None, deadline: Deadline
    ) -> KeptListing:
        """The reports created from the first to the last day, both counted.

        Raises:
            UpstreamError: the upstream failed and no listing is held.
        """
        listed = self._reports.listing(tenant, first, last, report_format, deadline)
        archived = self._archive.remembered(tenant, first, last)
        if archived is not None:
            return _united(tenant, await listed, archived, report_format)
        looking = asyncio.create_task(self._archived(tenant, first, last))
        try:
            return _united(tenant, await listed, await looking, report_format)
        finally:
            looking.cancel()  # when the vendor fails, nobody is left to wait for the archive

    async def link(self, report: KeptReport, seconds: int) -> str | None:
        """A link to the archived file, read-only and good for that many seconds; None until it is archived.

        Raises:
            LedgerUnavailable: no credentials to sign with.
        """
        if report.archived is None:
            return None
        return await self._archive.link(report.tenant, report.archived, seconds)

    async def _archived(self, tenant: str, first: date, last: date) -> Sequence[Archived]:
        try:
            return await self._archive.reports(tenant, first, last)
        except LedgerUnavailable as error:
            LOG.warning("listing reports without the archive: %s", error)
            return ()


def _united(
    tenant: str, listing: Listing, archived: Sequence[Archived], report_format: ReportFormat | None
) -> KeptListing:
    wanted = [each for each in archived if report_format is None or each.identity.format is report_format]
    files = {each.identity.file: each for each in wanted}
    rows = {
        (report.name, report.creation_date): _listed(tenant, report, files.get(Identity.of(report).file))
        for report in listing.reports
    }
    gone = {key: each for each in wanted if (key := (each.identity.name, each.identity.creation_date)) not in rows}
    rows |= {key: _unlisted(tenant, each) for key, each in gone.items()}
    reports = sorted(rows.values(), key=lambda report: (report.creation_date, report.name), reverse=True)
    return KeptListing(reports, _freshness(listing.freshness, list(gone.values())))


def _listed(tenant: str, report: Report, archived: Archived | None) -> KeptReport:
    return KeptReport(
        tenant,
        report.name,
        report.raw_format,
        report.format,
        report.creation_date,
        report.download_url,
        report.download_url_expires_at,
        archived,
    )


def _unlisted(tenant: str, archived: Archived) -> KeptReport:
    known = archived.identity
    return KeptReport(tenant, known.name, known.raw_format, known.format, known.creation_date, None, None, archived)


def _freshness(listing: Freshness, gone: Sequence[Archived]) -> Freshness:
    """The listing's, unless rows come from the archive only: those are as old as their records."""
    if not gone:
        return listing
    return replace(listing, source=Source.ARCHIVE, as_of=min(listing.as_of, *(each.at for each in gone)))
