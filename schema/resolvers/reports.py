"""`reports` and `scheduleReport`: a page of a listing, and a report that is made."""

from dataclasses import dataclass, field
from datetime import date, datetime

from ledger.answers.freshness import Freshness
from ledger.reports.archive import ArchivedReport
from ledger.reports.catalogue import CatalogueListing, ReportWithFile
from ledger.reports.idempotency import KeyReused
from ledger.reports.schedules import Scheduled
from runtime.clock import rfc3339
from schema.errors import BadUserInput
from schema.limits import arguments as inputs
from schema.limits.response_budget import REPORT
from schema.resolvers import cursors
from schema.resolvers.context import Context
from schema.resolvers.paging import Edge, PageInfo
from upstreams.rde.client import ReportFormat, ScheduleRequest, place_of

LONGEST_KEY = 128


@dataclass(slots=True)
class ReportNode:
    """One report, as the schema declares it."""

    name: str
    raw_format: str
    format: ReportFormat | None
    creation_date: datetime
    download_url: str | None = field(repr=False)
    download_url_expires_at: datetime | None
    _archived: ArchivedReport | None
    _context: Context = field(repr=False)

    async def archive_url(self, expiresIn: int | None = None) -> str | None:  # noqa: N803 - called by the contract's name
        """A link to the archived file, read-only and good for some seconds; None until the file is archived."""
        seconds = inputs.link_seconds(expiresIn)
        if self._archived is None:
            return None
        self._context.repeatable = False  # each link's life begins when it is made
        link = await self._context.ledger.catalogue.link(self._context.tenant, self._archived, seconds)
        self._context.budget.take(len(link), 1)
        return link


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Reports, newest first; cursors are made when they are asked for."""

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
    first_day: date,
    last_day: date,
    wanted: ReportFormat | None,
    page: tuple[int | None, str | None],
) -> ReportPage:
    """A page of the reports created in a period of days."""
    first_day, last_day = inputs.days(first_day, last_day)
    size = inputs.first(page[0], inputs.LARGEST_PAGE)
    binding = ("reports", context.tenant, wanted.name if wanted else "")
    place = _place(binding, page[1])
    listing = await context.ledger.catalogue.listing(context.tenant, first_day, last_day, wanted, context.deadline)
    context.private = True
    context.used(listing.freshness)
    shown = _page(context, listing, binding, size, place)
    context.budget.take(len(shown.nodes), REPORT)
    context.budget.take(sum(len(report.download_url or "") for report in shown.nodes), 1)
    return shown


async def schedule_report(context: Context, request: ScheduleRequest, key: str | None) -> Scheduled:
    """Have a report made, once under a key."""
    if key is not None and not (key and len(key) <= LONGEST_KEY and key.isprintable()):
        raise BadUserInput(f"idempotencyKey takes 1 to {LONGEST_KEY} printable characters")
    context.private = True
    try:
        return await context.ledger.schedules.schedule(context.tenant, request, key, context.deadline)
    except KeyReused:
        raise BadUserInput("idempotencyKey stands for another report; take a new key for this one") from None


def _place(binding: tuple[str, ...], after: str | None) -> tuple[datetime, str, str] | None:
    if after is None:
        return None
    try:
        created, name, raw_format = cursors.decode(binding, after)
        return cursors.instant(created), name, raw_format
    except ValueError:
        raise BadUserInput("after is no cursor of this list") from None


def _page(
    context: Context,
    listing: CatalogueListing,
    binding: tuple[str, ...],
    size: int,
    place: tuple[datetime, str, str] | None,
) -> ReportPage:
    everything = listing.reports
    beyond = [kept for kept in everything if kept.report.place < place] if place else everything
    return ReportPage(
        [_shown(context, kept) for kept in beyond[:size]],
        binding,
        has_previous=len(beyond) < len(everything),
        has_next=len(beyond) > size,
        total_count=len(everything),
        freshness=listing.freshness,
    )


def _shown(context: Context, kept: ReportWithFile) -> ReportNode:
    report, archived = kept
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
