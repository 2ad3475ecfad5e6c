"""Which rows of the credit log a query wants, column by column."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain, compress

from ledger.days.blocks import Block
from ledger.days.rollups import Detail
from ledger.days.rows import AMOUNT, CREDIT_ID, CURRENCY, MSISDN, NETWORK, OUTCOME, WIDTH, Rows


@dataclass(frozen=True, slots=True)
class CreditFilter:
    """Conditions that a row has to meet; one that is None is met by every row, bounds are inclusive."""

    outcome: frozenset[str] | None = None
    network: frozenset[str] | None = None
    currency: frozenset[str] | None = None
    msisdn: str | None = field(default=None, repr=False)
    credit_id: str | None = None
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None

    def matching(self, rows: Rows) -> Rows:
        """The rows that meet every condition."""
        columns = [map(wanted.__contains__, rows.column(index)) for index, wanted in self._wanted(rows)]
        if not columns:
            return rows
        chosen = bytes(columns[0] if len(columns) == 1 else map(all, zip(*columns, strict=True)))
        if 0 not in chosen:  # all of a block or a day, as often: nothing has to be copied
            return rows
        cells = rows.cells
        starts = compress(range(0, len(cells), WIDTH), chosen)
        return Rows([*chain.from_iterable([cells[start : start + WIDTH] for start in starts])])

    def may_match(self, block: Block) -> bool:
        """Whether a row of the block may meet every condition, by what the index says of it."""
        sets = (
            (self.outcome, block.outcomes),
            (self.network, block.networks),
            (self.currency, block.currencies),
        )
        return not any(wanted is not None and known is not None and wanted.isdisjoint(known) for wanted, known in sets)

    @property
    def detail(self) -> Detail | None:
        """The detail of a rollup that tells how many credits match; None if only their rows do."""
        if self.msisdn is not None or self.credit_id is not None:
            return None
        return Detail.DAY if self.min_amount is None and self.max_amount is None else Detail.VALUE

    @property
    def part(self) -> bytes | None:
        """Bytes that every matching row has in its text; None when none are known."""
        number = self.credit_id if self.msisdn is None else self.msisdn
        return None if number is None else number.encode()

    @property
    def is_about_totals(self) -> bool:
        """Whether it has a condition about what the totals of whole days tell apart."""
        return any(values is not None for values in (self.outcome, self.network, self.currency))

    def matches(self, network: str, outcome: str, currency: str, value: str | None) -> bool:
        """Whether credits with these values, of which a total is made up, meet every condition that is about them."""
        return (
            (self.network is None or network in self.network)
            and (self.outcome is None or outcome in self.outcome)
            and (self.currency is None or currency in self.currency)
            and (value is None or self._in_bounds(Decimal(value)))
        )

    def _wanted(self, rows: Rows) -> Iterator[tuple[int, Collection[str]]]:
        """The column of each condition that is given, and the cells that meet it."""
        sets = ((OUTCOME, self.outcome), (NETWORK, self.network), (CURRENCY, self.currency))
        yield from ((index, wanted) for index, wanted in sets if wanted is not None)
        if self.msisdn is not None:
            yield MSISDN, (self.msisdn, f"+{self.msisdn}")
        if self.credit_id is not None:
            yield CREDIT_ID, (self.credit_id,)
        if self.min_amount is not None or self.max_amount is not None:
            # There are far fewer price points than credits: each is parsed once.
            yield AMOUNT, {amount for amount in set(rows.column(AMOUNT)) if self._in_bounds(Decimal(amount))}

    def _in_bounds(self, amount: Decimal) -> bool:
        return (self.min_amount is None or amount >= self.min_amount) and (
            self.max_amount is None or amount <= self.max_amount
        )
