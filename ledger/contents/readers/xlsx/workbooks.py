"""Workbooks (XLSX), sheet by sheet and row by row.

python-calamine is faster, but reads a sheet whole and gives no number formats. So the parts are parsed here, and
calamine is what the tests compare with (docs/decisions/report-files.md). A formula gives the result that is stored
with it.
"""

from collections.abc import Iterator
from pathlib import Path

from ledger.contents.readers.refusals import MOST_SHEETS, TooLarge, Unsupported
from ledger.contents.readers.sheets import ColumnNames, Row, Sheet, row_of
from ledger.contents.readers.xlsx.cells import Cells
from ledger.contents.readers.xlsx.number_formats import EPOCH_1900, EPOCH_1904
from ledger.contents.readers.xlsx.parts import cell_formats, local_name, read_part, relations_of, shared_texts
from ledger.contents.readers.xml_parsing import Handlers, parse
from ledger.contents.readers.zip_parts import ZipParts, zip_parts

_WORKSHEET = "/worksheet"


def sheets_of(path: Path) -> Iterator[Sheet]:
    """The sheets of a workbook, in its order.

    Raises:
        Refusal: it is not a workbook, or damaged, encrypted, or larger than is read; also while rows are read.
    """
    with zip_parts(path) as parts:
        workbook = _workbook(parts)
        texts = shared_texts(parts, workbook.part("/sharedStrings"))
        formats = cell_formats(parts, workbook.part("/styles"))
        for name, part in workbook.sheets():
            with parts.open(part) as stream:
                cells = Cells(texts, formats, workbook.epoch)
                rows = (row for _ in parse(stream, cells) for row in cells.taken())
                header = next((row for row in rows if any(row)), [])
                columns = ColumnNames.of([cell or None for cell in header])
                yield Sheet(name, columns, _rows(rows, columns))


def _rows(rows: Iterator[list[str]], columns: ColumnNames) -> Iterator[Row]:
    for cells in rows:
        if (row := row_of(cells, columns)) is not None:
            yield row


class _Workbook(Handlers):
    """The workbook's part: its sheets' names, and from when its days count."""

    def __init__(self) -> None:
        self.epoch = EPOCH_1900
        self.relations: dict[str, tuple[str, str]] = {}
        self._named: list[tuple[str, str]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if local_name(tag) == "sheet":
            relation = next((value for name, value in attributes.items() if name.endswith(":id")), "")
            self._named.append((attributes.get("name", ""), relation))
        elif local_name(tag) == "workbookPr" and attributes.get("date1904") in {"1", "true"}:
            self.epoch = EPOCH_1904

    def sheets(self) -> list[tuple[str, str]]:
        """The worksheets' names and parts; sheets of charts have no cells."""
        found = [(name, self.relations[key]) for name, key in self._named if key in self.relations]
        sheets = [(name, part) for name, (kind, part) in found if kind.endswith(_WORKSHEET)]
        if len(sheets) > MOST_SHEETS:
            raise TooLarge(f"the workbook has more than {MOST_SHEETS} sheets")
        return sheets

    def part(self, kind: str) -> str | None:
        """The part whose type ends so, if there is one."""
        return next((part for type_, part in self.relations.values() if type_.endswith(kind)), None)


def _workbook(parts: ZipParts) -> _Workbook:
    root = relations_of(parts, "")
    part = next((target for kind, target in root.values() if kind.endswith("/officeDocument")), None)
    if part is None or part not in parts:
        raise Unsupported("the zip file is not a workbook")
    workbook = _Workbook()
    read_part(parts, part, workbook)
    workbook.relations = relations_of(parts, part)
    return workbook
