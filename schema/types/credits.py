"""The types of `creditLog` and `creditOutcome`; what they do is in `schema.resolvers.credits`."""

from datetime import date, datetime
from decimal import Decimal

import strawberry
from strawberry import UNSET

from ledger.credits.selection import SummaryBucket, SummaryKey
from schema.resolvers.credits import CreditLogPage
from schema.types.basics import Freshness, PageInfo
from upstreams.openmarket.client import CreditState


@strawberry.type(description="One credit request.")
class CreditLogEntry:
    credit_id: strawberry.ID = strawberry.field(description="64-bit unsigned; larger than a JavaScript number holds.")
    time: datetime
    msisdn: str = strawberry.field(description="Masked without the scope `credits:msisdn`.")
    network: str
    outcome: CreditState
    raw_outcome: str = strawberry.field(description="The outcome in the vendor's own word.")
    amount: Decimal = strawberry.field(description="In the vendor's own spelling.")
    currency: str


@strawberry.type
class CreditLogEdge:
    cursor: str
    node: CreditLogEntry


@strawberry.input(description="Which rows count; conditions are joined by and, bounds are inclusive.")
class CreditLogFilter:
    outcome: list[CreditState] | None = UNSET
    network: list[str] | None = UNSET
    currency: list[str] | None = UNSET
    msisdn: str | None = UNSET
    min_amount: Decimal | None = UNSET
    max_amount: Decimal | None = UNSET


@strawberry.type(description="One line of a summary; what it was not split by is null.")
class CreditLogBucket:
    day: date | None
    hour: datetime | None
    network: str | None
    outcome: CreditState | None
    currency: str
    count: int
    amount: Decimal = strawberry.field(description="The exact sum; amounts of two currencies are never added up.")


async def summary_of(page: strawberry.Parent[CreditLogPage], by: list[SummaryKey]) -> list[SummaryBucket]:
    """Split by the given keys, and by currency always."""
    return await page.summary([key.name for key in by])


@strawberry.type(description="Credits in the order of their time, then of their id.")
class CreditLogConnection:
    nodes: list[CreditLogEntry]
    edges: list[CreditLogEdge]
    page_info: PageInfo
    total_count: int = strawberry.field(description="How many rows the whole filtered period has.")
    freshness: Freshness
    summary: list[CreditLogBucket] = strawberry.field(  # type: ignore[assignment]  # strawberry reads resolver= so
        resolver=summary_of, description="Counts and exact sums of the whole filtered period."
    )


@strawberry.type
class CreditOutcomeRow:
    brand: str
    amount: Decimal
    currency: str
    success: int
    failed: int
    credit_applied: Decimal


@strawberry.type(description="Credits by brand and value.")
class CreditOutcome:
    rows: list[CreditOutcomeRow]
    freshness: Freshness
