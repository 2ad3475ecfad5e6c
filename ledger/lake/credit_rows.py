"""Credits as rows of the lake's tables: which columns there are, of which types, and how stored cells become values.

`credit_id` is a DECIMAL(20, 0): it holds every unsigned 64-bit number, which Athena's largest integer does not, sorts
and compares as a number, and takes half the bytes of text. `amount` has 18 digits after the point, so that sums are
exact; an amount that is not exact even so is null there. `raw_amount` always has the vendor's spelling.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from functools import lru_cache

from ledger.days.rows import AMOUNT, CREDIT_ID, CURRENCY, MSISDN, NETWORK, OUTCOME, RAW_OUTCOME, TIME
from ledger.exports.files import StoredRow
from ledger.lake.parquet import DATE, TEXT, TIMESTAMP, Column, Row, decimal, fits

AMOUNT_TYPE = decimal(38, 18)
COLUMNS = (
    Column("credit_id", decimal(20, 0), distinct=True),
    Column("time", TIMESTAMP, distinct=True),
    Column("day", DATE),
    Column("msisdn", TEXT, distinct=True),
    Column("network", TEXT),
    Column("outcome", TEXT),
    Column("raw_outcome", TEXT),
    Column("amount", AMOUNT_TYPE),
    Column("raw_amount", TEXT),
    Column("currency", TEXT),
)


def lake_rows(day: date, rows: Iterable[StoredRow]) -> Iterator[Row]:
    """A day's stored rows as rows of the lake."""
    return (
        (
            row[CREDIT_ID],
            row[TIME],
            day,
            row[MSISDN],
            row[NETWORK],
            row[OUTCOME],
            row[RAW_OUTCOME],
            _exact(row[AMOUNT]),
            row[AMOUNT],
            row[CURRENCY],
        )
        for row in rows
    )


@lru_cache(maxsize=4096)  # a log has few different amounts
def _exact(amount: str) -> Decimal | None:
    return Decimal(amount) if fits(amount, AMOUNT_TYPE) else None
