"""The outcome report's figures by brand: exact sums, so that no client has to add money up."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ledger.days.rollups import EXACT
from ledger.figures.summary_lines import failure_rate, money
from upstreams.openmarket.rows import OutcomeRow


@dataclass(frozen=True, slots=True)
class BrandTotal:
    """One brand's credits of one currency, of every value together; `credit_applied` is the exact sum."""

    brand: str
    currency: str
    success: int
    failed: int
    credit_applied: Decimal

    @property
    def failure_rate(self) -> Decimal | None:
        """The share of failures among the credits that have ended; None where none has."""
        return failure_rate(self.success, self.failed)


def brand_totals(rows: Iterable[OutcomeRow]) -> list[BrandTotal]:
    """The totals by brand and currency, in this order."""
    parts: dict[tuple[str, str], list[OutcomeRow]] = {}
    for row in rows:
        parts.setdefault((row.brand, row.currency), []).append(row)
    return [_total(brand, currency, parts[brand, currency]) for brand, currency in sorted(parts)]


def _total(brand: str, currency: str, rows: list[OutcomeRow]) -> BrandTotal:
    applied = Decimal()
    for row in rows:
        applied = EXACT.add(applied, Decimal(row.credit_applied))
    return BrandTotal(
        brand, currency, sum(row.success for row in rows), sum(row.failed for row in rows), money(applied)
    )
