"""Which rows of the credit log a query wants, column by column."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial, reduce
from itertools import compress
from operator import and_

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
        met = [map(wanted.__contains__, column) for column, wanted in self._deciding(rows)]
        if not met:  # all of a block or a day match, as often: nothing has to be copied
            return rows
        chosen = bytes(reduce(partial(map, and_), met))
        each_cell = chosen.replace(b"\0", b"\0" * WIDTH).replace(b"\1", b"\1" * WIDTH)
        return Rows([*compress(rows.cells, each_cell)])

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
        return Detail.DAY if self.min_amount is None and self.max_amount is None else Detail.DAY_VALUE

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

    def _deciding(self, rows: Rows) -> Iterator[tuple[Sequence[str], Collection[str]]]:
        """The columns that have cells that do not meet their condition, each with the cells that would."""
        sets = ((OUTCOME, self.outcome), (NETWORK, self.network), (CURRENCY, self.currency))
        for index, wanted in sets:
            if wanted is not None and not wanted.issuperset(column := rows.column(index)):
                yield column, wanted
        if self.msisdn is not None:
            yield rows.column(MSISDN), (self.msisdn, f"+{self.msisdn}")
        if self.credit_id is not None:
            yield rows.column(CREDIT_ID), (self.credit_id,)
        if self.min_amount is not None or self.max_amount is not None:
            # There are far fewer price points than credits: each is parsed once.
            column = rows.column(AMOUNT)
            amounts = set(column)
            wanted = frozenset(amount for amount in amounts if self._in_bounds(Decimal(amount)))
            if len(wanted) < len(amounts):
                yield column, wanted

    def _in_bounds(self, amount: Decimal) -> bool:
        return (self.min_amount is None or amount >= self.min_amount) and (
            self.max_amount is None or amount <= self.max_amount
        )
