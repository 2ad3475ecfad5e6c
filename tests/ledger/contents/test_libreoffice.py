"""A workbook of LibreOffice, compared with what LibreOffice itself exports of it (libreoffice/README.md)."""

import csv
import io
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ledger.contents.columns import CellType
from ledger.contents.previews import Preview
from tests.support.report_files import opened

FILES = Path(__file__).parent / "libreoffice"
type Read = Callable[[str], object]
TEXTS = ("name", "id", "err")


def workbook(folder: Path) -> tuple[Preview, list[list[list[str | None]]]]:
    return opened((FILES / "figures.xlsx").read_bytes(), folder)


def exported() -> list[list[str]]:
    records = csv.reader(io.StringIO((FILES / "figures.csv").read_bytes().decode("utf-16"), newline=""), delimiter=";")
    return [record for record in records if any(record)]


def number(cell: str) -> Decimal:
    return Decimal(cell.removesuffix("%")) / (100 if cell.endswith("%") else 1)


def moment(*formats: str) -> Read:
    def read(cell: str) -> datetime:
        for each in formats:
            try:
                return datetime.strptime(cell, each)  # noqa: DTZ007 - a spreadsheet has no time zones
            except ValueError:
                continue
        raise AssertionError(f"{cell} has none of the formats {formats}")

    return read


THEIR_DAY = moment("%m/%d/%Y")
THEIR_TIME = moment("%I:%M:%S %p", "%H:%M:%S.%f")


def duration(cell: str) -> str:
    """One of less than a day is exported as a time of day."""
    return f"{THEIR_TIME(cell):%H:%M:%S}" if cell.endswith("M") else cell


NUMBERS = ("amount", "rate", "big", "tiny", "padded", "frac", "formula", "residue")
THEIRS: dict[str, Read] = {
    **dict.fromkeys(TEXTS, str),
    **dict.fromkeys(NUMBERS, number),
    **dict.fromkeys(("day", "month", "quarter"), THEIR_DAY),
    "moment": moment("%Y-%m-%d %H:%M:%S"),
    "clock": THEIR_TIME,
    "duration": duration,
    "flag": str.lower,
}
OURS = THEIRS | {
    **dict.fromkeys(("day", "month", "quarter"), moment("%Y-%m-%d")),
    "moment": lambda cell: datetime.fromisoformat(cell).replace(microsecond=0),  # LibreOffice exports whole seconds
    "clock": moment("%H:%M:%S", "%H:%M:%S.%f"),
}


@pytest.mark.parametrize("name", list(THEIRS))
def test_a_column_of_a_workbook_has_the_cells_that_libreoffice_exports(name: str, tmp_path: Path) -> None:
    [header, *theirs], (preview, [ours, *_]) = exported(), workbook(tmp_path)
    at = header.index(name)
    assert [column.name for column in preview.sheets[0].columns] == header
    assert [OURS[name](row[at] or "") if row[at] else None for row in ours] == [
        THEIRS[name](row[at]) if row[at] else None for row in theirs
    ]


def test_a_csv_file_of_libreoffice_has_every_cell(tmp_path: Path) -> None:
    preview, [rows] = opened((FILES / "figures.csv").read_bytes(), tmp_path)
    header, *theirs = exported()
    assert [column.name for column in preview.sheets[0].columns] == header
    assert rows == [[cell or None for cell in record] for record in theirs]


def test_columns_of_a_workbook_have_the_types_and_sums_of_their_formats(tmp_path: Path) -> None:
    preview, [rows, *_] = workbook(tmp_path)
    columns = {column.name: column for column in preview.sheets[0].columns}
    assert {name: columns[name].type for name in ("amount", "day", "moment", "flag", "padded", "id")} == {
        "amount": CellType.DECIMAL, "day": CellType.DATE, "moment": CellType.DATETIME, "flag": CellType.BOOLEAN,
        "padded": CellType.INTEGER, "id": CellType.STRING,
    }  # fmt: skip
    assert [row[2] for row in rows] == ["1234.50", "-0.10", "1000000.00", "19.99", "5.00"]
    assert (columns["amount"].sum, columns["formula"].sum) == ("1001259.39", "9876.00")
    assert [row[9] for row in rows][:2] == ["123456789012", "1000000000000000"]


def test_hidden_and_empty_sheets_and_a_table_in_the_middle_of_one(tmp_path: Path) -> None:
    preview, [_, hidden, empty, far] = workbook(tmp_path)
    assert [sheet.name for sheet in preview.sheets] == ["Figures", "Hidden & more", "Empty", "Far"]
    assert (hidden, empty) == ([["a", "1"], ["b", "xy"]], [])
    assert [column.name for column in preview.sheets[3].columns] == ["column 1", "column 2", "late", "later"]
    assert far == [[None, None, "3", "4.25"]]
