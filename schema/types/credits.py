"""The types of `creditLog` and `creditOutcome`; what they do is in `schema.resolvers.credits`."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

import strawberry
from strawberry import UNSET

from ledger.figures.summaries import SummaryKey
from ledger.figures.summary_lines import SummaryBucket
from schema.resolvers.credits.credit_log import CreditLogPage
from schema.resolvers.credits.log_rows import CreditNode
from schema.types.basics import Freshness, Node, PageInfo, described
from upstreams.openmarket.client import CreditState

TimeZone = Annotated[
    str,
    strawberry.argument(
        description="For days, weeks and months: an IANA name (`Europe/London`), a whole number of hours from UTC."
    ),
]
Fill = Annotated[
    bool,
    strawberry.argument(
        description="Whether times without credits get lines of zeros, for each other part that occurs in the period."
    ),
]
Keys = Annotated[list[SummaryKey], strawberry.argument(description="What to split by; all in one without keys.")]


@strawberry.type(description="One credit.")
class CreditLogEntry(Node):
    credit_id: strawberry.ID = described("The vendor's id: 64-bit unsigned, larger than a JavaScript number holds.")
    time: datetime = described("When the credit was requested.")
    msisdn: str = described("The phone number. Masked (`4477****0765`) without the scope `credits:msisdn`.")
    network: str = described("The mobile network, in the vendor's spelling.")
    outcome: CreditState = described("The state of the credit; it may change until its day is settled.")
    raw_outcome: str = described("The state in the vendor's own word.")
    amount: Decimal = described("The amount in units of the currency, in the vendor's own spelling: `1.5` is £1.50.")
    currency: str = described("The currency, three letters.")

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        return isinstance(value, CreditNode)


@strawberry.type(description="A credit and its cursor.")
class CreditLogEdge:
    cursor: str = described("For `after`: the page that begins behind this credit.")
    node: CreditLogEntry = described("The credit.")


@strawberry.input(
    description="Which credits count. Conditions are joined by and; null lets every credit pass, an empty list none."
)
class CreditLogFilter:
    outcome: list[CreditState] | None = described("In one of these states.", default=UNSET)
    network: list[str] | None = described("Of one of these networks; case-sensitive.", default=UNSET)
    currency: list[str] | None = described("In one of these currencies, three capital letters.", default=UNSET)
    msisdn: str | None = described(
        "Of this phone number: `447700900022`, `+44 7700 900022`. Needs the scope `credits:msisdn`.", default=UNSET
    )
    credit_id: strawberry.ID | None = described("With this id of the vendor's.", default=UNSET)
    min_amount: Decimal | None = described("Of at least this amount.", default=UNSET)
    max_amount: Decimal | None = described("Of at most this amount.", default=UNSET)


@strawberry.type(description="One line of a summary; keys that it was not split by are null.")
class CreditLogBucket:
    hour: datetime | None = described("The instant at which the hour begins.")
    day: date | None = described("The day, in the time zone.")
    week: date | None = described("The Monday of the week, in the time zone.")
    month: date | None = described("The first day of the month, in the time zone.")
    network: str | None = described("The mobile network.")
    outcome: CreditState | None = described("The state of the credits.")
    value: Decimal | None = described("The amount of one credit, split by `AMOUNT`.")
    currency: str = described("The currency; amounts of two currencies are never added up.")
    count: int = described("How many credits, in any state.")
    amount: Decimal = described("The exact sum of their amounts: two decimals, more only where needed.")
    success: int = described("How many succeeded.")
    failed: int = described("How many failed.")
    pending: int = described("How many have not ended.")
    unknown: int = described("How many are in a state that we do not know.")
    failure_rate: Decimal | None = described(
        "`failed / (success + failed)`, four decimals; null where no credit has ended."
    )


async def summary_of(
    page: strawberry.Parent[CreditLogPage],
    by: Keys = [],  # noqa: B006 - Strawberry reads the default
    time_zone: TimeZone = "UTC",
    fill: Fill = False,
) -> Sequence[SummaryBucket]:
    """Split by the given keys, and by currency always."""
    return await page.summary([key.name for key in by], time_zone, fill)


@strawberry.type(description="Credits by time, then by id, in the order that was asked for.")
class CreditLogConnection:
    nodes: list[CreditLogEntry] = described("The credits of the page.")
    edges: list[CreditLogEdge] = described("The credits of the page with their cursors.")
    page_info: PageInfo = described("Where the page lies in the log.")
    total_count: int = described("How many credits the whole filtered period has, not only the page.")
    freshness: Freshness = described("Where the credits came from and how old they are.")
    summary: list[CreditLogBucket] = described(
        "Counts and exact sums of the whole filtered period, split by these keys and always by currency.",
        resolver=summary_of,
    )


@strawberry.type(description="How the credits of one brand and value went.")
class CreditOutcomeRow:
    brand: str = described("The brand.")
    amount: Decimal = described("The value of one credit in units of the currency, in the vendor's own spelling.")
    currency: str = described("The currency, three letters.")
    success: int = described("How many credits were applied.")
    failed: int = described("How many credits failed.")
    credit_applied: Decimal = described("The amount that was applied, as the vendor wrote it: `25.5000`.")


@strawberry.type(description="How the credits of one brand and currency went, of every value together.")
class CreditOutcomeBrand:
    brand: str = described("The brand.")
    currency: str = described("The currency, three letters.")
    success: int = described("How many credits were applied.")
    failed: int = described("How many credits failed.")
    failure_rate: Decimal | None = described(
        "`failed / (success + failed)`, four decimals; null where no credit has ended."
    )
    credit_applied: Decimal = described("The exact sum that was applied: two decimals, more only where needed.")


@strawberry.type(description="Credits by brand and value.")
class CreditOutcome:
    rows: list[CreditOutcomeRow] = described("In the vendor's order.")
    brands: list[CreditOutcomeBrand] = described("The exact totals by brand and currency, in this order.")
    freshness: Freshness = described("Where the figures came from and how old they are.")
