"""`reports` and `scheduleReport`: a page of a listing, and a report that is made."""

from dataclasses import dataclass
from datetime import date, datetime

from ledger.freshness import Freshness
from ledger.idempotency import KeyReused
from ledger.moments import rfc3339
from ledger.reports import Listing
from ledger.schedules import Scheduled
from schema import cursors, inputs
from schema.context import Context
from schema.errors import BadUserInput
from schema.resolvers.paging import Edge, PageInfo
from upstreams.rde import Report, ReportFormat, ScheduleRequest

LONGEST_KEY = 128


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Reports, newest first."""

    nodes: list[Report]
    edges: list[Edge[Report]]
    page_info: PageInfo
    total_count: int
    freshness: Freshness


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
    listing = await context.ledger.reports.listing(context.tenant, first_day, last_day, wanted, context.deadline)
    context.private = True
    return _page(listing, binding, size, place)


async def schedule_report(context: Context, request: ScheduleRequest, key: str | None) -> Scheduled:
    """Have a report made, once under a key."""
    if key is not None and not (key and len(key) <= LONGEST_KEY and key.isprintable()):
        raise BadUserInput(f"idempotencyKey takes 1 to {LONGEST_KEY} printable characters")
    context.private = True
    try:
        return await context.ledger.schedules.schedule(context.tenant, request, key, context.deadline)
    except KeyReused:
        raise BadUserInput("idempotencyKey stands for another report; take a new key for this one") from None


def _place(binding: tuple[str, ...], after: str | None) -> tuple[datetime, str] | None:
    if after is None:
        return None
    try:
        created, name = cursors.decode(binding, after)
        return datetime.fromisoformat(created), name
    except ValueError:
        raise BadUserInput("after is no cursor of this list") from None


def _page(listing: Listing, binding: tuple[str, ...], size: int, place: tuple[datetime, str] | None) -> ReportPage:
    everything = listing.reports
    beyond = [r for r in everything if place is None or (r.creation_date, r.name) < place]
    nodes = beyond[:size]
    edges = [Edge(cursors.encode(binding, (rfc3339(node.creation_date), node.name)), node) for node in nodes]
    return ReportPage(
        nodes=nodes,
        edges=edges,
        page_info=PageInfo(
            has_next_page=len(beyond) > size,
            end_cursor=edges[-1].cursor if edges else None,
            has_previous_page=len(beyond) < len(everything),
            start_cursor=edges[0].cursor if edges else None,
        ),
        total_count=len(everything),
        freshness=listing.freshness,
    )
