"""One table, written in every format by other people's writers, is the same report."""

# ruff: noqa: DTZ001 - a spreadsheet has no time zones

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.contents.columns import CellType, ReportColumn
from ledger.contents.previews import PreviewState, SheetPreview
from tests.support.report_files import KINDS, Table, Value, json_lines_bytes, opened, text_of

HEADER = ["account", "id", "name", "price", "seats", "active", "since", "billed_at", "note"]
ROWS: list[list[Value]] = [
    ["0042", "9007199254740993", 'Übung "A", Ltd.', Decimal("12.50"), 3, True, date(2025, 1, 31),
     datetime(2026, 11, 20, 8, 30), None],
    ["0043", "18446744073709551615", "Line\nbreak; 😀 and\ttab", Decimal("-3.10"), -12, False, date(2026, 2, 28),
     datetime(2026, 11, 20, 23, 59, 59), "=1+1"],
    ["1", "7", "  blanks  ", Decimal("0.00"), 0, True, None, datetime(2026, 1, 1), None],
]  # fmt: skip
EXPECTED = [
    ReportColumn("account", CellType.STRING, 0, 3, "0042", "1", None),
    ReportColumn("id", CellType.STRING, 0, 3, "18446744073709551615", "9007199254740993", None),
    ReportColumn("name", CellType.STRING, 0, 3, "  blanks  ", 'Übung "A", Ltd.', None),
    ReportColumn("price", CellType.DECIMAL, 0, 3, "-3.10", "12.50", "9.40"),
    ReportColumn("seats", CellType.INTEGER, 0, 3, "-12", "3", "-9"),
    ReportColumn("active", CellType.BOOLEAN, 0, 2, "false", "true", None),
    ReportColumn("since", CellType.DATE, 1, 2, "2025-01-31", "2026-02-28", None),
    ReportColumn("billed_at", CellType.DATETIME, 0, 3, "2026-01-01T00:00:00", "2026-11-20T23:59:59", None),
    ReportColumn("note", CellType.STRING, 2, 1, "=1+1", "=1+1", None),
]
EVERY_KIND = {**KINDS, "jsonl": json_lines_bytes}


def the_sheet(kind: str, header: list[str], table: Table, folder: Path) -> tuple[SheetPreview, list[Any]]:
    preview, [rows] = opened(EVERY_KIND[kind](header, table), folder)
    assert preview.state is PreviewState.READY, preview.reason
    return preview.sheets[0], rows


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_columns_types_figures_and_rows_are_the_same_in_every_format(kind: str, tmp_path: Path) -> None:
    sheet, rows = the_sheet(kind, HEADER, ROWS, tmp_path)
    assert list(sheet.columns) == EXPECTED
    assert rows == list(sheet.first_rows) == [[text_of(value) for value in row] for row in ROWS]
    assert (sheet.row_count, sheet.name) == (3, "Report" if kind == "xlsx" else None)


def test_the_signature_is_that_of_the_header_in_whatever_format_and_order(tmp_path: Path) -> None:
    found = {the_sheet(kind, HEADER, ROWS, tmp_path)[0].signature for kind in EVERY_KIND}
    turned = [list(reversed(row)) for row in ROWS]
    found.add(the_sheet("csv", HEADER[::-1], turned, tmp_path)[0].signature)
    assert len(found) == 1
    other, _ = the_sheet("csv", [*HEADER[:-1], "remark"], ROWS, tmp_path)
    assert other.signature not in found


texts = st.text(
    # What XML can hold; a carriage return is a line feed in XML and in workbooks.
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn"], include_characters="\n\t,;|\"'=+@\\"),
    max_size=12,
).filter(lambda text: not text or text.strip())
digits = st.from_regex(r"[0-9]{1,22}", fullmatch=True)
money = st.integers(-(10**12), 10**12).map(lambda cents: (Decimal(cents) / 100).quantize(Decimal("0.01")))
days = st.dates(date(1901, 1, 1), date(2200, 1, 1))
moments = st.datetimes(datetime(1901, 1, 1), datetime(2200, 1, 1)).map(lambda moment: moment.replace(microsecond=0))
integers = st.integers(-(10**14), 10**14)
cells = {"text": texts, "digits": digits, "money": money, "day": days, "moment": moments, "integer": integers,
         "flag": st.booleans(), "mixed": st.one_of(texts, digits, money, days, integers, st.booleans())}  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], Table]:
    kinds = draw(st.lists(st.sampled_from(sorted(cells)), min_size=1, max_size=8))
    header = [f"{kind}_{number}" for number, kind in enumerate(kinds)]
    row = st.tuples(*(st.none() | cells[kind] for kind in kinds))
    return header, [list(row) for row in draw(st.lists(row, min_size=2, max_size=8))]


@settings(max_examples=60, deadline=None)
@given(tables())
def test_any_table_is_the_same_in_every_format(table: tuple[list[str], Table]) -> None:
    header, rows = table
    expected = [row for row in ([text_of(value) for value in row] for row in rows) if any(row)]
    with TemporaryDirectory() as folder:
        found = [the_sheet(kind, header, rows, Path(folder)) for kind in KINDS]
    for sheet, cells_found in found:
        assert cells_found == expected
        assert sheet.columns == found[0][0].columns
        for column, values in zip(sheet.columns, zip(*expected, strict=True), strict=False):
            present = [value for value in values if value is not None]
            assert (column.nulls, column.distinct) == (len(values) - len(present), len(set(present)))
            if column.type in {CellType.INTEGER, CellType.DECIMAL}:
                assert Decimal(column.sum or "nan") == sum(map(Decimal, present))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1])
def test_a_table_of_one_row_and_of_none(kind: str, count: int, tmp_path: Path) -> None:
    sheet, rows = the_sheet(kind, HEADER, ROWS[:count], tmp_path)
    assert (sheet.row_count, len(rows)) == (count, count)
    if count or kind in {"csv", "xlsx"}:  # JSON and XML name their columns in their rows
        assert [column.name for column in sheet.columns] == HEADER


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_of_200_columns_and_several_blocks(kind: str, tmp_path: Path) -> None:
    header = [f"c{number}" for number in range(200)]
    sheet, rows = the_sheet(kind, header, [[row * number for number in range(200)] for row in range(501)], tmp_path)
    assert (sheet.row_count, len(sheet.rows.blocks), len(sheet.first_rows)) == (501, 2, 100)
    assert rows[500] == [str(500 * number) for number in range(200)]
    assert sheet.columns[199] == ReportColumn("c199", CellType.INTEGER, 0, 501, "0", "99500", str(199 * 125250))


def test_the_log_says_how_far_a_large_file_has_been_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    preview, _ = opened(b"a\n" + b"1\n" * 250_000, tmp_path)
    assert preview.sheets[0].row_count == 250_000
    assert [record.getMessage().split()[0] for record in caplog.records] == ["100000", "200000"]
