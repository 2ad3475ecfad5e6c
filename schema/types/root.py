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
from schema.types.credits import CreditLogConnection, CreditLogFilter, CreditOutcome
from schema.types.exports import Export, ExportCreditLogInput
from schema.types.reports import ReportConnection, ScheduleReportInput, ScheduleReportPayload
from schema.types.scalars import CONFIG
from upstreams.rde.client import ReportFormat

Info = StrawberryInfo[Context, None]
FirstDay = Annotated[date, strawberry.argument(name="from", description="The first day.")]
LastDay = Annotated[date, strawberry.argument(name="to", description="The last day; it counts.")]
Start = Annotated[datetime, strawberry.argument(name="from", description="The first instant.")]
End = Annotated[datetime, strawberry.argument(name="to", description="The instant before which the period ends.")]

REPORTS = "The reports created in a period of days."
CREDIT_LOG = "The credits of a period of instants."
CREDIT_OUTCOME = "How the credits of a period went, by brand and value."
CREDIT_LOG_EXPORT = "An export by its id; null if there is none."
EXPORT_CREDIT_LOG = "Write a period of the credit log into one file; equal requests within an hour share one export."
SCHEDULE_REPORT = "Schedule a one-time report."


def declared(table: dict[str, RootField], description: str, graphql_type: Any) -> Callable[[Callable[..., Any]], Any]:
    """Make a field of a function's signature; the table's entry of the same name resolves it."""

    def declare(signature: Callable[..., Any]) -> Any:
        root_field = table[signature.__name__]

        @functools.wraps(signature)
        async def resolve(_self: object, info: Info, **arguments: Any) -> Any:
            return await root_field.resolve(info.context, **as_mapping(arguments))

        described = f"{description} Needs the scope `{root_field.scope}`."
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


@strawberry.type
class Query:
    """What can be read."""

    @declared(QUERIES, REPORTS, ReportConnection | None)
    def reports(
        self,
        info: Info,
        from_: FirstDay,
        to: LastDay,
        format: ReportFormat | None = UNSET,
        first: int | None = UNSET,
        after: str | None = UNSET,
    ) -> Any: ...

    @declared(QUERIES, CREDIT_LOG, CreditLogConnection | None)
    def credit_log(
        self,
        info: Info,
        from_: Start,
        to: End,
        brand: str | None = UNSET,
        where: CreditLogFilter | None = UNSET,
        first: int | None = DEFAULT_PAGE,
        after: str | None = UNSET,
    ) -> Any: ...

    @declared(QUERIES, CREDIT_OUTCOME, CreditOutcome | None)
    def credit_outcome(self, info: Info, from_: Start, to: End, brand: str | None = UNSET) -> Any: ...

    @declared(QUERIES, CREDIT_LOG_EXPORT, Export | None)
    def credit_log_export(self, info: Info, id: strawberry.ID) -> Any: ...


@strawberry.type
class Mutation:
    """What can be changed."""

    @declared(MUTATIONS, SCHEDULE_REPORT, ScheduleReportPayload)
    def schedule_report(self, info: Info, input: ScheduleReportInput) -> Any: ...

    @declared(MUTATIONS, EXPORT_CREDIT_LOG, Export)
    def export_credit_log(self, info: Info, input: ExportCreditLogInput) -> Any: ...


SCHEMA = strawberry.Schema(Query, Mutation, config=CONFIG)
