"""The months of one report are one table for DuckDB, whose sums are those of the previews."""

import io
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

import duckdb
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it has no stubs
import pytest

from ledger.contents.opening import open_file
from ledger.contents.previews import SheetPreview
from ledger.lake import report_rows
from ledger.lake.report_rows import LakeFileTooLarge, RowsOrigin, write_report_rows
from tests.support.documents import blocks
from tests.support.report_files import KINDS, Table
from tests.support.repository import ROOT

HEADER = ["Customer", "amount", "seats", "_row"]


def in_the_lake(body: bytes, month: int, folder: Path, content: str = "") -> tuple[SheetPreview, Path]:
    """A report's file as the keeper brings it into the lake."""
    file, rows = folder / "file", folder / "rows"
    file.write_bytes(body)
    with rows.open("wb") as written:
        [sheet] = open_file(file, written, "rows", lambda: None).sheets
    origin = RowsOrigin("monthly", datetime(2026, month, 1, 4, tzinfo=UTC), content or f"{month:064}", f"{month:064x}")
    path = folder / origin.key("default", sheet, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as parquet:
        write_report_rows(parquet, rows, sheet, origin, lambda: None)
    return sheet, path


def month(number: int) -> Table:
    """Amounts of more digits each month; in March somebody has written a word among the seats."""
    seats = "many" if number == 3 else number
    return [[f"Übung {row}", Decimal(f"{row}.{number}{row % 10}"), seats, row] for row in range(30 * number)] + [
        [None, Decimal("-0.10"), 1, 7]
    ]


def test_sums_over_a_signature_are_those_of_the_previews(tmp_path: Path) -> None:
    sheets, paths = zip(
        *(in_the_lake(KINDS[kind](HEADER, month(number)), number, tmp_path)
          for number, kind in enumerate(("csv", "json", "xml", "xlsx", "csv"), 1)),
        strict=True,
    )  # fmt: skip
    assert len({path.parent for path in paths}) == 1
    expected = sum(Decimal(sheet.columns[1].sum or "nan") for sheet in sheets)
    with duckdb.connect() as database:
        database.sql("SET TimeZone = 'UTC'")
        files = database.read_parquet(f"{paths[0].parent}/*.parquet", union_by_name=True)
        files.create_view("monthly")
        [(amount, seats, rows, count)] = database.sql(
            "SELECT sum(amount_number), sum(seats_number), count(*), count(DISTINCT _file) FROM monthly"
        ).fetchall()
        in_march = database.sql("SELECT DISTINCT seats FROM monthly WHERE _created = '2026-03-01 04:00:00Z' ORDER BY 1")
        words = in_march.fetchall()
    assert (amount, rows, count) == (expected, sum(sheet.row_count for sheet in sheets), 5)
    assert seats == sum(Decimal(sheet.columns[2].sum or 0) for sheet in sheets)  # but for March, which has none
    assert words == [("1",), ("many",)]


def test_every_cell_is_there_as_text_with_where_it_is_from(tmp_path: Path) -> None:
    sheet, path = in_the_lake(KINDS["csv"](HEADER, month(1)), 1, tmp_path)
    table = pq.read_table(path)
    assert table.column_names == [
        "_report", "_created", "_file", "_sheet", "_row", "Customer", "_row (2)", "amount", "seats",
        "_row_number", "amount_number", "seats_number",
    ]  # fmt: skip
    assert table.column("Customer").to_pylist() == [*(f"Übung {row}" for row in range(30)), None]
    assert table.column("amount").to_pylist()[-1] == "-0.10"
    assert table.column("amount_number").to_pylist()[-1] == Decimal("-0.10")
    assert table.column("_row").to_pylist() == list(range(31))
    assert sheet.row_count == 31


@pytest.mark.parametrize(("width", "count", "most"), [(3, 100_000, 131_072), (2_000, 50, 400)])
def test_a_row_group_is_bounded_by_what_its_rows_take(width: int, count: int, most: int, tmp_path: Path) -> None:
    header = ",".join(f"c{number}" for number in range(width))
    body = f"{header}\n" + f"{'1,' * (width - 1)}1\n" * min(count, 50)
    (tmp_path / "file").write_text(body)
    [sheet] = open_file(tmp_path / "file", io.BytesIO(), "rows", lambda: None).sheets
    assert report_rows._row_group(sheet, 2 * width + 5) <= most


@pytest.mark.slow
def test_a_file_for_the_lake_stops_growing_at_a_limit(tmp_path: Path) -> None:
    """Its row groups are of 24 MB of text; a file that ends within the first one is written."""
    file, rows, parquet = tmp_path / "file", tmp_path / "rows", tmp_path / "parquet"
    dice = Random(7)  # noqa: S311 - texts that do not compress well
    file.write_text("n,text\n" + "".join(f"{number},{dice.randbytes(40_000).hex()}\n" for number in range(200)))
    with rows.open("wb") as written:
        [sheet] = open_file(file, written, "rows", lambda: None).sheets
    origin = RowsOrigin("monthly", datetime(2026, 1, 1, tzinfo=UTC), "1" * 64, "1" * 64)
    with parquet.open("wb") as taken, pytest.raises(LakeFileTooLarge):
        write_report_rows(taken, rows, sheet, origin, lambda: None, most=1_000_000)
    with parquet.open("wb") as taken:
        write_report_rows(taken, rows, sheet, origin, lambda: None, most=20_000_000)
    assert pq.read_metadata(parquet).num_rows == 200


def test_the_query_of_the_page_counts_an_invoice_that_was_made_twice_once(tmp_path: Path) -> None:
    [query] = [block.text for block in blocks(ROOT / "docs" / "lake.md") if block.name == "report-rows"]
    table: Table = [["a", Decimal("1.50")], ["b", Decimal("2.25")]]
    for number, content in ((1, "same"), (2, "same"), (3, "other")):
        sheet, _ = in_the_lake(KINDS["csv"](["name", "price"], table), number, tmp_path, content)
    here = query.replace("s3://{bucket}", str(tmp_path)).replace("9cc864331bb5c5cb", sheet.signature)
    with duckdb.connect() as database:
        assert database.execute(here).fetchall() == [("monthly", 4, Decimal("7.50"))]


def test_the_page_writes_athena_s_table_for_a_signature(tmp_path: Path) -> None:
    [query] = [block for block in blocks(ROOT / "docs" / "lake.md") if block.name == "report-rows-table"]
    prices: Table = [["a", Decimal("1.50")]]
    words: Table = [["b", "none"]]
    for number, table in ((1, words), (2, prices)):
        sheet, _ = in_the_lake(KINDS["csv"](["name", "price"], table), number, tmp_path)
    here = query.text.replace("9cc864331bb5c5cb", sheet.signature).replace(
        "  's3://{bucket}/lake/report_rows/", f"  '{tmp_path}/lake/report_rows/"
    )
    with duckdb.connect() as database:
        [(printed,)] = database.execute(here).fetchall()
    assert printed.replace(sheet.signature, "9cc864331bb5c5cb") == (query.prints or "").strip()
