"""The schema's root: each field's arguments, and the scope it needs. What the fields do is in `schema.resolvers`.

A resolver gives a plain object whose attributes are the fields of the declared type; graphql-core asks for no more.
"""

from datetime import date, datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types.info import Info as StrawberryInfo

from schema import resolvers
from schema.resolvers.access import CREDITS_READ, REPORTS_READ, REPORTS_SCHEDULE
from schema.resolvers.context import Context
from schema.types.basics import given
from schema.types.credits import CreditLogConnection, CreditLogFilter, CreditOutcome
from schema.types.exports import Export, ExportCreditLogInput
from schema.types.reports import ReportConnection, ScheduleReportInput, ScheduleReportPayload
from schema.types.scalars import CONFIG
from schema.types.scopes import Needs
from upstreams.rde.client import ReportFormat

Info = StrawberryInfo[Context, None]
FirstDay = Annotated[date, strawberry.argument(name="from", description="The first day.")]
LastDay = Annotated[date, strawberry.argument(name="to", description="The last day; it counts.")]
Start = Annotated[datetime, strawberry.argument(name="from", description="The first instant.")]
End = Annotated[datetime, strawberry.argument(name="to", description="The instant before which the period ends.")]

REPORTS = "The reports created in a period of days."
CREDIT_LOG = "The credits of a period of instants."
CREDIT_OUTCOME = "How the credits of a period went, by brand and value."
CREDIT_LOG_EXPORT = "An export by its id; null when there is none of that id."
EXPORT_CREDIT_LOG = "Write a period of the credit log into one file; equal requests within the hour are one export."
SCHEDULE_REPORT = "Have a one-time report made."


@strawberry.type
class Query:
    """What can be read."""

    @strawberry.field(extensions=[Needs(REPORTS_READ)], description=REPORTS, graphql_type=ReportConnection | None)
    async def reports(
        self,
        info: Info,
        from_: FirstDay,
        to: LastDay,
        format: ReportFormat | None = UNSET,  # noqa: A002 - the contract's name
        first: int | None = UNSET,
        after: str | None = UNSET,
    ) -> Any:
        """See `schema.resolvers.reports`."""
        page = given(first), given(after)
        return await resolvers.reports(info.context, from_, to, given(format), page)

    @strawberry.field(extensions=[Needs(CREDITS_READ)], description=CREDIT_LOG, graphql_type=CreditLogConnection | None)
    async def credit_log(
        self,
        info: Info,
        from_: Start,
        to: End,
        brand: str | None = UNSET,
        where: CreditLogFilter | None = UNSET,
        first: int | None = 100,
        after: str | None = UNSET,
    ) -> Any:
        """See `schema.resolvers.credits`."""
        condition, page = given(where), (first, given(after))
        return await resolvers.credit_log(
            info.context, from_, to, given(brand), condition.where() if condition else None, page
        )

    @strawberry.field(extensions=[Needs(CREDITS_READ)], description=CREDIT_OUTCOME, graphql_type=CreditOutcome | None)
    async def credit_outcome(self, info: Info, from_: Start, to: End, brand: str | None = UNSET) -> Any:
        """See `schema.resolvers.credits`."""
        return await resolvers.credit_outcome(info.context, from_, to, given(brand))

    @strawberry.field(extensions=[Needs(CREDITS_READ)], description=CREDIT_LOG_EXPORT, graphql_type=Export | None)
    async def credit_log_export(self, info: Info, id: strawberry.ID) -> Any:  # noqa: A002 - the contract's name
        """See `schema.resolvers.exports`."""
        return await resolvers.credit_log_export(info.context, id)


@strawberry.type
class Mutation:
    """What can be changed."""

    @strawberry.mutation(
        extensions=[Needs(REPORTS_SCHEDULE)], description=SCHEDULE_REPORT, graphql_type=ScheduleReportPayload
    )
    async def schedule_report(self, info: Info, input: ScheduleReportInput) -> Any:  # noqa: A002 - the contract's name
        """See `schema.resolvers.reports`."""
        return await resolvers.schedule_report(info.context, input.checked(), given(input.idempotency_key))

    @strawberry.mutation(extensions=[Needs(CREDITS_READ)], description=EXPORT_CREDIT_LOG, graphql_type=Export)
    async def export_credit_log(self, info: Info, input: ExportCreditLogInput) -> Any:  # noqa: A002 - the contract's name
        """See `schema.resolvers.exports`."""
        return await resolvers.export_credit_log(info.context, input.from_, input.to, given(input.brand), input.format)


SCHEMA = strawberry.Schema(Query, Mutation, config=CONFIG)
