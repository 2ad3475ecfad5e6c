"""Types that both halves of the schema use, and the enums."""

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry

from ledger.answers.freshness import Source
from ledger.contents.columns import CellType
from ledger.contents.previews import PreviewState
from ledger.figures.summaries import SummaryKey
from upstreams.openmarket.client import CreditState
from upstreams.rde.client import ReportFormat, ReportStatus, ReportType


def described(text: str, **options: Any) -> Any:
    """A field with a description; a test holds that every field has one."""
    return strawberry.field(description=text, **options)


def declare_enum(python_enum: type[Enum], description: str, members: dict[str, str], name: str | None = None) -> None:
    """Make a GraphQL enum of a Python enum, with a description for each member."""
    strawberry.enum(python_enum, name=name, description=description)
    for value in python_enum.__strawberry_definition__.values:  # type: ignore[attr-defined]  # set by strawberry.enum
        value.description = members[value.name]


declare_enum(
    Source,
    "Where an answer came from.",
    {
        "UPSTREAM": "At least a part was fetched from the vendor for this answer.",
        "CACHE": "All of it was stored already.",
        "ARCHIVE": "At least one row is known from the archive only: the vendor does not list it any more.",
    },
)
declare_enum(
    CreditState,
    "The state of a credit.",
    {
        "SUCCESS": "The credit was applied: `success` or `confirmed` in the vendor's words.",
        "FAILED": "The credit failed and will not be tried again.",
        "PENDING": "Not finished yet: `pending` or `retrying` in the vendor's words.",
        "UNKNOWN": "Any other word; see `rawOutcome`.",
    },
)
declare_enum(
    ReportFormat,
    "The file format of a report.",
    {"JSON": "JSON.", "XML": "XML.", "CSV": "Comma-separated values.", "XLSX": "A spreadsheet (Office Open XML)."},
)
declare_enum(
    ReportStatus,
    "How far a report is.",
    {
        "SUBMITTED": "It waits to be made.",
        "PROCESSING": "It is being made.",
        "COMPLETED": "Its file exists. A report whose status the vendor does not give counts so once it has a file.",
        "ERROR": "It could not be made.",
        "UNKNOWN": "The vendor gives no status, or one that its description does not have.",
    },
)
declare_enum(
    ReportType,
    "What causes a report to be made.",
    {
        "PERIODIC": "A schedule.",
        "DAILY": "A daily schedule.",
        "MONTHLY": "A monthly schedule.",
        "ONETIME": "A single request, as by `scheduleReport`.",
        "ON_INVOICE": "An invoice.",
        "UNKNOWN": "The vendor gives no type, or one that its description does not have.",
    },
)


declare_enum(
    PreviewState,
    "Whether a report's file could be opened.",
    {
        "READY": "It could.",
        "PENDING": "It has not been archived or opened yet.",
        "UNSUPPORTED": "It is of a kind that is not read, or holds no table.",
        "TOO_LARGE": "It is, or unpacks to, more than is read.",
        "BROKEN": "It is damaged, cut off or encrypted.",
    },
)
declare_enum(
    CellType,
    "What all cells of a column are.",
    {
        "STRING": "Texts, and digits with leading zeros or more than 15 of them.",
        "INTEGER": "Whole numbers.",
        "DECIMAL": "Numbers, some of them with decimals.",
        "BOOLEAN": "`true` and `false`.",
        "DATE": "Days: `2026-11-20`.",
        "DATETIME": "Moments in ISO 8601, perhaps some days among them.",
    },
    name="ColumnType",
)


class CreditLogOrder(Enum):
    """The two orders of the log; resolvers get the names."""

    OLDEST_FIRST = "OLDEST_FIRST"
    NEWEST_FIRST = "NEWEST_FIRST"


declare_enum(
    CreditLogOrder,
    "The order of the log. A cursor belongs to its order.",
    {"OLDEST_FIRST": "By time, then by id.", "NEWEST_FIRST": "The opposite."},
)
declare_enum(
    SummaryKey,
    "What a summary can be split by.",
    {
        "HOUR": "The hour.",
        "DAY": "The day, in the time zone.",
        "WEEK": "The week from Monday, in the time zone.",
        "MONTH": "The month, in the time zone.",
        "NETWORK": "The mobile network, in the vendor's spelling.",
        "OUTCOME": "The state of the credits.",
        "AMOUNT": "The amount of one credit (price point).",
        "CURRENCY": "The currency; a summary is always split by it.",
    },
    name="CreditLogKey",
)


@strawberry.interface(description="An object with a global id.")
class Node:
    id: strawberry.ID = described("Global, stable and opaque: for `node`, and for clients that cache by id.")


@strawberry.type(description="Where an answer came from and how old it is.")
class Freshness:
    source: Source = described("Where the data came from.")
    as_of: datetime = described(
        "The oldest fetch among the data that may still change; where none may, the newest fetch."
    )
    stale: bool = described("A refresh was due and the vendor failed: these are the newest data there are.")
    final_until: datetime | None = described("Nothing before this moment can change any more; null if that is nothing.")
    next_refresh: datetime | None = described("When asking again may give another answer; null if never.")


@strawberry.type(description="Where a page lies in the whole list.")
class PageInfo:
    has_next_page: bool = described("Whether rows follow this page.")
    end_cursor: str | None = described("The cursor of the last row; null for an empty page.")
    has_previous_page: bool = described("Whether rows precede this page.")
    start_cursor: str | None = described("The cursor of the first row; null for an empty page.")
