"""`creditReconciliation`: the log beside the outcome report."""

from datetime import datetime

from ledger.figures.reconciliation import Reconciliation, ReconciliationRequest
from ledger.figures.summaries import TooManyBuckets
from schema.errors import ResultTooLarge
from schema.limits import arguments
from schema.limits.response_budget import RECONCILIATION_ROW
from schema.resolvers.context import Context


async def credit_reconciliation(
    context: Context, from_: datetime, to: datetime, brand: str | None = None
) -> Reconciliation:
    """Whether the log and the outcome report of a period, `[from, to)`, add up to each other."""
    asked = ReconciliationRequest(context.tenant, arguments.brand(brand), arguments.period(from_, to))
    try:
        found = await context.ledger.reconciler.reconcile(asked, context.deadline)
    except TooManyBuckets:
        raise ResultTooLarge("the period has credits of too many different values: ask for a shorter one") from None
    context.used(found.freshness)
    context.budget.take(len(found.rows), RECONCILIATION_ROW)
    return found
