"""The types of `reports`, `scheduledReport` and `scheduleReport`; what they do is in `schema.resolvers.reports`."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from ledger.contents.columns import CellType
from ledger.contents.previews import PreviewState
from schema.limits.arguments import DEFAULT_PAGE, LINK_SECONDS, PREVIEW_ROWS
from schema.resolvers.reports.listing import ReportNode
from schema.types.basics import Freshness, Node, PageInfo, described
from upstreams.rde.client import ReportFormat, ReportStatus, ReportType

Seconds = Annotated[int | None, strawberry.argument(description="How long the link is valid, 1 to 43,200 seconds.")]

SheetName = Annotated[
    str | None, strawberry.argument(description="A sheet of a workbook; the first with columns without it.")
]
CellFilters = Annotated[
    list["ReportCellFilter"] | None,
    strawberry.argument(description="Which rows count; all of the filters have to fit."),
]
RowsFirst = Annotated[int, strawberry.argument(description="The page's size, 1 to 10,000 rows.")]
RowsAfter = Annotated[
    str | None, strawberry.argument(description="The `endCursor` of the page before, of the same sheet and filters.")
]
PreviewRows = Annotated[int, strawberry.argument(description="How many rows, 1 to 100.")]


async def archive_url_of(report: strawberry.Parent[ReportNode], expires_in: Seconds = LINK_SECONDS) -> str | None:
    """Sign a link to the archived file."""
    return await report.archive_url(expires_in)


async def preview_of(
    report: strawberry.Parent[ReportNode], sheet: SheetName = UNSET, first: PreviewRows = PREVIEW_ROWS
) -> Any:
    """Read the first rows."""
    return await report.preview(sheet or None, first)


@strawberry.type(description="A column of a report's file; the figures are of all rows.")
class ReportColumn:
    name: str = described("Its name in the header; where two are equal, the second has a number.")
    type: CellType = described("What all of its cells are.")
    nulls: int = described("How many rows have no cell here.")
    distinct: int | None = described("How many different cells; null beyond 1,000.")
    min: str | None = described("The smallest cell, by number or time where the column has such a type.")
    max: str | None = described("The largest cell.")
    sum: Decimal | None = described("The exact sum of an `INTEGER` or `DECIMAL` column.")


@strawberry.type(description="What is inside a report's file.")
class ReportPreview:
    state: PreviewState = described("Whether the file could be opened.")
    reason: str | None = described("Why it could not.")
    sheets: list[str] = described("The sheets of a workbook, in its order; empty for other files.")
    columns: list[ReportColumn] = described("The columns of the sheet.")
    rows: list[list[str | None]] = described(
        "The first rows, cells in the order of the columns, exactly as written; null for an empty cell."
    )
    row_count: int | None = described("How many rows the whole sheet has, without the header.")
    signature: str | None = described("The same for all sheets with these columns, such as the months of one report.")


@strawberry.input(description="What the cells of one column have to be. Conditions, and filters, are joined by and.")
class ReportCellFilter:
    column: str = described("The column's name.")
    equals: str | None = described("This text; an empty one finds empty cells.", default=UNSET)
    starts_with: str | None = described("A text that begins so.", default=UNSET)
    min: Decimal | None = described("At least this number, in an `INTEGER` or `DECIMAL` column.", default=UNSET)
    max: Decimal | None = described("At most this number, likewise.", default=UNSET)


@strawberry.type(description="A page of a report's rows, in the order of the file.")
class ReportRows:
    columns: list[str] = described("The columns' names.")
    rows: list[list[str | None]] = described(
        "The rows of the page, cells in the order of the columns, exactly as written; null for an empty cell."
    )
    total_count: int = described("How many rows of the whole sheet fit the filters.")
    page_info: PageInfo = described("Where the page lies among them.")


async def rows_of(
    report: strawberry.Parent[ReportNode],
    sheet: SheetName = UNSET,
    where: CellFilters = UNSET,
    first: RowsFirst = DEFAULT_PAGE,
    after: RowsAfter = UNSET,
) -> Any:
    """Read a page of rows."""
    given = [as_conditions(each) for each in where] if where else None
    return await report.rows(sheet or None, given, first, after or None)


def as_conditions(where: ReportCellFilter) -> dict[str, Any]:
    """The conditions that were given."""
    return {name: value for name, value in vars(where).items() if value is not UNSET}


@strawberry.type(description="One report of the vendor.")
class Report(Node):
    report_id: strawberry.ID | None = described("The vendor's id, if it gives one.")
    name: str = described("The report's name.")
    customization_name: str | None = described("The customization that it uses.")
    status: ReportStatus = described("How far the report is.")
    type: ReportType = described("What caused the report to be made.")
    format: ReportFormat | None = described("The file format; null for one that we do not know, see `rawFormat`.")
    raw_format: str = described("The file format in the vendor's own spelling; empty if it gives none.")
    creation_date: datetime | None = described(
        "When the file was created; null while there is none. Reports are ordered by it, or else by `startDate`."
    )
    start_date: datetime | None = described("Where the report's period begins.")
    end_date: datetime | None = described("Where the report's period ends.")
    download_url: str | None = described(
        "The vendor's link. It may also write and delete: do not pass it on. Null before it works, and once it has "
        "expired."
    )
    download_url_expires_at: datetime | None = described("When the vendor's link expires; null if that is unknown.")
    archive_url: str | None = described(
        "A link to our copy: read-only, valid for `expiresIn` seconds (1 to 43,200), and no longer than the "
        "credentials that signed it. Null until the file is archived.",
        resolver=archive_url_of,
    )

    bytes: str | None = described("The size of the archived file; null until it has been opened.")
    sha256: str | None = described("The SHA-256 of the archived file, in hex; null until it has been opened.")
    duplicate_of: strawberry.ID | None = described(
        "The id of the first report, by creation date, whose file has the same bytes; null if this one is it."
    )
    preview: ReportPreview | None = described(
        "A sheet's columns and first rows. Needs the scope `reports:content`.", resolver=preview_of
    )

    rows: ReportRows | None = described(
        "A page of a sheet's rows; null until the file has been opened. Needs the scope `reports:content`.",
        resolver=rows_of,
    )

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, ReportNode)


@strawberry.type(description="A report and its cursor.")
class ReportEdge:
    cursor: str = described("For `after`: the page that begins behind this report.")
    node: Report = described("The report.")


@strawberry.type(description="Reports, newest first.")
class ReportConnection:
    nodes: list[Report] = described("The reports of the page.")
    edges: list[ReportEdge] = described("The reports of the page with their cursors.")
    page_info: PageInfo = described("Where the page lies in the listing.")
    total_count: int = described("How many matching reports the whole period has, not only the page.")
    unreadable: int = described(
        "How many elements of the vendor's listing could not be read. They are missing from this list."
    )
    freshness: Freshness = described("Where the listing came from and how old it is.")


@strawberry.input(description="A one-time report to schedule.")
class ScheduleReportInput:
    name: str = described("The report's name, 1 to 255 printable characters.")
    start_date: datetime = described("Where the report's period begins.")
    end_date: datetime | None = described(
        "Where the report's period ends; the vendor decides without it.", default=UNSET
    )
    format: ReportFormat | None = described("The file format; may be left to the vendor.", default=UNSET)
    customization_name: str | None = described("The customization to use, 1 to 255 characters.", default=UNSET)
    download_url: str | None = described("Where the vendor shall put the file, up to 4,096 characters.", default=UNSET)
    idempotency_key: str | None = described(
        "Under one key a report is scheduled once, however often this is called within 24 hours; 1 to 128 characters.",
        default=UNSET,
    )


@strawberry.type(description="A scheduled report, as the vendor last described it.")
class ScheduledReport:
    id: strawberry.ID = described("What `scheduledReport` takes: the vendor's id, or ours if it gives none.")
    name: str = described("The report's name.")
    customization_name: str | None = described("The customization that it uses.")
    status: str = described("The vendor's word for its state.")
    type: str = described("The vendor's word for its type.")
    format: ReportFormat | None = described("The file format; null for one that we do not know, see `rawFormat`.")
    raw_format: str = described("The file format in the vendor's own spelling.")
    creation_date: datetime | None = described("When the file was created; null while there is none.")
    start_date: datetime = described("Where the report's period begins.")
    end_date: datetime | None = described("Where the report's period ends.")
    download_url: str | None = described("The vendor's link. It may also write and delete: do not pass it on.")
    download_url_expires_at: datetime | None = described("When the vendor's link expires; null if that is unknown.")
    report: Report = described("The same report as `reports` lists it.")


@strawberry.type(description="The result of scheduling a report.")
class ScheduleReportPayload:
    report: ScheduledReport = described("The scheduled report.")
    replayed: bool = described("Whether an earlier call with the same idempotency key had scheduled it.")
