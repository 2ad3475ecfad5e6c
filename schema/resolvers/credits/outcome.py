"""`creditOutcome`: the vendor's own counts and amounts of a period, by brand and value."""

from datetime import datetime

from ledger.figures.outcomes import Outcome
from schema.limits import arguments
from schema.limits.response_budget import OUTCOME_ROW
from schema.resolvers.context import Context


async def credit_outcome(context: Context, from_: datetime, to: datetime, brand: str | None = None) -> Outcome:
    """Counts and amounts of a period, by brand and value."""
    period, brand = arguments.period(from_, to), arguments.brand(brand)
    outcome = await context.ledger.outcomes.get(context.tenant, brand, period, context.deadline)
    context.used(outcome.freshness)
    context.budget.take(len(outcome.rows), OUTCOME_ROW)
    return outcome
