"""The one table of root fields: the scope that each needs, and what resolves it.

Both schemas read it: the written one (`schema.types.root`, which adds types, descriptions and defaults) and the printed
one that functions execute (`schema.execution.bound_schema`). Names are Python's; GraphQL's are their camel case.
A resolver takes the request's `Context` and the arguments that were given, each by name; null and not given are the
same to it. Input objects come as mappings, enum values as their names. A resolver's module is imported when its field
is first selected: a query for credits does not load what reports and exports need.
"""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from schema.resolvers.access import CREDITS_READ, REPORTS_READ, REPORTS_SCHEDULE
from schema.resolvers.context import Context

type Resolver = Callable[..., Awaitable[Any]]


class RootField(NamedTuple):
    """A field of `Query` or `Mutation`; without a scope its resolver demands the one of what is found.

    A resolver that `looks_ahead` also takes the names of the fields that are `selected` below; by default any may be.
    """

    scope: str | None
    load: Callable[[], Resolver]
    looks_ahead: bool = False

    def resolve(self, context: Context, **arguments: Any) -> Awaitable[Any]:  # noqa: ANN401 - each field has its own
        """Refuse a caller without the scope, before anything is read; else resolve.

        Raises:
            Forbidden: the token does not have the scope.
        """
        if self.scope is not None:
            context.identity.demand(self.scope)
        return self.load()(context, **arguments)


def _reports() -> Resolver:
    from schema.resolvers.reports.listing import reports

    return reports


def _scheduled_report() -> Resolver:
    from schema.resolvers.reports.scheduling import scheduled_report

    return scheduled_report


def _credit_log() -> Resolver:
    from schema.resolvers.credits.credit_log import credit_log

    return credit_log


def _credit_outcome() -> Resolver:
    from schema.resolvers.credits.outcome import credit_outcome

    return credit_outcome


def _credit_reconciliation() -> Resolver:
    from schema.resolvers.credits.reconciliation import credit_reconciliation

    return credit_reconciliation


def _credit_log_export() -> Resolver:
    from schema.resolvers.credits.exports import credit_log_export

    return credit_log_export


def _node() -> Resolver:
    from schema.resolvers.nodes import node

    return node


def _schedule_report() -> Resolver:
    from schema.resolvers.reports.scheduling import schedule_report

    return schedule_report


def _export_credit_log() -> Resolver:
    from schema.resolvers.credits.exports import export_credit_log

    return export_credit_log


QUERIES = {
    "reports": RootField(REPORTS_READ, _reports),
    "scheduled_report": RootField(REPORTS_READ, _scheduled_report),
    "credit_log": RootField(CREDITS_READ, _credit_log, looks_ahead=True),
    "credit_outcome": RootField(CREDITS_READ, _credit_outcome),
    "credit_reconciliation": RootField(CREDITS_READ, _credit_reconciliation),
    "credit_log_export": RootField(CREDITS_READ, _credit_log_export),
    "node": RootField(None, _node),
}
MUTATIONS = {
    "schedule_report": RootField(REPORTS_SCHEDULE, _schedule_report),
    "export_credit_log": RootField(CREDITS_READ, _export_credit_log),
}
