"""The one table of root fields: the scope that each needs, and what resolves it.

Both schemas read it: the written one (`schema.types.root`, which adds types, descriptions and defaults) and the printed
one that functions execute (`schema.execution.bound_schema`). Names are Python's; GraphQL's are their camel case.
A resolver takes the request's `Context` and the arguments that were given, each by name; null and not given are the
same to it. Input objects come as mappings.
"""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, NamedTuple

from ledger.answers.freshness import Source
from ledger.credits.selection import SummaryKey
from ledger.exports.jobs import ExportFormat, ExportStatus
from schema.resolvers.access import CREDITS_READ, REPORTS_READ, REPORTS_SCHEDULE
from schema.resolvers.context import Context
from schema.resolvers.credits import credit_log, credit_outcome
from schema.resolvers.exports import credit_log_export, export_credit_log
from schema.resolvers.reports import reports, schedule_report
from upstreams.openmarket.csv import CreditState
from upstreams.rde.reports import ReportFormat


class RootField(NamedTuple):
    """A field of `Query` or `Mutation`."""

    scope: str
    resolver: Callable[..., Awaitable[Any]]

    async def resolve(self, context: Context, **arguments: Any) -> Any:  # noqa: ANN401 - each field has types of its own
        """Refuse a caller without the scope, before anything is read; else resolve.

        Raises:
            Forbidden: the token does not have the scope.
        """
        context.identity.demand(self.scope)
        return await self.resolver(context, **arguments)


QUERIES = {
    "reports": RootField(REPORTS_READ, reports),
    "credit_log": RootField(CREDITS_READ, credit_log),
    "credit_outcome": RootField(CREDITS_READ, credit_outcome),
    "credit_log_export": RootField(CREDITS_READ, credit_log_export),
}
MUTATIONS = {
    "schedule_report": RootField(REPORTS_SCHEDULE, schedule_report),
    "export_credit_log": RootField(CREDITS_READ, export_credit_log),
}
ENUMS: dict[str, type[Enum]] = {
    "CreditLogKey": SummaryKey,
    "CreditState": CreditState,
    "ExportFormat": ExportFormat,
    "ExportStatus": ExportStatus,
    "ReportFormat": ReportFormat,
    "Source": Source,
}
"""The schema's enums by name; their members are those of the Python enum, by name."""
