"""Settled days, written into a bucket as a query would write them, without calling a vendor."""

from datetime import datetime, timedelta

from ledger.days.blocks import BLOCK_ROWS
from ledger.days.day_store import DayStore
from ledger.days.rows import Rows
from ledger.storage.store import Store
from local.vendors.credits import credits_of
from runtime.clock import DAY, day_end
from upstreams.openmarket.client import LogRow

ACCOUNT = "tally-account"


async def settle(
    store: Store,
    first: datetime,
    days: int,
    rows_a_day: int,
    brand: str | None = None,
    *,
    block_rows: int = BLOCK_ROWS,
) -> None:
    """Write settled days, beginning with the one that starts at `first`."""
    for number in range(days):
        day = (first + DAY * number).date()
        rows = Rows.of(
            LogRow(each.credit_id, each.time, each.msisdn, each.network, each.final, each.amount, each.currency)
            for each in credits_of(ACCOUNT, day, rows_a_day)
            if brand in (None, each.brand)
        )
        days_of_brand = DayStore(store, "default", brand, block_rows)
        await days_of_brand.write(day, day_end(day) + timedelta(days=3), rows, settled=True)
