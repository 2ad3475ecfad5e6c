"""The types of `reports` and `scheduleReport`; what they do is in `schema.resolvers.reports`."""

from datetime import datetime
from typing import Annotated

import strawberry
from strawberry import UNSET

from schema.limits.arguments import LINK_SECONDS
from schema.resolvers.reports import ReportNode
from schema.types.basics import Freshness, PageInfo, described
from upstreams.rde.client import ReportFormat

Seconds = Annotated[int | None, strawberry.argument(description="How long the link is valid, 1 to 43,200 seconds.")]


async def archive_url_of(report: strawberry.Parent[ReportNode], expires_in: Seconds = LINK_SECONDS) -> str | None:
    """Sign a link to the archived file."""
    return await report.archive_url(expires_in)


@strawberry.type(description="One report of the vendor.")
class Report:
    name: str = described("The report's name.")
    format: ReportFormat | None = described("The file format; null for one that we do not know, see `rawFormat`.")
    raw_format: str = described("The file format in the vendor's own spelling.")
    creation_date: datetime = described("When the file was created.")
    download_url: str | None = described(
        "The vendor's link. It may also write and delete: do not pass it on. Null once it has expired."
    )
    download_url_expires_at: datetime | None = described("When the vendor's link expires; null if that is unknown.")
    archive_url: str | None = described(
        "A link to our copy: read-only, valid for `expiresIn` seconds (1 to 43,200), and no longer than the "
        "credentials that signed it. Null until the file is archived.",
        resolver=archive_url_of,
    )


@strawberry.type(description="A report and its cursor.")
class ReportEdge:
    cursor: str = described("For `after`: the page that begins behind this report.")
    node: Report = described("The report.")


@strawberry.type(description="Reports, newest first.")
class ReportConnection:
    nodes: list[Report] = described("The reports of the page.")
    edges: list[ReportEdge] = described("The reports of the page with their cursors.")
    page_info: PageInfo = described("Where the page lies in the listing.")
    total_count: int = described("How many reports the whole period has, not only the page.")
    freshness: Freshness = described("Where the listing came from and how old it is.")


@strawberry.input(description="A one-time report to schedule.")
class ScheduleReportInput:
    name: str = described("The report's name, 1 to 255 printable characters.")
    format: ReportFormat = described("The file format.")
    start_date: datetime = described("Where the report's period begins.")
    end_date: datetime = described("Where the report's period ends.")
    customization_name: str | None = described("The customization to use, 1 to 255 characters.", default=UNSET)
    download_url: str | None = described("Where the vendor shall put the file, up to 4,096 characters.", default=UNSET)
    idempotency_key: str | None = described(
        "Under one key a report is scheduled once, however often this is called within 24 hours; 1 to 128 characters.",
        default=UNSET,
    )


@strawberry.type(description="What the vendor answered about a scheduled report.")
class ScheduledReport:
    id: strawberry.ID = described("The vendor's id.")
    name: str = described("The report's name.")
    customization_name: str | None = described("The customization that it uses.")
    status: str = described("The vendor's word for its state.")
    type: str = described("The vendor's word for its type.")
    format: ReportFormat | None = described("The file format; null for one that we do not know, see `rawFormat`.")
    raw_format: str = described("The file format in the vendor's own spelling.")
    creation_date: datetime = described("When the file was created.")
    start_date: datetime = described("Where the report's period begins.")
    end_date: datetime = described("Where the report's period ends.")
    download_url: str | None = described("The vendor's link. It may also write and delete: do not pass it on.")
    download_url_expires_at: datetime | None = described("When the vendor's link expires; null if that is unknown.")


@strawberry.type(description="The result of scheduling a report.")
class ScheduleReportPayload:
    report: ScheduledReport = described("The scheduled report.")
    replayed: bool = described("Whether an earlier call with the same idempotency key had scheduled it.")
