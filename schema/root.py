"""The schema's root: each field's arguments and the scope it needs; the work is in `reports` and `credits`."""

from datetime import date, datetime
from typing import Annotated

import strawberry
from strawberry import UNSET
from strawberry.types.info import Info as StrawberryInfo

from schema import credits as credit_fields
from schema import reports as report_fields
from schema.access import CREDITS_READ, REPORTS_READ, REPORTS_SCHEDULE, Needs
from schema.context import Context
from schema.credits import CreditLogConnection, CreditLogFilter, CreditOutcome
from schema.inputs import given
from schema.reports import ReportConnection, ScheduleReportInput, ScheduleReportPayload
from schema.scalars import CONFIG
from upstreams.rde import ReportFormat

Info = StrawberryInfo[Context, None]
FirstDay = Annotated[date, strawberry.argument(name="from", description="The first day.")]
LastDay = Annotated[date, strawberry.argument(name="to", description="The last day; it counts.")]
Start = Annotated[datetime, strawberry.argument(name="from", description="The first instant.")]
End = Annotated[datetime, strawberry.argument(name="to", description="The instant before which the period ends.")]


@strawberry.type
class Query:
    """What can be read."""

    @strawberry.field(extensions=[Needs(REPORTS_READ)], description="The reports created in a period of days.")
    async def reports(
        self,
        info: Info,
        from_: FirstDay,
        to: LastDay,
        format: ReportFormat | None = UNSET,  # noqa: A002 - the contract's name
        first: int | None = UNSET,
        after: str | None = UNSET,
    ) -> ReportConnection | None:
        """See `schema.reports`."""
        return await report_fields.list_reports(info.context, from_, to, given(format), given(first), given(after))

    @strawberry.field(extensions=[Needs(CREDITS_READ)], description="The credits of a period of instants.")
    async def credit_log(
        self,
        info: Info,
        from_: Start,
        to: End,
        brand: str | None = UNSET,
        where: CreditLogFilter | None = UNSET,
        first: int | None = 100,
        after: str | None = UNSET,
    ) -> CreditLogConnection | None:
        """See `schema.credits`."""
        return await credit_fields.credit_log(
            info.context, from_, to, given(brand), given(where), (first, given(after))
        )

    @strawberry.field(
        extensions=[Needs(CREDITS_READ)], description="How the credits of a period went, by brand and value."
    )
    async def credit_outcome(
        self, info: Info, from_: Start, to: End, brand: str | None = UNSET
    ) -> CreditOutcome | None:
        """See `schema.credits`."""
        return await credit_fields.credit_outcome(info.context, from_, to, given(brand))


@strawberry.type
class Mutation:
    """What can be changed."""

    @strawberry.mutation(extensions=[Needs(REPORTS_SCHEDULE)], description="Have a one-time report made.")
    async def schedule_report(self, info: Info, input: ScheduleReportInput) -> ScheduleReportPayload:  # noqa: A002 - the contract's name
        """See `schema.reports`."""
        return await report_fields.schedule_report(info.context, input)


SCHEMA = strawberry.Schema(Query, Mutation, config=CONFIG)
