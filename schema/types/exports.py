"""The types of `exportCreditLog` and `creditLogExport`; what they do is in `schema.resolvers.credits.exports`."""

from datetime import datetime

import strawberry
from strawberry import UNSET

from ledger.exports.jobs import ExportFormat, ExportStatus
from schema.types.basics import CreditLogOrder, Freshness, declare_enum, described
from schema.types.credits import CreditLogFilter

declare_enum(
    ExportFormat,
    "The format of an export.",
    {
        "CSV": "Comma-separated values with a header, as gzip. What a spreadsheet would run as a formula has an "
        "apostrophe before it.",
        "JSONL": "One JSON object a line, as gzip; every value exactly as the API shows it.",
        "XLSX": "A workbook (Office Open XML): a sheet about the export with its totals, and one of up to 1,048,575 "
        "credits.",
    },
)
declare_enum(
    ExportStatus,
    "How far an export has come.",
    {
        "QUEUED": "Asked for.",
        "RUNNING": "Being written.",
        "DONE": "The file can be downloaded.",
        "FAILED": "It will not be finished; `error` says why.",
    },
)


@strawberry.input(description="Which credits to export: those of a period, `[from, to)`, and how.")
class ExportCreditLogInput:
    from_: datetime = described("The first instant.", name="from")
    to: datetime = described("The instant before which the period ends.")
    brand: str | None = described("The brand; all brands of the account without it.", default=UNSET)
    format: ExportFormat = described("The format of the file.", default=ExportFormat.CSV)
    where: CreditLogFilter | None = described("Which credits count; all of the period without it.", default=UNSET)
    order: CreditLogOrder = described(
        "By time from the oldest or from the newest.", default=CreditLogOrder.OLDEST_FIRST
    )


@strawberry.type(description="An export; ask for it again by its id until it is `DONE` or `FAILED`.")
class Export:
    id: strawberry.ID = described("For `creditLogExport`.")
    status: ExportStatus = described("How far it has come.")
    rows: int | None = described("How many rows the file has; null until it is done.")
    bytes: str | None = described("The size of the file in bytes; null until it is done.")
    url: str | None = described("A read-only link to the file, valid for 15 minutes; null until it is done.")
    url_expires_at: datetime | None = described("When the link expires.")
    freshness: Freshness | None = described("How fresh the exported rows are.")
    error: str | None = described("Why it failed; else null.")
