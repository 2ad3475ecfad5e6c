"""Rows as Parquet: three readers by others see the same values and types, and nothing is rounded or lost on the way."""

import io
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import batched
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet  # type: ignore[import-untyped]
import pytest

from ledger.lake.parquet import (
    DATE,
    INTEGER,
    TEXT,
    TIMESTAMP,
    Column,
    ColumnType,
    FileNotWritten,
    Row,
    ValueDoesNotFit,
    decimal,
    fits,
    write_parquet,
)
from tests.support.repository import ROOT

COLUMNS = [
    Column("id", decimal(20, 0), distinct=True),
    Column("name", TEXT),
    Column("quantity", INTEGER),
    Column("price", decimal(38, 18)),
    Column("made", TIMESTAMP),
    Column("on", DATE),
]
MADE = datetime(2026, 11, 20, 0, 1, 53, 250_000, tzinfo=UTC)
ROWS: list[Row] = [
    (2**64 - 1, 'a "quoted", \\ back\nslash', -(2**63), Decimal("12345678901234567890.123456789012345678"), MADE,
     date(2026, 11, 20)),
    (0, "=1+1", 2**63 - 1, Decimal("-0.5000"), MADE.replace(year=1970), date(1969, 12, 31)),
    (None, None, None, None, None, None),
    (7, "", 0, Decimal("1E+3"), MADE, date(2026, 1, 1)),
    (8, "  zoë 🙂", 1, Decimal(0), MADE, date(2026, 1, 1)),
]  # fmt: skip


def written(rows: Sequence[Row], columns: Sequence[Column] = COLUMNS, *, batch: int = 2, row_group: int = 3) -> bytes:
    file = io.BytesIO()
    assert write_parquet(file, columns, batched(rows, batch, strict=False), row_group=row_group) == len(rows)
    return file.getvalue()


def by_duckdb(path: Path) -> Sequence[Row]:
    # To hand over an instant as it is, DuckDB's client for Python wants a package of time zones.
    query = "SELECT * REPLACE (made AT TIME ZONE 'UTC' AS made) FROM read_parquet(?)"
    with duckdb.connect() as connection:
        rows = connection.execute(query, [str(path)]).fetchall()
    return [(*row[:4], row[4] and row[4].replace(tzinfo=UTC), *row[5:]) for row in rows]


def by_pyarrow(path: Path) -> Sequence[Row]:
    return [tuple(row.values()) for row in pyarrow.parquet.read_table(path).to_pylist()]


def by_polars(path: Path) -> Sequence[Row]:
    return pl.read_parquet(path).rows()


@pytest.mark.parametrize("read", [by_duckdb, by_pyarrow, by_polars])
def test_every_reader_sees_the_values_that_were_written(read: Callable[[Path], Sequence[Row]], tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(written(ROWS))
    assert read(path) == ROWS


def test_the_types_are_ones_that_athena_has(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    path.write_bytes(written(ROWS))
    with duckdb.connect() as connection:
        described = connection.execute("DESCRIBE FROM read_parquet(?)", [str(path)]).fetchall()
    assert {name: kind for name, kind, *_ in described} == {
        "id": "DECIMAL(20,0)",
        "name": "VARCHAR",
        "quantity": "BIGINT",
        "price": "DECIMAL(38,18)",
        "made": "TIMESTAMP WITH TIME ZONE",
        "on": "DATE",
    }


def test_numbers_and_instants_may_come_as_text() -> None:
    columns = [Column("id", decimal(20, 0)), Column("price", decimal(9, 2)), Column("made", TIMESTAMP)]
    body = written([("18446744073709551615", "25.5000", "2026-11-20T00:01:53.25Z")], columns)
    (row,) = pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist()
    assert tuple(row.values()) == (2**64 - 1, Decimal("25.50"), MADE)


def test_a_file_without_rows_has_its_columns() -> None:
    assert pyarrow.parquet.read_table(io.BytesIO(written([]))).column_names == [column.name for column in COLUMNS]


def test_rows_are_compressed_in_groups_of_the_given_size() -> None:
    metadata = pyarrow.parquet.ParquetFile(io.BytesIO(written(ROWS))).metadata
    assert [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)] == [3, 2]
    assert {metadata.row_group(0).column(at).compression for at in range(metadata.num_columns)} == {"ZSTD"}


@pytest.mark.parametrize(
    ("of", "value"),
    [
        (decimal(20, 0), 10**20),
        (decimal(20, 0), Decimal("1.5")),
        (decimal(38, 18), Decimal("0.1234567890123456789")),
        (decimal(38, 18), "123456789012345678901"),
        (decimal(38, 18), "a"),
        (decimal(38, 18), Decimal("NaN")),
        (INTEGER, 2**63),
        (INTEGER, "seven"),
        (TEXT, 7),
        (TIMESTAMP, "yesterday"),
        (DATE, "2026-11-20"),
    ],
)
def test_a_value_that_is_not_exact_in_its_column_is_refused(of: ColumnType, value: str | int | Decimal) -> None:
    with pytest.raises(ValueDoesNotFit, match="column only"):
        written([(value,)], [Column("only", of)])


@pytest.mark.parametrize(
    ("value", "exact"),
    [
        ("25.5000", True),
        ("25.123", False),
        ("25.1230", False),
        ("25.12000", True),
        ("0.00", True),
        ("000012345.6", True),
        ("000012345", True),
        ("1234567.8", True),
        ("12345678", False),
        ("1E+6", True),
        ("1E+7", False),
        ("-9999999.99", True),
    ],
)
def test_what_is_exact_in_nine_digits_with_two_after_the_point(value: str, exact: bool) -> None:
    assert fits(value, decimal(9, 2)) == exact
    assert fits(Decimal(value), decimal(9, 2)) == exact


def test_an_error_of_the_source_arrives_as_it_is() -> None:
    class LostError(Exception):
        pass

    def batches() -> Iterator[list[Row]]:
        yield [("first",)]
        raise LostError("the second batch")

    with pytest.raises(LostError, match="the second batch"):
        write_parquet(io.BytesIO(), [Column("only", TEXT)], batches())


def test_a_full_disk_is_an_error_that_a_caller_can_catch() -> None:
    """The writer panics, which is no `Exception`: it would end the keeper's whole run."""
    with pytest.raises(FileNotWritten), Path("/dev/full").open("wb", buffering=0) as file:
        write_parquet(file, [Column("only", TEXT)], [[("first",)]])


MEASURED = """
import sys
from itertools import batched
from pathlib import Path
from ledger.lake.parquet import TEXT, TIMESTAMP, Column, decimal, write_parquet

columns = [Column("id", decimal(20, 0), distinct=True), Column("made", TIMESTAMP, distinct=True), Column("name", TEXT)]
rows = ((str(number), "2026-11-20T00:01:53Z", f"network {number % 7}") for number in range(int(sys.argv[1])))
with open("/dev/null", "wb") as file:
    assert write_parquet(file, columns, batched(rows, 4096), row_group=16_384) == int(sys.argv[1])
print(int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows() -> None:
    small, large = (
        int(
            subprocess.run(
                [sys.executable, "-c", MEASURED, str(rows)], cwd=ROOT, capture_output=True, text=True, check=True
            ).stdout
        )
        for rows in (20_000, 600_000)
    )
    print(f"peak MiB at 20,000 and 600,000 rows: {small}, {large}")  # noqa: T201 - a figure to see with -s
    assert large - small < 10
