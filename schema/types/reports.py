"""The types of `reports` and `scheduleReport`; what they do is in `schema.resolvers.reports`."""

from datetime import datetime

import strawberry
from strawberry import UNSET

from schema.resolvers.reports import ReportNode as Kept
from schema.types.basics import Freshness, PageInfo
from upstreams.rde.client import ReportFormat


async def archive_url_of(report: strawberry.Parent[Kept], expires_in: int | None = 900) -> str | None:
    """Sign a link to the archived file."""
    return await report.archive_url(expires_in)


@strawberry.type(description="One report that RDE has made.")
class Report:
    name: str
    format: ReportFormat | None = strawberry.field(description="Null for a format we do not know; see rawFormat.")
    raw_format: str = strawberry.field(description="The format in the vendor's own spelling.")
    creation_date: datetime
    download_url: str | None = strawberry.field(
        description="The vendor's link. It may write and delete: do not pass it on. Null once dead."
    )
    download_url_expires_at: datetime | None
    archive_url: str | None = strawberry.field(
        resolver=archive_url_of,
        description="Our copy's link: it can only read, lives for `expiresIn` seconds (1 to 43200), and no longer than "
        "the credentials that signed it. Null until the file is archived.",
    )


@strawberry.type
class ReportEdge:
    cursor: str
    node: Report


@strawberry.type(description="Reports, newest first.")
class ReportConnection:
    nodes: list[Report]
    edges: list[ReportEdge]
    page_info: PageInfo
    total_count: int = strawberry.field(description="How many reports the whole period has.")
    freshness: Freshness


@strawberry.input(description="A one-time report to make.")
class ScheduleReportInput:
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


@strawberry.type(description="What RDE says of a report that was scheduled.")
class ScheduledReport:
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


@strawberry.type
class ScheduleReportPayload:
    report: ScheduledReport
    replayed: bool
