"""The types of `exportCreditLog` and `creditLogExport`; what they do is in `schema.resolvers.exports`."""

from datetime import datetime

import strawberry
from strawberry import UNSET

from ledger.exports.jobs import ExportFormat, ExportStatus
from schema.types.basics import Freshness

strawberry.enum(ExportFormat, description="CSV with a header, or a JSON object a line; both gzip.")
strawberry.enum(ExportStatus, description="How far an export has come.")


@strawberry.input(description="A period of the credit log to export, `[from, to)`.")
class ExportCreditLogInput:
    from_: datetime = strawberry.field(name="from", description="The first instant.")
    to: datetime = strawberry.field(description="The instant before which the period ends.")
    brand: str | None = UNSET
    format: ExportFormat = ExportFormat.CSV


@strawberry.type(description="An export; ask for it again by its id until it is `DONE` or `FAILED`.")
class Export:
    id: strawberry.ID
    status: ExportStatus
    rows: int | None = strawberry.field(description="How many rows the file has, once it is done.")
    bytes: str | None = strawberry.field(description="The size of the gzip file, once it is done.")
    url: str | None = strawberry.field(description="A read-only link to the file, for a quarter of an hour.")
    url_expires_at: datetime | None
    freshness: Freshness | None = strawberry.field(description="How fresh the exported rows are.")
    error: str | None = strawberry.field(description="Why it failed.")
