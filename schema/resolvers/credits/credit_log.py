"""`creditLog`: a page of the log, with the figures of its whole period; and a credit by its global id."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from ledger.answers.freshness import Freshness
from ledger.credits.early_rows import PageStart
from ledger.days.rows import Credit, Position
from ledger.figures.filters import CreditFilter
from ledger.figures.pages import RowPage
from ledger.figures.selection import Selection
from ledger.figures.summaries import MOST_BUCKETS, SummaryKey, SummaryRequest, TooManyBuckets
from runtime.clock import Period, rfc3339
from schema.errors import BadUserInput, Forbidden, ResultTooLarge
from schema.limits import arguments
from schema.limits.response_budget import BUCKET, LOG_ROW
from schema.resolvers.access import CREDITS_MSISDN, Identity
from schema.resolvers.context import Context
from schema.resolvers.credits.log_rows import CreditNode, LogRows
from schema.resolvers.credits.summary_rows import SummaryRows
from schema.resolvers.relay import cursors, node_ids
from schema.resolvers.relay.connections import Edge, PageInfo
from schema.scalar_values import parse_date_time

LARGEST_ID = 2**64 - 1
OLDEST_FIRST = "OLDEST_FIRST"
OF_A_PAGE = frozenset({"nodes", "edges", "pageInfo"})
"""The fields that show the page; the others are figures of the period, for which no row is read where totals do."""
_NOT_DIGITS = re.compile(r"[\s().-]+")


@dataclass(slots=True)
class CreditLogPage:
    """Credits by time, then id; each figure is computed when it is selected."""

    selection: Selection
    period: Period
    brand: str | None
    freshness: Freshness
    binding: tuple[str, ...]
    size: int
    after: Position | None
    newest_first: bool
    unmasked: bool
    context: Context
    _reading: asyncio.Future[RowPage] | None = field(default=None)

    async def nodes(self) -> Sequence[CreditNode]:
        """The page's rows."""
        self.context.private = True
        rows = (await self._page()).rows
        self.context.budget.take(len(rows), LOG_ROW)
        return LogRows(rows, self.brand, unmasked=self.unmasked)

    async def edges(self) -> list[Edge[CreditNode]]:
        """The page's rows with their cursors."""
        self.context.private = True
        return [Edge(self._cursor(credit), credit) for credit in await self.nodes()]

    async def page_info(self) -> PageInfo:
        """Where the page lies in the log."""
        page = await self._page()
        return PageInfo(
            has_next_page=page.has_next,
            end_cursor=self._cursor(page.rows.credit(len(page.rows) - 1)) if page.rows else None,
            has_previous_page=page.has_previous,
            start_cursor=self._cursor(page.rows.credit(0)) if page.rows else None,
        )

    async def total_count(self) -> int:
        """How many rows the whole filtered period has; rows are read only where rollups do not tell it."""
        return await self.selection.count()

    async def summary(self, by: list[str], time_zone: str = "UTC", fill: bool = False) -> SummaryRows:
        """Counts and exact sums of the whole filtered period, by the named keys."""
        zone = UTC if time_zone == "UTC" else _zone(time_zone, self.period)
        request = SummaryRequest(frozenset(SummaryKey[name] for name in by), zone, fill)
        try:
            lines = await self.selection.summary(request)
        except TooManyBuckets:
            raise ResultTooLarge(f"the summary has more than {MOST_BUCKETS:,} lines: split by less") from None
        self.context.budget.take(len(lines), BUCKET)
        return SummaryRows(lines)

    async def _page(self) -> RowPage:
        if self._reading is None:
            page = self.selection.page(self.size, self.after, newest_first=self.newest_first)
            self._reading = asyncio.ensure_future(page)
        return await self._reading

    def _cursor(self, credit: Credit) -> str:
        return cursors.encode(self.binding, (rfc3339(credit.time), str(credit.credit_id)))


async def credit_log(
    context: Context,
    from_: datetime,
    to: datetime,
    brand: str | None = None,
    where: Mapping[str, Any] | None = None,
    order: str = OLDEST_FIRST,
    first: int | None = None,
    after: str | None = None,
    *,
    selected: frozenset[str] = OF_A_PAGE,
) -> CreditLogPage:
    """The credits of a period of instants, `[from, to)`."""
    period, brand = arguments.period(from_, to), arguments.brand(brand)
    size = arguments.first(first, arguments.DEFAULT_PAGE)
    condition = wanted_credits(where, context.identity)
    brands = "all" if brand is None else "one"
    ordered = () if order == OLDEST_FIRST else (order,)
    binding = ("creditLog", context.tenant, brand or "", brands, _canonical(condition), *ordered)
    position = _position(binding, after)
    if position and not period.start <= position[0] < period.end:
        raise BadUserInput("`after` is not a valid cursor for this period")
    newest_first = order != OLDEST_FIRST
    page = PageStart(position, newest_first) if selected & OF_A_PAGE else None
    stored = await context.ledger.credit_log.snapshot(context.tenant, brand, period, context.deadline, page=page)
    return CreditLogPage(
        selection=Selection(stored, period, condition),
        period=period,
        brand=brand,
        binding=binding,
        size=size,
        after=position,
        newest_first=newest_first,
        unmasked=context.identity.may(CREDITS_MSISDN),
        context=context,
        freshness=context.used(stored.freshness),
    )


async def credit_node(context: Context, parts: list[str | None]) -> CreditNode | None:
    """The credit of a global id: its time, its id and the brand that was asked for."""
    try:
        time, credit_id, brand = parts
        position = parse_date_time(time), int(credit_id or "")
    except ValueError:
        raise BadUserInput(node_ids.NOT_VALID) from None
    if not 0 <= position[1] <= LARGEST_ID:
        raise BadUserInput(node_ids.NOT_VALID)
    period, brand = Period(position[0], position[0] + timedelta(seconds=1)), arguments.brand(brand)
    stored = await context.ledger.credit_log.snapshot(
        context.tenant, brand, period, context.deadline, page=PageStart(None, newest_first=False)
    )
    context.used(stored.freshness)
    context.private = True
    before = (position[0], position[1] - 1) if position[1] else None
    page = await Selection(stored, period, None).page(1, before)
    rows = LogRows(page.rows, brand, unmasked=context.identity.may(CREDITS_MSISDN))
    return rows[0] if len(rows) and (rows[0].time, rows[0].credit_id) == position else None


def wanted_credits(where: Mapping[str, Any] | None, identity: Identity) -> CreditFilter | None:
    """The filter of a `CreditLogFilter`; None when it has no condition.

    Raises:
        Forbidden: it names a phone number, and the caller may not read them.
    """
    conditions = {name: value for name, value in (where or {}).items() if value is not None}
    if "msisdn" in conditions:
        if not identity.may(CREDITS_MSISDN):
            raise Forbidden(f"filtering by msisdn needs the scope {CREDITS_MSISDN}")
        conditions["msisdn"] = _NOT_DIGITS.sub("", conditions["msisdn"]).removeprefix("+")
    for name in conditions.keys() & {"outcome", "network", "currency"}:
        conditions[name] = frozenset(conditions[name])
    return CreditFilter(**conditions) if conditions else None


def _zone(name: str, period: Period) -> tzinfo:
    from ledger.figures.time_zones import UnknownTimeZone, time_zone  # 4 ms, and most summaries are in UTC

    try:
        return time_zone(name, period)
    except UnknownTimeZone as error:
        raise BadUserInput(str(error)) from None


def _canonical(condition: CreditFilter | None) -> str:
    """A filter's one spelling, the same in every process; 0.5 and 0.50 are one bound."""
    if condition is None:
        return ""
    sets = (condition.outcome, condition.network, condition.currency)
    spelled = ["*" if values is None else repr(sorted(values)) for values in sets]
    bounds = (condition.min_amount, condition.max_amount)
    ratios = ["" if bound is None else str(bound.as_integer_ratio()) for bound in bounds]
    return "|".join([*spelled, repr(condition.msisdn), *ratios, *filter(None, [condition.credit_id])])


def _position(binding: tuple[str, ...], after: str | None) -> Position | None:
    if after is None:
        return None
    try:
        time, credit_id = cursors.decode(binding, after)
        position = cursors.instant(time), int(credit_id)
    except ValueError:
        raise BadUserInput(cursors.NOT_VALID) from None
    if not 0 <= position[1] <= LARGEST_ID:
        raise BadUserInput(cursors.NOT_VALID)
    return position
