"""How workbooks are read, whichever program wrote them: number formats, epochs, formulas, texts."""

import io
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

import openpyxl  # type: ignore[import-untyped]  # it has no stubs
import polars as pl
import pytest
import xlsxwriter  # type: ignore[import-untyped]  # likewise
from python_calamine import CalamineWorkbook

from ledger.contents.readers.xlsx.number_formats import EPOCH_1900, EPOCH_1904, builtin_format, format_of, shown
from tests.support.report_files import opened, read_sheet, xlsx_bytes

# ruff: noqa: DTZ001 - a spreadsheet has no time zones


@pytest.mark.parametrize(
    ("code", "value", "expected"),
    [
        ("General", 0.1, "0.1"), ("General", 1e-7, "0.0000001"),
        ("General", 123456789012345680.0, "123456789012345680"),
        ("General", -0.0, "0"), ("General", 0.1 + 0.2, "0.30000000000000004"),
        ("[$€-407] #,##0.00", 12.5, "12.50"), ('#,##0.00 "EUR";[Red]-#,##0.00 "EUR"', -3.0, "-3.00"),
        ("0.00", 12.345, "12.345"), ("0.000", 2.0, "2.000"), ("0%", 0.25, "0.25"), ("0.00E+00", 1500.0, "1500"),
        ("# ?/?", 0.5, "0.5"), ("@", 7.0, "7"), ("#,##0", 1234.5, "1234.5"),
        ("yyyy-mm-dd", 45981.0, "2025-11-20"), ("d. mmmm yyyy", 45981.0, "2025-11-20"),
        ("mmm yy", 45981.0, "2025-11-20"),
        ("dd.mm.yyyy", 45981.5, "2025-11-20T12:00:00"), ("dd/mm/yyyy hh:mm", 45981.0, "2025-11-20T00:00:00"),
        ("[$-409]m/d/yy h:mm AM/PM", 45981.75, "2025-11-20T18:00:00"), ("hh:mm:ss", 0.5, "12:00:00"),
        ("[h]:mm", 1.5, "36:00:00"), ("mm:ss", 0.000011574074, "00:00:01"), ("yyyy-mm-dd", 1.0, "1900-01-01"),
        ("yyyy-mm-dd", 60.0, "60"), ("yyyy-mm-dd", -1.0, "-1"), ("yyyy-mm-dd", 1e9, "1000000000"),
        ("yyyy-mm-dd hh:mm:ss.000", 45981.123456, "2025-11-20T02:57:46.598"),
        ("hh:mm:ss", 0.5 + 0.25 / 86_400, "12:00:00.250"), ("[h]:mm", 0.354166666666667, "08:30:00"),
        ("General", 1e15, "1000000000000000"), ("0.00", -1e15, "-1000000000000000.00"),
        ("[DBNum1][$-804]General", 5.0, "5"), ("[Schwarz]0.00", 2.0, "2.00"), ("[<=9999]0.00;0.0", 3.5, "3.50"),
        ("0.00!s", 2.0, "2.00"), ("hh:mm", 1e306, "1" + 306 * "0"), ("yyyy", 2_958_465.0, "9999-12-31"),
    ],
)  # fmt: skip
def test_a_number_is_shown_by_its_format(code: str, value: float, expected: str) -> None:
    assert shown(value, format_of(code), EPOCH_1900) == expected


def test_builtin_formats_and_the_other_epoch() -> None:
    assert [shown(45981.25, builtin_format(number), EPOCH_1900) for number in (0, 2, 8, 14, 22, 21, 44, 49)] == [
        "45981.25", "45981.25", "45981.25", "2025-11-20T06:00:00", "2025-11-20T06:00:00", "1103550:00:00", "45981.25",
        "45981.25",
    ]  # fmt: skip
    assert shown(1.0, builtin_format(44), EPOCH_1900) == "1.00"
    assert shown(0.0, builtin_format(14), EPOCH_1904) == "1904-01-01"
    assert shown(2_957_003.0, builtin_format(14), EPOCH_1904) == "9999-12-31"
    assert shown(2_957_004.0, builtin_format(14), EPOCH_1904) == "2957004"


def by_openpyxl() -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    page: Any = book.active
    page.title = "Über & alles"
    page.append(["text", "number", "day", "moment", "flag", "formula", "error"])
    page.append(["a <b>\n\u00a0", 1.5, date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5), True, "=1+1", "#N/A"])
    page.append([None, -7, None, None, False, None, None])
    page["B2"].number_format = '#,##0.00\\ "kr"'
    page["H5"] = "beyond"
    book.create_sheet("empty")
    book.save(file)
    return file.getvalue()


def test_a_workbook_of_openpyxl(tmp_path: Path) -> None:
    preview, _ = opened(by_openpyxl(), tmp_path)
    assert [sheet.name for sheet in preview.sheets] == ["Über & alles", "empty"]
    names, rows = read_sheet(by_openpyxl(), tmp_path)
    assert names == ["text", "number", "day", "moment", "flag", "formula", "error", "column 8"]
    assert rows == [  # a formula that nothing has calculated has no result
        ["a <b>\n\u00a0", "1.50", "2026-01-02", "2026-01-02T03:04:05", "true", None, "#N/A", None],
        [None, "-7", None, None, "false", None, None, None],
        [None] * 7 + ["beyond"],
    ]


def test_a_workbook_of_polars(tmp_path: Path) -> None:
    file = io.BytesIO()
    frame = pl.DataFrame(
        {"day": [date(2026, 1, 2)], "price": [12.5], "n": [3], "s": ["001"], "at": [datetime(2026, 1, 2, 3)]}
    )
    frame.write_excel(file)
    assert read_sheet(file.getvalue(), tmp_path) == (
        ["day", "price", "n", "s", "at"], [["2026-01-02", "12.500", "3", "001", "2026-01-02T03:00:00"]],
    )  # fmt: skip


def test_formulas_rich_texts_and_escapes_of_xlsxwriter(tmp_path: Path) -> None:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    page = book.add_worksheet()
    page.write_row(0, 0, ["sum", "word", "rich", "odd", "time"])
    page.write_formula(1, 0, "=1+1", None, 2)
    page.write_formula(1, 1, '="a"&"b"', None, "ab")
    page.write_rich_string(1, 2, "plain ", book.add_format({"bold": True}), "bold")
    page.write_string(1, 3, "bell\x07 and _x0041_")
    page.write_datetime(1, 4, time(13, 30), book.add_format({"num_format": "hh:mm"}))
    book.close()
    expected = [["2", "ab", "plain bold", "bell\x07 and _x0041_", "13:30:00"]]
    assert read_sheet(file.getvalue(), tmp_path) == (["sum", "word", "rich", "odd", "time"], expected)


def test_cells_are_those_that_calamine_reads(tmp_path: Path) -> None:
    dice = Random(7)  # noqa: S311 - the same cells every time
    made: list[list[Any]] = [
        [dice.choice([None, "", "ä", "001", "=x", dice.randrange(-(10**9), 10**9), dice.choice([True, False]),
                      date(2020, 1, 1) + timedelta(days=dice.randrange(3000)),
                      datetime(2020, 1, 1) + timedelta(seconds=dice.randrange(10**8))]) for _ in range(12)]
        for _ in range(300)
    ]  # fmt: skip
    body = xlsx_bytes([f"c{number}" for number in range(12)], made)
    _, rows = read_sheet(body, tmp_path)
    theirs = CalamineWorkbook.from_filelike(io.BytesIO(body)).get_sheet_by_index(0).to_python()[1:]
    assert rows == [[as_text(cell) for cell in row] for row in theirs]


def as_text(value: Any) -> str | None:
    match value:
        case "":
            return None
        case bool():
            return str(value).lower()
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case date():
            return value.isoformat()
    return str(value)


def test_a_strict_workbook_has_the_same_cells(tmp_path: Path) -> None:
    """Strict files have other namespaces, and may have dates in ISO 8601."""
    strict = {
        b"http://schemas.openxmlformats.org/spreadsheetml/2006/main": b"http://purl.oclc.org/ooxml/spreadsheetml/main",
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships":
            b"http://purl.oclc.org/ooxml/officeDocument/relationships",
        b't="n"><v>46024</v>': b't="d"><v>2026-01-02</v>',
    }  # fmt: skip
    written, file = by_openpyxl(), io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(written)) as archive, zipfile.ZipFile(file, "w") as changed:
        for name in archive.namelist():
            content = archive.read(name)
            for before, after in strict.items():
                content = content.replace(before, after)
            changed.writestr(name, content)
    with zipfile.ZipFile(file) as archive:
        assert b't="d"' in archive.read("xl/worksheets/sheet1.xml")
    assert read_sheet(file.getvalue(), tmp_path) == read_sheet(written, tmp_path)


def test_a_workbook_with_prefixes_is_read(tmp_path: Path) -> None:
    """Some writers put every element into a prefixed namespace."""
    with zipfile.ZipFile(io.BytesIO(by_openpyxl())) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    for tag in ("worksheet", "sheetData", "row", "c", "v", "is", "t"):
        sheet = (
            sheet.replace(f"<{tag}>", f"<x:{tag}>")
            .replace(f"<{tag} ", f"<x:{tag} ")
            .replace(f"</{tag}>", f"</x:{tag}>")
        )
    parts["xl/worksheets/sheet1.xml"] = (
        sheet.replace("xmlns=", "xmlns:x=").replace("<v/>", "<x:v/>").replace("<v />", "<x:v />")
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert read_sheet(file.getvalue(), tmp_path)[0][:3] == ["text", "number", "day"]
