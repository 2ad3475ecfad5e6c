"""The types of `creditReconciliation`; what it does is in `schema.resolvers.credits.reconciliation`."""

from decimal import Decimal

import strawberry

from schema.types.basics import Freshness, described


@strawberry.type(
    description="The credits of one value and currency in both reports: all brands together, or the one asked for."
)
class CreditReconciliationRow:
    value: Decimal = described("The amount of one credit (price point).")
    currency: str = described("The currency, three letters.")
    log_success: int = described("How many succeeded, by the log.")
    outcome_success: int = described("How many succeeded, by the outcome report.")
    log_failed: int = described("How many failed, by the log.")
    outcome_failed: int = described("How many failed, by the outcome report.")
    log_applied: Decimal = described("The exact sum of the log's successful credits: two decimals, more where needed.")
    outcome_applied: Decimal = described("The amount applied, by the outcome report: two decimals, more where needed.")
    difference: Decimal = described("`logApplied - outcomeApplied`.")


@strawberry.type(description="The credit log beside the outcome report of the same period.")
class CreditReconciliation:
    balanced: bool = described(
        "Whether counts and sums are the same in every row. Until everything is final, credits that the log still "
        "shows as pending do not count as a difference. With `freshness.stale` the two sides may be of different times."
    )
    rows: list[CreditReconciliationRow] = described("By currency and value.")
    freshness: Freshness = described("How old the older of the two reports is.")
