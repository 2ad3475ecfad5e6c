"""`reports` and `scheduleReport`: a page of a listing, and scheduling a report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from ledger.answers.freshness import Freshness
from ledger.reports.archive import ArchivedReport
from ledger.reports.catalogue import CatalogueListing, ReportWithFile
from ledger.reports.idempotency import KeyReused
from ledger.reports.schedules import Scheduled
from runtime.clock import rfc3339
from schema.errors import BadUserInput
from schema.limits import arguments
from schema.limits.response_budget import REPORT
from schema.resolvers import cursors
from schema.resolvers.context import Context
from schema.resolvers.paging import Edge, PageInfo
from upstreams.rde.client import ReportFormat, ScheduleRequest, place_of

LONGEST_KEY = 128
LONGEST_NAME = 255
LONGEST_LINK = 4096


@dataclass(slots=True)
class ReportNode:
    """One report of a page."""

    name: str
    raw_format: str
    format: ReportFormat | None
    creation_date: datetime
    download_url: str | None = field(repr=False)
    download_url_expires_at: datetime | None
    _archived: ArchivedReport | None
    _context: Context = field(repr=False)

    async def archive_url(self, expires_in: int | None = None) -> str | None:
        """A read-only link to the archived file that expires after some seconds; None until the file is archived."""
        seconds = arguments.link_seconds(expires_in)
        if self._archived is None:
            return None
        self._context.repeatable = False  # each link expires at a time of its own
        link = await self._context.ledger.catalogue.link(self._context.tenant, self._archived, seconds)
        self._context.budget.take(len(link), 1)
        return link


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Reports, newest first; cursors are made when they are selected."""

    nodes: list[ReportNode]
    binding: tuple[str, ...]
    has_previous: bool
    has_next: bool
    total_count: int
    freshness: Freshness

    def edges(self) -> list[Edge[ReportNode]]:
        """The page's reports with their cursors."""
        return [Edge(self._cursor(node), node) for node in self.nodes]

    def page_info(self) -> PageInfo:
        """Where the page lies in the listing."""
        return PageInfo(
            has_next_page=self.has_next,
            end_cursor=self._cursor(self.nodes[-1]) if self.nodes else None,
            has_previous_page=self.has_previous,
            start_cursor=self._cursor(self.nodes[0]) if self.nodes else None,
        )

    def _cursor(self, report: ReportNode) -> str:
        created, name, raw_format = place_of(report.creation_date, report.name, report.raw_format)
        return cursors.encode(self.binding, (rfc3339(created), name, raw_format))


async def reports(
    context: Context,
    from_: date,
    to: date,
    format: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> ReportPage:
    """A page of the reports created in a period of days; both days count."""
    first_day, last_day = arguments.days(from_, to)
    size, wanted = arguments.first(first, arguments.LARGEST_PAGE), ReportFormat[format] if format else None
    binding = ("reports", context.tenant, format or "")
    position = _position(binding, after)
    listing = await context.ledger.catalogue.listing(context.tenant, first_day, last_day, wanted, context.deadline)
    context.private = True
    context.used(listing.freshness)
    page = _page(context, listing, binding, size, position)
    context.budget.take(len(page.nodes), REPORT)
    context.budget.take(sum(map(len, [report.download_url or "" for report in page.nodes])), 1)
    return page


async def schedule_report(context: Context, input: Mapping[str, Any]) -> Scheduled:
    """Schedule a report; once for each idempotency key."""
    request, key = _schedule_request(**input), input.get("idempotency_key")
    if key is not None and not (key and len(key) <= LONGEST_KEY and key.isprintable()):
        raise BadUserInput(f"idempotencyKey takes 1 to {LONGEST_KEY} printable characters")
    context.private = True
    try:
        return await context.ledger.schedules.schedule(context.tenant, request, key, context.deadline)
    except KeyReused:
        raise BadUserInput("idempotencyKey was used for another report; take a new key for this one") from None


def _schedule_request(
    name: str,
    format: str,
    start_date: datetime,
    end_date: datetime,
    *,
    customization_name: str | None = None,
    download_url: str | None = None,
    idempotency_key: str | None = None,  # noqa: ARG001 - it is ours, not the vendor's
) -> ScheduleRequest:
    """The request to the vendor.

    Raises:
        BadUserInput: a name or a link is empty or too long, or the dates are in the wrong order.
    """
    for argument, value, longest in (
        ("name", name, LONGEST_NAME),
        ("customizationName", customization_name, LONGEST_NAME),
        ("downloadUrl", download_url, LONGEST_LINK),
    ):
        if value is not None and not (value.strip() and len(value) <= longest and value.isprintable()):
            raise BadUserInput(f"{argument} takes 1 to {longest} printable characters")
    if start_date > end_date:
        raise BadUserInput("startDate is after endDate")
    return ScheduleRequest(name, customization_name, ReportFormat[format], start_date, end_date, download_url)


def _position(binding: tuple[str, ...], after: str | None) -> tuple[datetime, str, str] | None:
    if after is None:
        return None
    try:
        created, name, raw_format = cursors.decode(binding, after)
        return cursors.instant(created), name, raw_format
    except ValueError:
        raise BadUserInput(cursors.NOT_VALID) from None


def _page(
    context: Context,
    listing: CatalogueListing,
    binding: tuple[str, ...],
    size: int,
    position: tuple[datetime, str, str] | None,
) -> ReportPage:
    everything = listing.reports
    beyond = [each for each in everything if each.report.place < position] if position else everything
    return ReportPage(
        [_node(context, each) for each in beyond[:size]],
        binding,
        has_previous=len(beyond) < len(everything),
        has_next=len(beyond) > size,
        total_count=len(everything),
        freshness=listing.freshness,
    )


def _node(context: Context, listed: ReportWithFile) -> ReportNode:
    report, archived = listed
    return ReportNode(
        report.name,
        report.raw_format,
        report.format,
        report.creation_date,
        report.download_url,
        report.download_url_expires_at,
        archived,
        context,
    )
