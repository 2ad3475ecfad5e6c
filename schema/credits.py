"""`creditLog` and `creditOutcome`: the mobile credits, by row and by brand."""

import asyncio
from datetime import date, datetime
from decimal import Decimal

import strawberry
from strawberry import UNSET

from ledger.moments import rfc3339
from ledger.rows import Credit, Position
from ledger.selection import Key, Page, Selection, Where
from schema import cursors, inputs
from schema.access import CREDITS_MSISDN, masked
from schema.context import Context
from schema.errors import BadUserInput, Forbidden
from schema.inputs import given
from schema.types import Freshness, PageInfo
from upstreams.openmarket import CreditState

LARGEST_ID = 2**64 - 1


@strawberry.type(description="One credit request.")
class CreditLogEntry:
    """See `ledger.rows.Credit`."""

    credit_id: strawberry.ID = strawberry.field(description="64-bit unsigned; larger than a JavaScript number holds.")
    time: datetime
    msisdn: str = strawberry.field(description="Masked without the scope `credits:msisdn`.")
    network: str
    outcome: CreditState
    raw_outcome: str = strawberry.field(description="The outcome in the vendor's own word.")
    amount: Decimal = strawberry.field(description="In the vendor's own spelling.")
    currency: str

    @classmethod
    def of(cls, credit: Credit, *, unmasked: bool) -> "CreditLogEntry":
        """The GraphQL form of a row."""
        return cls(
            credit_id=strawberry.ID(str(credit.credit_id)),
            time=credit.time,
            msisdn=credit.msisdn if unmasked else masked(credit.msisdn),
            network=credit.network,
            outcome=credit.outcome,
            raw_outcome=credit.raw_outcome,
            amount=credit.amount,  # type: ignore[arg-type]  # the vendor's spelling; the scalar writes it as it is
            currency=credit.currency,
        )


@strawberry.type
class CreditLogEdge:
    """A row and its place in the log."""

    cursor: str
    node: CreditLogEntry


@strawberry.input(description="Which rows count; conditions are joined by and, bounds are inclusive.")
class CreditLogFilter:
    """See `ledger.selection.Where`."""

    outcome: list[CreditState] | None = UNSET
    network: list[str] | None = UNSET
    currency: list[str] | None = UNSET
    msisdn: str | None = UNSET
    min_amount: Decimal | None = UNSET
    max_amount: Decimal | None = UNSET

    def where(self) -> Where:
        """The ledger's form of the filter."""
        states, networks, currencies = given(self.outcome), given(self.network), given(self.currency)
        return Where(
            None if states is None else frozenset(state.name for state in states),
            None if networks is None else frozenset(networks),
            None if currencies is None else frozenset(currencies),
            given(self.msisdn),
            given(self.min_amount),
            given(self.max_amount),
        )


@strawberry.type(description="One line of a summary; what it was not split by is null.")
class CreditLogBucket:
    """See `ledger.selection.Bucket`."""

    day: date | None
    hour: datetime | None
    network: str | None
    outcome: CreditState | None
    currency: str
    count: int
    amount: Decimal = strawberry.field(description="The exact sum; amounts of two currencies are never added up.")


@strawberry.type(description="Credits in the order of their time, then of their id.")
class CreditLogConnection:
    """A page of the log, and the figures of the whole period; each is worked out when it is asked for."""

    selection: strawberry.Private[Selection]
    filtered: strawberry.Private[bool]
    binding: strawberry.Private[tuple[str, ...]]
    size: strawberry.Private[int]
    after: strawberry.Private[Position | None]
    unmasked: strawberry.Private[bool]
    context: strawberry.Private[Context]
    freshness: Freshness
    reading: strawberry.Private[asyncio.Task[Page] | None] = None

    @strawberry.field
    async def nodes(self) -> list[CreditLogEntry]:
        """The page's rows."""
        self.context.private = True
        return [CreditLogEntry.of(credit, unmasked=self.unmasked) for credit in (await self._page()).rows]

    @strawberry.field
    async def edges(self) -> list[CreditLogEdge]:
        """The page's rows with their cursors."""
        self.context.private = True
        return [
            CreditLogEdge(cursor=self._cursor(credit), node=CreditLogEntry.of(credit, unmasked=self.unmasked))
            for credit in (await self._page()).rows
        ]

    @strawberry.field
    async def page_info(self) -> PageInfo:
        """Where the page lies in the log."""
        page = await self._page()
        last = len(page.rows) - 1
        return PageInfo(
            has_next_page=page.has_next,
            end_cursor=self._cursor(page.rows.credit(last)) if page.rows else None,
            has_previous_page=page.has_previous,
            start_cursor=self._cursor(page.rows.credit(0)) if page.rows else None,
        )

    @strawberry.field(description="How many rows the whole filtered period has.")
    async def total_count(self) -> int:
        """Counted without reading rows where the ledger can."""
        return (await self._page()).total if self.filtered else await self.selection.count()

    @strawberry.field(description="Counts and exact sums of the whole filtered period.")
    async def summary(self, by: list[Key]) -> list[CreditLogBucket]:
        """Split by the given keys, and by currency always."""
        return [
            CreditLogBucket(
                day=bucket.day,
                hour=bucket.hour,
                network=bucket.network,
                outcome=CreditState[bucket.outcome] if bucket.outcome else None,
                currency=bucket.currency,
                count=bucket.count,
                amount=bucket.amount,
            )
            for bucket in await self.selection.summary(frozenset(by))
        ]

    async def _page(self) -> Page:
        if self.reading is None:
            self.reading = asyncio.ensure_future(self.selection.page(self.size, self.after))
        return await self.reading

    def _cursor(self, credit: Credit) -> str:
        return cursors.encode(self.binding, (rfc3339(credit.time), str(credit.credit_id)))


@strawberry.type
class CreditOutcomeRow:
    """See `upstreams.openmarket.OutcomeRow`."""

    brand: str
    amount: Decimal
    currency: str
    success: int
    failed: int
    credit_applied: Decimal


@strawberry.type(description="Credits by brand and value.")
class CreditOutcome:
    """A period's outcome."""

    rows: list[CreditOutcomeRow]
    freshness: Freshness


async def credit_log(
    context: Context,
    start: datetime,
    end: datetime,
    brand: str | None,
    where: CreditLogFilter | None,
    page: tuple[int | None, str | None],
) -> CreditLogConnection:
    """The credits of a period of instants."""
    period, brand = inputs.period(start, end), inputs.brand(brand)
    size = inputs.first(page[0], 100)
    unmasked = context.identity.may(CREDITS_MSISDN)
    if where and given(where.msisdn) is not None and not unmasked:
        raise Forbidden(f"filtering by msisdn needs the scope {CREDITS_MSISDN}")
    condition = where.where() if where else None
    condition = None if condition == Where() else condition
    binding = ("creditLog", context.tenant, brand or "", "all" if brand is None else "one", _spelled(condition))
    after = _position(binding, page[1])
    if after and not period.start <= after[0] < period.end:
        raise BadUserInput("after is no cursor of this period")
    held = await context.ledger.credit_log.held(context.tenant, brand, period, context.deadline)
    return CreditLogConnection(
        selection=Selection(context.ledger.credit_log, held, period, condition),
        filtered=condition is not None,
        binding=binding,
        size=size,
        after=after,
        unmasked=unmasked,
        context=context,
        freshness=Freshness.of(held.freshness),
    )


async def credit_outcome(context: Context, start: datetime, end: datetime, brand: str | None) -> CreditOutcome:
    """How the credits of a period went, by brand and value."""
    period, brand = inputs.period(start, end), inputs.brand(brand)
    outcome = await context.ledger.outcomes.get(context.tenant, brand, period, context.deadline)
    return CreditOutcome(
        rows=[CreditOutcomeRow(**row._asdict()) for row in outcome.rows],
        freshness=Freshness.of(outcome.freshness),
    )


def _spelled(where: Where | None) -> str:
    """A filter's one spelling, the same in every process."""
    if where is None:
        return ""
    sets = (where.outcome, where.network, where.currency)
    spelled = ["*" if values is None else repr(sorted(values)) for values in sets]
    return "|".join([*spelled, repr(where.msisdn), str(where.min_amount), str(where.max_amount)])


def _position(binding: tuple[str, ...], after: str | None) -> Position | None:
    if after is None:
        return None
    try:
        time, credit_id = cursors.decode(binding, after)
        position = datetime.fromisoformat(time), int(credit_id)
    except ValueError:
        raise BadUserInput("after is no cursor of this list") from None
    if position[0].tzinfo is None or not 0 <= position[1] <= LARGEST_ID:
        raise BadUserInput("after is no cursor of this list")
    return position
