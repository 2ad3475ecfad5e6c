"""How CSV, JSON and XML are read, where writers differ: delimiters, encodings, nesting."""

import gzip
import io
import json
from pathlib import Path

import polars as pl
import pyarrow as pa  # type: ignore[import-untyped]  # it has no stubs
import pyarrow.csv  # type: ignore[import-untyped]  # likewise
import pytest

from ledger.contents.readers import json_files
from ledger.contents.readers.csv_files import delimiter_of
from ledger.contents.readers.refusals import Broken, TooLarge, Unsupported
from tests.support.report_files import csv_bytes, read_sheet


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_csv_in_any_delimiter_and_encoding(delimiter: str, encoding: str, tmp_path: Path) -> None:
    rows = [["Löw, en; bräu | x", "1,50"], ["€ 3\nline", "2,25"]]
    body = csv_bytes(["name", "price"], rows, delimiter=delimiter, encoding=encoding)
    assert read_sheet(body, tmp_path) == (["name", "price"], rows)


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
    assert read_sheet(b"sep=;\r\na;b\r\n1;2\r\n", tmp_path) == (["a", "b"], [["1", "2"]])
    assert read_sheet(b"a,b\r1,2\r3,4\r", tmp_path) == (["a", "b"], [["1", "2"], ["3", "4"]])
    assert read_sheet(b"\n\na,a,\n1,2,3,4\n,,\n5\n", tmp_path) == (
        ["a", "a (2)", "column 3", "column 4"], [["1", "2", "3", "4"], ["5", None, None, None]],
    )  # fmt: skip
    assert read_sheet('a,b\n"1\u2028x",2\n'.encode(), tmp_path) == (["a", "b"], [["1\u2028x", "2"]])


@pytest.mark.parametrize("name", ["[Customer]", "{id}", "[total]"])
def test_csv_may_begin_as_json_does(name: str, tmp_path: Path) -> None:
    assert read_sheet(f"{name},b\n1,2\n".encode(), tmp_path) == ([name, "b"], [["1", "2"]])


def test_csv_of_other_people_s_writers(tmp_path: Path) -> None:
    columns = {"name": ["Ä", 'q"x'], "n": [1, 2]}
    by_pyarrow = io.BytesIO()
    pa.csv.write_csv(pa.table(columns), by_pyarrow)
    for body in (pl.DataFrame(columns).write_csv().encode(), by_pyarrow.getvalue()):
        assert read_sheet(body, tmp_path) == (["name", "n"], [["Ä", "1"], ['q"x', "2"]])
    assert read_sheet(pl.DataFrame(columns).write_ndjson().encode(), tmp_path)[1] == [["Ä", "1"], ['q"x', "2"]]


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
        assert read_sheet(body, tmp_path) == (names, rows)


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
    assert read_sheet(text.encode(), tmp_path) == (names, rows)
    encoded = f'<?xml version="1.0" encoding="UTF-16"?>{text}'.encode("utf-16")
    assert read_sheet(encoded, tmp_path) == (names, rows)


def test_json_lines_and_documents_are_told_apart_by_their_bytes(tmp_path: Path) -> None:
    line = {"id": 1, "lines": [{"n": 1}, {"n": 2}]}
    document = read_sheet(json.dumps(line).encode(), tmp_path)
    lines = read_sheet(b"\n".join([json.dumps(line).encode()] * 2), tmp_path)
    assert document == (["n"], [["1"], ["2"]])
    assert lines == (["id", "lines"], [["1", '[{"n":1},{"n":2}]']] * 2)
