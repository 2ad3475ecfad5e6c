"""Types that both halves of the schema use."""

from datetime import datetime

import strawberry

from ledger.answers.freshness import Source
from ledger.credits.selection import SummaryKey
from upstreams.openmarket.client import CreditState
from upstreams.rde.client import ReportFormat

strawberry.enum(
    Source, description="Where an answer came from: asked for just now, held already, or known from the archive only."
)
strawberry.enum(CreditState, description="What became of a credit.")
strawberry.enum(ReportFormat, description="The formats that RDE makes.")
strawberry.enum(SummaryKey, name="CreditLogKey", description="What a summary can be split by.")


@strawberry.type(description="Where an answer came from and how old it is.")
class Freshness:
    source: Source
    as_of: datetime = strawberry.field(description="The oldest fetch among the data used.")
    stale: bool = strawberry.field(description="A refresh was due, and the upstream failed.")


@strawberry.type(description="Where a page lies in the whole list.")
class PageInfo:
    has_next_page: bool
    end_cursor: str | None
    has_previous_page: bool
    start_cursor: str | None
