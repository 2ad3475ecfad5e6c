"""The schema's root: the arguments of each field, with types, descriptions and defaults.

What a root field needs and does stands in one table, `schema.resolvers.fields`; here it is only declared. The functions
have no body: their signatures are what Strawberry reads.
"""

import functools
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.types.base import has_object_definition
from strawberry.types.info import Info as StrawberryInfo

from schema.limits.arguments import DEFAULT_PAGE
from schema.resolvers.context import Context
from schema.resolvers.fields import MUTATIONS, QUERIES, RootField
from schema.types.basics import CreditLogOrder, Node
from schema.types.credits import CreditLogConnection, CreditLogFilter, CreditOutcome
from schema.types.exports import Export, ExportCreditLogInput
from schema.types.reconciliation import CreditReconciliation
from schema.types.reports import ReportConnection, ScheduledReport, ScheduleReportInput, ScheduleReportPayload
from schema.types.scalars import CONFIG
from upstreams.rde.client import ReportFormat, ReportStatus, ReportType

Info = StrawberryInfo[Context, None]
FirstDay = Annotated[date, strawberry.argument(name="from", description="The first day.")]
LastDay = Annotated[date, strawberry.argument(name="to", description="The last day; it counts.")]
Start = Annotated[datetime, strawberry.argument(name="from", description="The first instant.")]
End = Annotated[datetime, strawberry.argument(name="to", description="The instant before which the period ends.")]
Brand = Annotated[str | None, strawberry.argument(description="The brand, case-sensitive; all brands without it.")]
Format = Annotated[ReportFormat | None, strawberry.argument(description="Only reports in this format.")]
NameBeginning = Annotated[str | None, strawberry.argument(description="The beginning of the name, in any case.")]
Statuses = Annotated[list[ReportStatus] | None, strawberry.argument(description="Only reports with one of these.")]
Types = Annotated[list[ReportType] | None, strawberry.argument(description="Only reports with one of these.")]
ScheduledId = Annotated[
    strawberry.ID,
    strawberry.argument(description="The id that `scheduleReport` gave, or the `id` or `reportId` of a report."),
]
Where = Annotated[CreditLogFilter | None, strawberry.argument(description="Which credits count.")]
Order = Annotated[CreditLogOrder, strawberry.argument(description="By time from the oldest or from the newest.")]
First = Annotated[int | None, strawberry.argument(description="The page's size, 1 to 10,000 rows.")]
After = Annotated[str | None, strawberry.argument(description="The `endCursor` of the page before, of the same list.")]
ExportId = Annotated[strawberry.ID, strawberry.argument(description="The id that `exportCreditLog` gave.")]
NodeId = Annotated[strawberry.ID, strawberry.argument(description="A global id.")]
ScheduleInput = Annotated[ScheduleReportInput, strawberry.argument(description="The report to schedule.")]
ExportInput = Annotated[ExportCreditLogInput, strawberry.argument(description="What to export.")]

REPORTS = "The reports of a period of days."
SCHEDULED_REPORT = "A scheduled report by its id, as the vendor now describes it; null if there is none."
CREDIT_LOG = "The credits of a period of instants."
CREDIT_OUTCOME = "How the credits of a period went, by brand and value."
CREDIT_RECONCILIATION = "Whether the credit log and the outcome report of a period add up to each other."
CREDIT_LOG_EXPORT = "An export by its id; null if there is none."
EXPORT_CREDIT_LOG = "Write a period of the credit log into one file; equal requests within an hour share one export."
NODE = "Any object that has a global id; null if there is none."
SCHEDULE_REPORT = "Schedule a one-time report."


def declared(table: dict[str, RootField], description: str, graphql_type: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make a field of a function's signature; the table's entry of the same name resolves it."""

    def declare(signature: Callable[..., Any]) -> Any:
        root_field = table[signature.__name__]

        @functools.wraps(signature)
        async def resolve(_self: object, info: Info, **arguments: Any) -> Any:
            return await root_field.resolve(info.context, **as_mapping(arguments))

        needs = f"the scope `{root_field.scope}`" if root_field.scope else "the scope of what is found"
        described = f"{description} Needs {needs}."
        return strawberry.field(resolve, description=described, graphql_type=graphql_type)

    return declare


def as_mapping(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as graphql-core passes them to us: those given, input objects as mappings, enum members as names."""
    return {name: _plain(value) for name, value in arguments.items() if value is not UNSET}


def _plain(value: Any) -> Any:
    if has_object_definition(value):
        return as_mapping(vars(value))
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.name if isinstance(value, Enum) else value


@strawberry.type(description="What can be read.")
class Query:
    @declared(QUERIES, REPORTS, ReportConnection | None)
    def reports(
        self,
        info: Info,
        from_: FirstDay,
        to: LastDay,
        format: Format = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        name: NameBeginning = UNSET,
        status: Statuses = UNSET,
        type: Types = UNSET,
    ) -> Any: ...

    @declared(QUERIES, SCHEDULED_REPORT, ScheduledReport | None)
    def scheduled_report(self, info: Info, id: ScheduledId) -> Any: ...

    @declared(QUERIES, CREDIT_LOG, CreditLogConnection | None)
    def credit_log(
        self,
        info: Info,
        from_: Start,
        to: End,
        brand: Brand = UNSET,
        where: Where = UNSET,
        order: Order = CreditLogOrder.OLDEST_FIRST,
        first: First = DEFAULT_PAGE,
        after: After = UNSET,
    ) -> Any: ...

    @declared(QUERIES, CREDIT_OUTCOME, CreditOutcome | None)
    def credit_outcome(self, info: Info, from_: Start, to: End, brand: Brand = UNSET) -> Any: ...

    @declared(QUERIES, CREDIT_RECONCILIATION, CreditReconciliation | None)
    def credit_reconciliation(self, info: Info, from_: Start, to: End, brand: Brand = UNSET) -> Any: ...

    @declared(QUERIES, CREDIT_LOG_EXPORT, Export | None)
    def credit_log_export(self, info: Info, id: ExportId) -> Any: ...

    @declared(QUERIES, NODE, Node | None)
    def node(self, info: Info, id: NodeId) -> Any: ...


@strawberry.type(description="What can be changed.")
class Mutation:
    @declared(MUTATIONS, SCHEDULE_REPORT, ScheduleReportPayload)
    def schedule_report(self, info: Info, input: ScheduleInput) -> Any: ...

    @declared(MUTATIONS, EXPORT_CREDIT_LOG, Export)
    def export_credit_log(self, info: Info, input: ExportInput) -> Any: ...


SCHEMA = strawberry.Schema(Query, Mutation, config=CONFIG)
