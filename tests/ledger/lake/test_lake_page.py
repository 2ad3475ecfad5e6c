"""The queries of docs/lake.md and the saved ones of the template, run over a lake that the keeper's code has written.

DuckDB runs Athena's queries as well: they are plain SQL, and the view that it gets has the table's columns. Trino's
table is compared with the one of the template. A path on this machine takes the place of `s3://{bucket}`.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple, cast

import duckdb
import polars as pl
import pyarrow.dataset  # type: ignore[import-untyped]
import pyarrow.parquet  # type: ignore[import-untyped]
import pytest

from functions.settings import Settings
from ledger.days.day_store import DayStore
from ledger.days.rows import Rows
from ledger.figures.masking import masked
from ledger.figures.selection import Selection
from ledger.figures.summaries import SummaryKey, SummaryRequest
from ledger.lake.credit_lake import CreditLake
from ledger.lake.credit_rows import COLUMNS
from ledger.storage.leases import Leases
from runtime.clock import DAY, Period
from runtime.deadline import Deadline
from tests.support.documents import blocks
from tests.support.moving_clock import MovingClock
from tests.support.processes.ledger_process import process
from tests.support.repository import ROOT
from tests.support.s3.lake_files import save, visible
from tests.support.s3.memory_store import MemoryBucket, MemoryStore
from tests.support.s3.settled_days import settle
from tests.support.template_reading import resources, template
from upstreams.openmarket.rows import LogRow

PAGE = ROOT / "docs" / "lake.md"
FIRST = datetime(2019, 11, 28, tzinfo=UTC)
DAYS = 5
ROWS_A_DAY = 400
BRAND = "Chat & Win"
LARGEST_ID = 2**64 - 1
ODD = LogRow(
    LARGEST_ID,
    FIRST + DAYS * DAY,
    "447700900001",
    '=1+1,\r\nO\\2 "UK" \\',
    "Confirmed",
    "0.123456789012345678",
    "GBP",
)
PERIOD = Period(FIRST, FIRST + (DAYS + 1) * DAY)
Total = tuple[date, str, str, str, int, Decimal]


class FilledLake(NamedTuple):
    """A folder with the lake, and what `summary` answers about the same credits."""

    folder: Path
    totals: list[Total]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> FilledLake:
    return asyncio.run(fill(tmp_path_factory.mktemp("lake")))


async def fill(folder: Path) -> FilledLake:
    """Days of all brands, of one brand, and one with cells that readers of CSV stumble over."""
    clock = MovingClock(FIRST + (DAYS + 4) * DAY)
    bucket = MemoryBucket(clock)
    store = MemoryStore(bucket)
    await settle(store, FIRST, DAYS, ROWS_A_DAY)
    await settle(store, FIRST, DAYS, ROWS_A_DAY, BRAND)
    await DayStore(store, "default", None).write(ODD.time.date(), clock(), Rows.of([ODD]), settled=True)
    lake = CreditLake(store, Leases(store), clock)
    for brand in (None, BRAND):
        await lake.update("default", brand, lambda: True)
    objects = {key: stored.body for key, stored in bucket.objects.items()}
    save(objects, folder)
    settings = Settings.read({"LEDGER_BUCKET": "ledger", "OPENMARKET_BASE_URL": "http://127.0.0.1:1"})
    snapshot = await process(settings, clock, store).credit_log.snapshot("default", None, PERIOD, Deadline.after(10))
    summary = await Selection(snapshot, PERIOD, None).summary(
        SummaryRequest(frozenset({SummaryKey.DAY, SummaryKey.NETWORK, SummaryKey.OUTCOME}))
    )
    keyed = ((line.day, line.network, line.outcome, line.currency, line.count, line.amount) for line in summary)
    return FilledLake(folder, sorted(cast("Iterator[Total]", keyed)))  # none of the keys is null in this summary


def of_the_page(name: str, folder: Path) -> list[str]:
    return [block.text.replace("s3://{bucket}", str(folder)) for block in blocks(PAGE) if block.name == name]


@pytest.fixture
def database(filled: FilledLake) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with the view of the page."""
    with duckdb.connect() as connection:
        connection.execute(of_the_page("duckdb", filled.folder)[0])
        yield connection


def by_duckdb(folder: Path) -> list[Total]:
    with duckdb.connect() as connection:
        connection.execute(of_the_page("duckdb", folder)[0])
        return connection.execute(
            "SELECT day, network, outcome, currency, count(*), sum(amount) FROM credits GROUP BY ALL"
        ).fetchall()


def by_polars(folder: Path) -> list[Total]:
    frame = pl.scan_parquet(f"{folder}/lake/credits/tenant=default/month=*/*.parquet", hive_partitioning=True)
    keys = ["day", "network", "outcome", "currency"]
    return frame.group_by(keys).agg(pl.len(), pl.col("amount").sum()).collect().rows()


def by_pyarrow(folder: Path) -> list[Total]:
    table = pyarrow.dataset.dataset(f"{folder}/lake/credits/", format="parquet", partitioning="hive").to_table()
    keys = ["day", "network", "outcome", "currency"]
    grouped = table.group_by(keys).aggregate([([], "count_all"), ("amount", "sum")])
    return [tuple(row.values()) for row in grouped.select([*keys, "count_all", "amount_sum"]).to_pylist()]


@pytest.mark.parametrize("read", [by_duckdb, by_polars, by_pyarrow])
def test_the_whole_lake_adds_up_to_the_summary(read: Callable[[Path], list[Total]], filled: FilledLake) -> None:
    """Nothing names a brand, a month or a file: the obvious query counts each credit once."""
    assert sum(total[4] for total in filled.totals) == DAYS * ROWS_A_DAY + 1
    assert sorted(read(filled.folder)) == filled.totals


def test_a_row_with_odd_cells_is_the_same_in_the_lake(database: duckdb.DuckDBPyConnection) -> None:
    row = database.execute(
        "SELECT * EXCLUDE (time), time AT TIME ZONE 'UTC' FROM credits WHERE credit_id = ?", [LARGEST_ID]
    ).fetchall()
    day, exact = date(2019, 12, 3), Decimal(ODD.amount)
    cells = (LARGEST_ID, day, ODD.msisdn, ODD.network, "SUCCESS", "Confirmed", exact, ODD.amount, "GBP")
    assert row == [(*cells, "2019-12", "default", ODD.time.replace(tzinfo=None))]


def test_the_page_s_queries_run_in_duckdb(database: duckdb.DuckDBPyConnection, filled: FilledLake) -> None:
    view, *queries = of_the_page("duckdb", filled.folder)
    assert view.count("\n") == 3, "the view takes three lines"
    by_day, by_hour, of_a_brand = (database.execute(query).fetchall() for query in queries)
    assert sum(row[3] for row in by_day) == DAYS * ROWS_A_DAY + 1
    assert {row[1] for row in by_hour} == set(range(24))
    assert of_a_brand == [(0,)], "no brand is called Acme Ltd"
    (found,) = database.execute(queries[2].replace("Acme Ltd", BRAND)).fetchall()
    assert 0 < found[0] < DAYS * ROWS_A_DAY


def athenas_queries(folder: Path) -> list[str]:
    saved = [query["Properties"]["QueryString"] for query in resources("AWS::Athena::NamedQuery").values()]
    in_2019 = [re.sub(r"'2026-(\d\d)'", "'2019-12'", query) for query in (*of_the_page("athena", folder), *saved)]
    # DuckDB's decimal literals have 18 digits at the most, and its `rpad` takes no 64-bit number.
    in_digits = [re.sub(r"DECIMAL '(\d+)'", r"\1", query) for query in in_2019]
    return [re.sub(r"rpad\('', (.+), '\*'\)", r"repeat('*', \1)", query) for query in in_digits]


def test_the_queries_for_athena_run_and_find_credits(database: duckdb.DuckDBPyConnection, filled: FilledLake) -> None:
    database.execute("SET TimeZone = 'UTC'")
    *queries, view = athenas_queries(filled.folder)
    assert len(queries) == 4
    for query in queries:
        assert database.execute(query.replace("day, time,", "day,")).fetchall(), query
    database.execute(view)
    pairs = database.execute(
        "SELECT c.msisdn, m.msisdn FROM credits c JOIN credits_masked m USING (credit_id)"
    ).fetchall()
    assert len(pairs) == DAYS * ROWS_A_DAY + 1
    assert {shown for _, shown in pairs} == {masked(whole) for whole, _ in pairs}


def test_trino_s_table_is_that_of_the_template() -> None:
    (ddl, *_) = (block.text for block in blocks(PAGE) if block.name == "trino")
    columns = dict(re.findall(r"^  (\w+) ([\w(),]+?),?$", ddl, re.MULTILINE))
    table = template()["Resources"]["CreditsTable"]["Properties"]["TableInput"]
    names = {"string": "varchar", "timestamp": "timestamp(3)"}
    expected = [*table["StorageDescriptor"]["Columns"], *table["PartitionKeys"]]
    assert columns == {each["Name"]: names.get(each["Type"], each["Type"]) for each in expected}
    assert table["StorageDescriptor"]["Location"]["Fn::Sub"].replace("${Ledger}", "{bucket}") in ddl
    assert str([key["Name"] for key in table["PartitionKeys"]]) in ddl


def test_the_page_s_columns_are_the_table_s() -> None:
    of_credits = PAGE.read_text().partition("## Rows of report files")[0]
    names = re.findall(r"^\| `(\w+)` \| (?:`|text)", of_credits, re.MULTILINE)
    assert [name for name in names if name not in {"credits", "brand_credits"}] == [column.name for column in COLUMNS]


@pytest.mark.parametrize("name", ["polars", "pyarrow"])
def test_the_page_s_python_runs(name: str, filled: FilledLake, capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = of_the_page(name, filled.folder)
    exec(program, {})  # noqa: S102 - the page's own
    printed = capsys.readouterr().out
    assert "Orange" in printed if name == "polars" else int(printed) == DAYS * ROWS_A_DAY + 1


@pytest.mark.anyio
async def test_a_question_about_two_columns_reads_a_seventeenth_of_the_csv_at_the_most() -> None:
    """A reader fetches a file's footer and, of each row group, the chunks of the columns that it needs."""
    clock = MovingClock(datetime(2019, 12, 5, tzinfo=UTC))
    bucket = MemoryBucket(clock)
    store = MemoryStore(bucket)
    await settle(store, datetime(2019, 11, 1, tzinfo=UTC), 30, 100)
    await CreditLake(store, Leases(store), clock).update("default", None, lambda: True)
    objects = {key: stored.body for key, stored in bucket.objects.items()}
    (month,) = visible(objects).values()
    metadata = pyarrow.parquet.ParquetFile(BytesIO(month)).metadata
    chunks = [metadata.row_group(0).column(number) for number in range(metadata.num_columns)]
    needed = [chunk.total_compressed_size for chunk in chunks if chunk.path_in_schema in {"network", "outcome"}]
    assert (metadata.num_row_groups, metadata.num_rows, len(needed)) == (1, 3000, 2)
    stored_csv = sum(len(body) for key, body in objects.items() if key.endswith("/rows.csv.gz"))
    ratio = stored_csv / (metadata.serialized_size + sum(needed))
    print(f"the CSV is {ratio:.1f} times what the query reads")  # noqa: T201 - a figure to see with -s
    assert ratio >= 17


def test_no_file_says_more_than_its_columns(database: duckdb.DuckDBPyConnection) -> None:
    described: list[Any] = database.execute("DESCRIBE credits").fetchall()
    assert [name for name, *_ in described] == [*(column.name for column in COLUMNS), "month", "tenant"]
