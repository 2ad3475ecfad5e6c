"""A credit log of one row or two, as OpenMarket's page describes it, for tests that change one thing about it."""

import datetime as dt

from upstreams.openmarket.rows import LogRow

HEADER = "Credit ID,Time (UTC),MSISDN,Network,Outcome,Amount,Currency\r\n"
CELLS = ["18446744073709551615", "2013-09-20 10:11:12", "447700900001", "O2", "SUCCESS", "1.5", "GBP"]
ROW = LogRow(
    2**64 - 1, dt.datetime(2013, 9, 20, 10, 11, 12, tzinfo=dt.UTC), "447700900001", "O2", "SUCCESS", "1.5", "GBP"
)
LINE = ",".join(CELLS) + "\r\n"
SECOND = ["1002", "2013-09-20 10:11:13", "447700900002", "Three", "FAILED", "2.50", "GBP"]
TWO = HEADER + LINE + ",".join(SECOND) + "\r\n"
ROWS = [ROW, LogRow(1002, ROW.time.replace(second=13), "447700900002", "Three", "FAILED", "2.50", "GBP")]
"""A file of two rows, and what is read of it."""
ID, TIME, MSISDN, NETWORK, OUTCOME, AMOUNT, CURRENCY = range(7)


def with_cell(column: int, text: str) -> bytes:
    """The log with another cell in its row."""
    return (HEADER + ",".join([*CELLS[:column], text, *CELLS[column + 1 :]]) + "\r\n").encode()
