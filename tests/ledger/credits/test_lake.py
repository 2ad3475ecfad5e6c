"""Settled days as a lake reads them: DuckDB over the bucket's own layout has the same totals as `summary`.

DuckDB's extension for S3 has to be downloaded, so each object that S3 lists is fetched through the S3 API to the path
that its key says; DuckDB sees the partitions and file names as Athena does. Like Athena it gets the columns' types
and where the table lies, and nothing else.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from functions.settings import Settings
from ledger.credits.credit_log import CreditLog
from ledger.days.day_store import DayStore
from ledger.days.rows import Rows
from ledger.figures.selection import Selection
from ledger.figures.summaries import SummaryKey, SummaryRequest
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from local.aws import Aws
from runtime.clock import DAY, Period
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.ledger_process import process
from tests.support.s3.settled_days import settle
from upstreams.openmarket.client import LogRow

pytestmark = pytest.mark.anyio
FIRST = datetime(2019, 11, 1, tzinfo=UTC)
DAYS = 4
TABLE = "credit-log/tenant=*/brand=*/day=*/*.csv.gz"
ODD = "Chat & Win"


@pytest.fixture
async def log(bucket: str, aws: Aws) -> CreditLog:
    """A bucket with settled days of all brands and of one, an empty one, an odd one, and one that may still change."""
    store, clock = Store(S3Bucket(bucket, aws.endpoint)), MovingClock(FIRST + (DAYS + 3) * DAY)
    await settle(store, FIRST, DAYS, 200, block_rows=30)
    await settle(store, FIRST, DAYS, 200, ODD)
    all_brands = DayStore(store, "default", None)
    await all_brands.write((FIRST + DAYS * DAY).date(), clock(), Rows.of([]), settled=True)
    odd = LogRow(2**64 - 1, FIRST + (DAYS + 1) * DAY, "447700900001", 'O"2,\nUK 📱', "Confirmed", "0.10", "GBP")
    await all_brands.write((FIRST + (DAYS + 1) * DAY).date(), clock(), Rows.of([odd]), settled=True)
    open_day = odd._replace(time=FIRST + (DAYS + 2) * DAY)
    await all_brands.write((FIRST + (DAYS + 2) * DAY).date(), clock(), Rows.of([open_day]), settled=False)
    settings = Settings.read({"LEDGER_BUCKET": bucket, "OPENMARKET_BASE_URL": "http://127.0.0.1:1", **aws.environ})
    return process(settings, clock, store).credit_log


@pytest.fixture
def lake(log: CreditLog, bucket: str, aws: Aws, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A table over everything that is in the bucket."""
    del log  # which has filled it
    client = aws.client("s3")
    for item in client.list_objects_v2(Bucket=bucket)["Contents"]:
        path = tmp_path / item["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(client.get_object(Bucket=bucket, Key=item["Key"])["Body"].read())
    types = "{'credit_id': 'UBIGINT', 'time': 'TIMESTAMPTZ', 'amount': 'DECIMAL(38, 10)', 'msisdn': 'VARCHAR'}"
    with duckdb.connect() as lake:
        lake.execute(
            f"CREATE VIEW credits AS FROM read_csv('{tmp_path}/{TABLE}', hive_partitioning = true, header = true,"
            f" types = {types}, union_by_name = true)"
        )
        yield lake


async def test_the_lake_adds_up_to_the_summary(log: CreditLog, lake: duckdb.DuckDBPyConnection) -> None:
    period = Period(FIRST, FIRST + (DAYS + 2) * DAY)
    for brand, partition in ((None, "__all__"), (ODD, ODD)):
        if brand:
            period = Period(FIRST, FIRST + DAYS * DAY)
        snapshot = await log.snapshot("default", brand, period, Deadline.after(10))
        summary = await Selection(snapshot, period, None).summary(
            SummaryRequest(frozenset({SummaryKey.DAY, SummaryKey.NETWORK, SummaryKey.OUTCOME}))
        )
        summed = lake.execute(
            "SELECT day, network, outcome, currency, count(*), sum(amount) FROM credits"
            " WHERE tenant = 'default' AND brand = ? GROUP BY ALL",
            [partition],
        ).fetchall()
        assert sorted((*row[:5], Decimal(row[5])) for row in summed) == sorted(
            (line.day, line.network, line.outcome, line.currency, line.count, line.amount) for line in summary
        )


async def test_a_row_is_the_same_in_the_lake(lake: duckdb.DuckDBPyConnection) -> None:
    row = lake.execute(
        "SELECT credit_id, epoch(time), msisdn, network, outcome, raw_outcome, amount, currency, tenant, brand, day"
        " FROM credits WHERE credit_id = 18446744073709551615"
    ).fetchall()
    time = FIRST + timedelta(days=DAYS + 1)
    cells = (2**64 - 1, time.timestamp(), "447700900001", 'O"2,\nUK 📱', "SUCCESS", "Confirmed", Decimal("0.1"), "GBP")
    assert row == [(*cells, "default", "__all__", time.date())]


async def test_the_lake_sees_no_day_that_may_change_and_nothing_twice(lake: duckdb.DuckDBPyConnection) -> None:
    days = lake.execute("SELECT DISTINCT day FROM credits WHERE brand = '__all__' ORDER BY day").fetchall()
    assert [day for (day,) in days] == [(FIRST + number * DAY).date() for number in (0, 1, 2, 3, DAYS + 1)]
    assert lake.execute(
        "SELECT count(*) - count(DISTINCT credit_id) FROM credits WHERE brand = '__all__'"
    ).fetchall() == [(0,)]


async def test_only_settled_rows_bear_a_name_that_lakes_read(
    log: CreditLog, bucket: str, aws: Aws, tmp_path: Path
) -> None:
    """Athena, Trino and Spark skip names that begin with an underscore or a dot; all the others have to be rows."""
    del log, tmp_path
    keys = [item["Key"].rpartition("/")[2] for item in aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
    assert {name for name in keys if not name.startswith(("_", "."))} == {"rows.csv.gz"}
    assert not [name for name in keys if name.startswith("_") and name.endswith(".csv.gz")]
