"""How each kind of file is read, where writers differ: delimiters, encodings, nesting, number formats."""

import gzip
import io
import json
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

import openpyxl  # type: ignore[import-untyped]  # it has no stubs
import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]  # it has no stubs
import pyarrow.csv  # type: ignore[import-untyped]  # likewise
import pytest
import xlsxwriter  # type: ignore[import-untyped]  # likewise
from python_calamine import CalamineWorkbook

from ledger.contents.previews import PreviewState
from ledger.contents.readers import json_files
from ledger.contents.readers.csv_files import delimiter_of
from ledger.contents.readers.refusals import Broken, TooLarge, Unsupported
from ledger.contents.readers.xlsx.number_formats import EPOCH_1900, EPOCH_1904, builtin_format, format_of, shown
from tests.support.report_files import csv_bytes, opened, xlsx_bytes

# ruff: noqa: DTZ001 - a spreadsheet has no time zones


def table(body: bytes, folder: Path, sheet: int = 0) -> tuple[list[str], list[list[str | None]]]:
    preview, rows = opened(body, folder)
    assert preview.state is PreviewState.READY, preview.reason
    return [column.name for column in preview.sheets[sheet].columns], rows[sheet]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_csv_in_any_delimiter_and_encoding(delimiter: str, encoding: str, tmp_path: Path) -> None:
    rows = [["Löw, en; bräu | x", "1,50"], ["€ 3\nline", "2,25"]]
    body = csv_bytes(["name", "price"], rows, delimiter=delimiter, encoding=encoding)
    assert table(body, tmp_path) == (["name", "price"], rows)


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (["a;b,c\n", "1;2,5\n", "3;4\n"], ";"),
        (["a,b\n", "1,2\n"], ","),
        (["only\n", "one column\n"], ","),
        (["a|b|c\n", "1,0|2|3\n", "4|5,0|6\n"], "|"),
        ([], ","),
    ],
)
def test_the_delimiter_is_the_one_of_constant_width(sample: list[str], expected: str) -> None:
    assert delimiter_of(sample) == expected


def test_what_csv_writers_do_differently(tmp_path: Path) -> None:
    assert table(b"sep=;\r\na;b\r\n1;2\r\n", tmp_path) == (["a", "b"], [["1", "2"]])
    assert table(b"a,b\r1,2\r3,4\r", tmp_path) == (["a", "b"], [["1", "2"], ["3", "4"]])
    assert table(b"\n\na,a,\n1,2,3,4\n,,\n5\n", tmp_path) == (
        ["a", "a (2)", "column 3", "column 4"], [["1", "2", "3", "4"], ["5", None, None, None]],
    )  # fmt: skip
    assert table('a,b\n"1\u2028x",2\n'.encode(), tmp_path) == (["a", "b"], [["1\u2028x", "2"]])


@pytest.mark.parametrize("name", ["[Customer]", "{id}", "[total]"])
def test_csv_may_begin_as_json_does(name: str, tmp_path: Path) -> None:
    assert table(f"{name},b\n1,2\n".encode(), tmp_path) == ([name, "b"], [["1", "2"]])


def test_csv_of_other_people_s_writers(tmp_path: Path) -> None:
    columns = {"name": ["Ä", 'q"x'], "n": [1, 2]}
    by_pyarrow = io.BytesIO()
    pa.csv.write_csv(pa.table(columns), by_pyarrow)
    for body in (pl.DataFrame(columns).write_csv().encode(), by_pyarrow.getvalue()):
        assert table(body, tmp_path) == (["name", "n"], [["Ä", "1"], ['q"x', "2"]])
    assert table(pl.DataFrame(columns).write_ndjson().encode(), tmp_path)[1] == [["Ä", "1"], ['q"x', "2"]]


@pytest.mark.parametrize(
    ("text", "names", "rows"),
    [
        ('[{"a": 1.50, "b": true}, {"b": null, "c": "x"}]', ["a", "b", "c"],
         [["1.50", "true", None], [None, None, "x"]]),
        ('{"meta": {"n": [1, 2]}, "data": {"rows": [{"a": 1e5}]}}', ["a"], [["1e5"]]),
        ('{"first": [], "rows": [{"a": 1}], "more": [{"b": 2}]}', ["a"], [["1"]]),
        ('{"a": {"b": {"c": [{"too": "deep"}]}}}', ["a"], [['{"b":{"c":[{"too":"deep"}]}}']]),
        ('{"rows": []}', [], []),
        ('{"a": 12345678901234567890}\n{"a": -0.10}\n', ["a"], [["12345678901234567890"], ["-0.10"]]),
        ('[{"a": [1, 2.50, {"b": "ü\\"x"}], "c": {}, "d": []}]', ["a", "c", "d"],
         [['[1,2.50,{"b":"ü\\"x"}]', None, None]]),
        ('[{"a": "\\ud83d\\ude00 \\ud83d"}]', ["a"], [["😀 \ufffd"]]),
        ('  \n[ {"a" : "x"} ]  ', ["a"], [["x"]]),
    ],
)  # fmt: skip
def test_the_rows_of_json(text: str, names: list[str], rows: list[list[str | None]], tmp_path: Path) -> None:
    for body in (text.encode(), gzip.compress(text.encode())):
        assert table(body, tmp_path) == (names, rows)


def walked(text: str, longest: int) -> tuple[list[str], list[list[str | None]]]:
    """The table of a document of which only values of so many characters are decoded whole."""
    [sheet] = json_files.sheets_of(lambda: io.BytesIO(text.encode()), longest)
    rows = [row for row in sheet.rows]  # noqa: C416 - columns are found while rows are read
    return sheet.columns.names, rows


def test_a_document_that_is_too_large_to_decode_is_walked() -> None:
    row = {"id": 123456789, "note": "x" * 30_000}
    for document in (
        [row] * 20,
        {"meta": {"made": "now", "by": [1, 2]}, "rows": [row] * 20, "more": [{"other": 1}]},
        {"a": {"none": [], "scalars": [1, "x"], "rows": [row] * 20}, "b": None},
    ):
        names, rows = walked(json.dumps(document, indent=1), 100_000)
        assert (names, len(rows), rows[-1][0]) == (["id", "note"], 20, "123456789")
    with pytest.raises(Unsupported):
        walked(json.dumps({"scalars": ["x" * 50_000] * 20}), 60_000)
    with pytest.raises(TooLarge):
        walked(json.dumps([row] * 20), 20_000)
    for broken in (json.dumps([row] * 20)[:-1], json.dumps({"rows": [row] * 20}) + "}", json.dumps([row] * 20) + "[]"):
        with pytest.raises(Broken):
            walked(broken, 300_000)


@pytest.mark.parametrize(
    ("text", "names", "rows"),
    [
        ('<r><a id="1"><n>x</n></a><a id="2"/></r>', ["@id", "n"], [["1", "x"], ["2", None]]),
        ("<r><head><t>1</t></head><rows><row><a>1</a></row><row><a>2</a></row></rows></r>", ["a"], [["1"], ["2"]]),
        ("<r><one><a>1</a><b>2</b></one></r>", ["a", "b"], [["1", "2"]]),
        ("<r><a>1</a><b>2</b></r>", ["a", "b"], [["1", "2"]]),
        ("<r/>", [], []),
        ("<r><a>x</a><a>y</a></r>", ["#text"], [["x"], ["y"]]),
        ('<r><a><b k="v">1</b><c>2</c><c>3</c></a><a/></r>', ["b", "c"], [['{"@k":"v","#text":"1"}', '["2","3"]']]),
        ("<r><a><b><![CDATA[<&>]]> &lt;&#10;</b></a><a><b/></a></r>", ["b"], [["<&> <\n"]]),
        ("<n:r xmlns:n='u'><n:a><n:b>1</n:b></n:a><n:a><n:b>2</n:b></n:a></n:r>", ["n:b"], [["1"], ["2"]]),
    ],
)  # fmt: skip
def test_the_rows_of_xml(text: str, names: list[str], rows: list[list[str | None]], tmp_path: Path) -> None:
    assert table(text.encode(), tmp_path) == (names, rows)
    encoded = f'<?xml version="1.0" encoding="UTF-16"?>{text}'.encode("utf-16")
    assert table(encoded, tmp_path) == (names, rows)


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
    names, rows = table(by_openpyxl(), tmp_path)
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
    assert table(file.getvalue(), tmp_path) == (
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
    assert table(file.getvalue(), tmp_path) == (["sum", "word", "rich", "odd", "time"], expected)


def test_cells_are_those_that_calamine_reads(tmp_path: Path) -> None:
    dice = Random(7)  # noqa: S311 - the same cells every time
    made: list[list[Any]] = [
        [dice.choice([None, "", "ä", "001", "=x", dice.randrange(-(10**9), 10**9), dice.choice([True, False]),
                      date(2020, 1, 1) + timedelta(days=dice.randrange(3000)),
                      datetime(2020, 1, 1) + timedelta(seconds=dice.randrange(10**8))]) for _ in range(12)]
        for _ in range(300)
    ]  # fmt: skip
    body = xlsx_bytes([f"c{number}" for number in range(12)], made)
    _, rows = table(body, tmp_path)
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
    assert table(file.getvalue(), tmp_path) == table(written, tmp_path)


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
    assert table(file.getvalue(), tmp_path)[0][:3] == ["text", "number", "day"]


def test_json_lines_and_documents_are_told_apart_by_their_bytes(tmp_path: Path) -> None:
    line = {"id": 1, "lines": [{"n": 1}, {"n": 2}]}
    document = table(json.dumps(line).encode(), tmp_path)
    lines = table(b"\n".join([json.dumps(line).encode()] * 2), tmp_path)
    assert document == (["n"], [["1"], ["2"]])
    assert lines == (["id", "lines"], [["1", '[{"n":1},{"n":2}]']] * 2)
