"""`reports` and `scheduleReport`: the reseller's RDE reports."""

from datetime import date, datetime

import strawberry
from strawberry import UNSET

from ledger.moments import rfc3339
from ledger.reports import Listing
from schema import cursors, inputs
from schema.context import Context
from schema.errors import BadUserInput
from schema.inputs import given
from schema.types import Freshness, PageInfo
from upstreams import rde
from upstreams.rde import ReportFormat

LONGEST_NAME = 255
LONGEST_LINK = 4096


@strawberry.type(description="One report that RDE has made.")
class Report:
    """See `upstreams.rde.Report`."""

    name: str
    format: ReportFormat | None = strawberry.field(description="Null for a format we do not know; see rawFormat.")
    raw_format: str = strawberry.field(description="The format in the vendor's own spelling.")
    creation_date: datetime
    download_url: str | None = strawberry.field(
        description="The vendor's link. It may write and delete: do not pass it on. Null once dead."
    )
    download_url_expires_at: datetime | None

    @classmethod
    def of(cls, report: rde.Report) -> "Report":
        """The GraphQL form of a report."""
        return cls(
            name=report.name,
            format=report.format,
            raw_format=report.raw_format,
            creation_date=report.creation_date,
            download_url=report.download_url,
            download_url_expires_at=report.download_url_expires_at,
        )


@strawberry.type
class ReportEdge:
    """A report and its place in the list."""

    cursor: str
    node: Report


@strawberry.type(description="Reports, newest first.")
class ReportConnection:
    """A page of a listing."""

    nodes: list[Report]
    edges: list[ReportEdge]
    page_info: PageInfo
    total_count: int = strawberry.field(description="How many reports the whole period has.")
    freshness: Freshness


@strawberry.input(description="A one-time report to make.")
class ScheduleReportInput:
    """See `upstreams.rde.ScheduleRequest`."""

    name: str
    format: ReportFormat
    start_date: datetime
    end_date: datetime
    customization_name: str | None = UNSET
    download_url: str | None = UNSET
    idempotency_key: str | None = strawberry.field(
        default=UNSET,
        description="Under one key a report is scheduled once, however often this is called (for 24 hours).",
    )

    def checked(self) -> rde.ScheduleRequest:
        """The request to the vendor.

        Raises:
            BadUserInput: a name or a link is empty or too long, or the dates are the wrong way round.
        """
        for name, value, longest in (
            ("name", self.name, LONGEST_NAME),
            ("customizationName", given(self.customization_name), LONGEST_NAME),
            ("downloadUrl", given(self.download_url), LONGEST_LINK),
        ):
            if value is not None and not (value.strip() and len(value) <= longest and value.isprintable()):
                raise BadUserInput(f"{name} takes 1 to {longest} printable characters")
        if self.start_date > self.end_date:
            raise BadUserInput("startDate is after endDate")
        return rde.ScheduleRequest(
            self.name,
            given(self.customization_name),
            self.format,
            self.start_date,
            self.end_date,
            given(self.download_url),
        )


@strawberry.type(description="What RDE says of a report that was scheduled.")
class ScheduledReport:
    """See `upstreams.rde.ScheduledReport`."""

    id: strawberry.ID
    name: str
    customization_name: str | None
    status: str
    type: str
    format: ReportFormat | None
    raw_format: str
    creation_date: datetime
    start_date: datetime
    end_date: datetime
    download_url: str | None
    download_url_expires_at: datetime | None

    @classmethod
    def of(cls, report: rde.ScheduledReport) -> "ScheduledReport":
        """The GraphQL form of a scheduled report."""
        return cls(
            id=strawberry.ID(report.id),
            name=report.name,
            customization_name=report.customization_name,
            status=report.status,
            type=report.type,
            format=report.format,
            raw_format=report.raw_format,
            creation_date=report.creation_date,
            start_date=report.start_date,
            end_date=report.end_date,
            download_url=report.download_url,
            download_url_expires_at=report.download_url_expires_at,
        )


@strawberry.type
class ScheduleReportPayload:
    """A scheduled report; `replayed` says that an earlier call under the same key had scheduled it."""

    report: ScheduledReport
    replayed: bool


async def list_reports(
    context: Context, first_day: date, last_day: date, wanted: ReportFormat | None, size: int | None, after: str | None
) -> ReportConnection:
    """A page of the reports created in a period of days."""
    first_day, last_day = inputs.days(first_day, last_day)
    size = inputs.first(size, inputs.LARGEST_PAGE)
    binding = ("reports", context.tenant, wanted.name if wanted else "")
    place = _place(binding, after)
    listing = await context.ledger.reports.listing(context.tenant, first_day, last_day, wanted, context.deadline)
    context.private = True
    return _page(listing, binding, size, place)


async def schedule_report(context: Context, given: ScheduleReportInput) -> ScheduleReportPayload:
    """Have a report made."""
    report = await context.ledger.reports.schedule(context.tenant, given.checked(), context.deadline)
    context.private = True
    return ScheduleReportPayload(report=ScheduledReport.of(report), replayed=False)


def _place(binding: tuple[str, ...], after: str | None) -> tuple[datetime, str] | None:
    if after is None:
        return None
    try:
        created, name = cursors.decode(binding, after)
        return datetime.fromisoformat(created), name
    except ValueError:
        raise BadUserInput("after is no cursor of this list") from None


def _page(
    listing: Listing, binding: tuple[str, ...], size: int, place: tuple[datetime, str] | None
) -> ReportConnection:
    everything = listing.reports
    beyond = [r for r in everything if place is None or (r.creation_date, r.name) < place]
    nodes = [Report.of(report) for report in beyond[:size]]
    edges = [
        ReportEdge(cursor=cursors.encode(binding, (rfc3339(node.creation_date), node.name)), node=node)
        for node in nodes
    ]
    return ReportConnection(
        nodes=nodes,
        edges=edges,
        page_info=PageInfo(
            has_next_page=len(beyond) > size,
            end_cursor=edges[-1].cursor if edges else None,
            has_previous_page=len(beyond) < len(everything),
            start_cursor=edges[0].cursor if edges else None,
        ),
        total_count=len(everything),
        freshness=Freshness.of(listing.freshness),
    )
