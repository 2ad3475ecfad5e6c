"""One table as a report file of every kind, each made by another project's writer, and what Tally shows of it."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import xlsxwriter  # type: ignore[import-untyped]  # it has no stubs

from ledger.contents.opening import open_file
from ledger.contents.previews import Preview, PreviewState
from ledger.contents.row_blocks import rows_of

type Value = str | int | Decimal | bool | date | datetime | None
"""A decimal is money with two decimals."""
type Table = Sequence[Sequence[Value]]


def text_of(value: Value) -> str | None:
    """A value as a cell is shown."""
    match value:
        case None | "":
            return None
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat(timespec="seconds")
    return str(value)


def csv_bytes(header: Sequence[str], table: Table, *, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    """By the csv module."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([header, *([text_of(value) or "" for value in row] for row in table)])
    return text.getvalue().encode(encoding)


def json_bytes(header: Sequence[str], table: Table) -> bytes:
    """By the json module: objects in an array, below a key; numbers as numbers where JSON's are exact."""
    rows = [dict(zip(header, map(_json_value, row), strict=True)) for row in table]
    return json.dumps({"report": {"rows": rows}}, ensure_ascii=False).encode()


def json_gz_bytes(header: Sequence[str], table: Table) -> bytes:
    """The same in gzip."""
    return gzip.compress(json_bytes(header, table), mtime=0)


def json_lines_bytes(header: Sequence[str], table: Table) -> bytes:
    """By the json module, an object in each line."""
    return b"".join(json.dumps(dict(zip(header, map(_json_value, row), strict=True))).encode() + b"\n" for row in table)


def xml_bytes(header: Sequence[str], table: Table) -> bytes:
    """By ElementTree: an element for each row, and one for each cell."""
    root = ET.Element("rows")
    for row in table:
        element = ET.SubElement(root, "row")
        for name, value in zip(header, row, strict=True):
            ET.SubElement(element, name).text = text_of(value)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def xlsx_bytes(header: Sequence[str], table: Table, sheet: str = "Report") -> bytes:
    """By XlsxWriter: numbers, dates and booleans as a spreadsheet's own, money in a currency's format."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file)
    styles = {
        Decimal: book.add_format({"num_format": "[$€-407] #,##0.00"}),
        date: book.add_format({"num_format": "dd.mm.yyyy"}),
        datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
    }
    page = book.add_worksheet(sheet)
    for number, row in enumerate([header, *table]):
        for column, value in enumerate(row):
            _write_cell(page, number, column, value, styles)
    book.close()
    return file.getvalue()


KINDS: dict[str, Callable[[Sequence[str], Table], bytes]] = {
    "csv": csv_bytes,
    "json": json_bytes,
    "json.gz": json_gz_bytes,
    "xml": xml_bytes,
    "xlsx": xlsx_bytes,
}


def opened(body: bytes, folder: Path) -> tuple[Preview, list[list[list[str | None]]]]:
    """What Tally finds in a file, and all rows of each sheet."""
    path, rows = folder / "file", folder / "rows"
    path.write_bytes(body)
    with rows.open("wb") as file:
        preview = open_file(path, file, "rows", lambda: None)
    stored = rows.read_bytes()
    return preview, [_rows(stored, sheet.rows.blocks, len(sheet.columns)) for sheet in preview.sheets]


def _rows(stored: bytes, blocks: Any, width: int) -> list[list[str | None]]:
    rows = [row for each in blocks for row in rows_of(stored[each.offset : each.offset + each.length])]
    return [row + [None] * (width - len(row)) for row in rows]


def _json_value(value: Value) -> Any:
    return value if isinstance(value, bool | int) and abs(value) < 10**15 else text_of(value)


def _write_cell(page: Any, row: int, column: int, value: Value, styles: dict[type, Any]) -> None:
    match value:
        case None | "":
            return
        case bool():
            page.write_boolean(row, column, value)
        case datetime() | date():
            page.write_datetime(row, column, value, styles[type(value)])
        case int() if abs(value) < 10**15:
            page.write_number(row, column, value)
        case Decimal():
            page.write_number(row, column, float(value), styles[Decimal])
        case _:
            page.write_string(row, column, str(value))


def read_sheet(body: bytes, folder: Path, sheet: int = 0) -> tuple[list[str], list[list[str | None]]]:
    """The names of a sheet's columns, and its rows, as Tally reads them from a file."""
    preview, rows = opened(body, folder)
    assert preview.state is PreviewState.READY, preview.reason
    return [column.name for column in preview.sheets[sheet].columns], rows[sheet]
