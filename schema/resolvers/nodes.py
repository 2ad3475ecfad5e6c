"""`node(id:)`: any object that has a global id, found again by it (Relay's Node)."""

from typing import Any

from schema.errors import BadUserInput
from schema.resolvers.access import CREDITS_READ, REPORTS_READ
from schema.resolvers.context import Context
from schema.resolvers.relay import node_ids


async def node(context: Context, id: str) -> Any:  # noqa: ANN401 - any type that implements Node
    """The object of an id; None if there is none.

    Raises:
        BadUserInput: the id is not one of ours.
        Forbidden: the token lacks the scope of the object's type.
    """
    kind, *parts = node_ids.decode(id)
    if kind == "CreditLogEntry":
        from schema.resolvers.credits.credit_log import credit_node

        context.identity.demand(CREDITS_READ)
        return await credit_node(context, parts)
    if kind == "Report":
        from schema.resolvers.reports.listing import report_node

        context.identity.demand(REPORTS_READ)
        return await report_node(context, parts)
    raise BadUserInput(node_ids.NOT_VALID)
