"""Workbooks (XLSX), sheet by sheet and row by row.

python-calamine is faster, but reads a sheet whole and gives no number formats. So the parts are parsed here, and
calamine is what the tests compare with (docs/decisions/report-files.md). A formula gives the result that is stored
with it.
"""

import posixpath
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from ledger.contents.readers.number_formats import EPOCH_1900, EPOCH_1904, GENERAL, NumberFormat, builtin_format, shown
from ledger.contents.readers.number_formats import format_of as number_format_of
from ledger.contents.readers.refusals import MOST_CELL, MOST_COLUMNS, MOST_SHEETS, Broken, TooLarge, Unsupported
from ledger.contents.readers.sheets import ColumnNames, Row, Sheet, row_of
from ledger.contents.readers.xml_parsing import Handlers, parse
from ledger.contents.readers.zip_parts import ZipParts, zip_parts

MOST_SHARED_BYTES = 160 * 1024 * 1024
"""Of the texts that cells share, in memory."""
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_DIGITS = "0123456789"
EXACT_DIGITS = 15
"""Of a double: so many are all its own."""
_TEXT_LETTERS = 26
_WORKSHEET = "/worksheet"


def sheets_of(path: Path) -> Iterator[Sheet]:
    """The sheets of a workbook, in its order.

    Raises:
        Refusal: it is not a workbook, or damaged, encrypted, or larger than is read; also while rows are read.
    """
    with zip_parts(path) as parts:
        workbook = _workbook(parts)
        texts = _shared_texts(parts, workbook.part("/sharedStrings"))
        formats = _formats(parts, workbook.part("/styles"))
        for name, part in workbook.sheets():
            with parts.open(part) as stream:
                cells = _Cells(texts, formats, workbook.epoch)
                rows = (row for _ in parse(stream, cells) for row in cells.taken())
                header = next((row for row in rows if any(row)), [])
                columns = ColumnNames.of([cell or None for cell in header])
                yield Sheet(name, columns, _rows(rows, columns))


def _rows(rows: Iterator[list[str]], columns: ColumnNames) -> Iterator[Row]:
    for cells in rows:
        if (row := row_of(cells, columns)) is not None:
            yield row


def _local(name: str) -> str:
    """A name without its namespace's prefix: transitional and strict workbooks have the same ones."""
    return name.rpartition(":")[2]


class _Relations(Handlers):
    """The parts that a part refers to: by id, and by the last word of their type."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.by_id: dict[str, tuple[str, str]] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if _local(tag) == "Relationship" and attributes.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", self._folder, attributes.get("Target", "")))
            self.by_id[attributes.get("Id", "")] = (attributes.get("Type", ""), target.lstrip("/"))


class _Workbook(Handlers):
    """The workbook's part: its sheets' names, and from when its days count."""

    def __init__(self) -> None:
        self.epoch = EPOCH_1900
        self.relations: dict[str, tuple[str, str]] = {}
        self._named: list[tuple[str, str]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if _local(tag) == "sheet":
            relation = next((value for name, value in attributes.items() if name.endswith(":id")), "")
            self._named.append((attributes.get("name", ""), relation))
        elif _local(tag) == "workbookPr" and attributes.get("date1904") in {"1", "true"}:
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
    root = _relations(parts, "")
    part = next((target for kind, target in root.values() if kind.endswith("/officeDocument")), None)
    if part is None or part not in parts:
        raise Unsupported("the zip file is not a workbook")
    workbook = _Workbook()
    _read(parts, part, workbook)
    workbook.relations = _relations(parts, part)
    return workbook


def _relations(parts: ZipParts, part: str) -> dict[str, tuple[str, str]]:
    folder, name = posixpath.split(part)
    path = posixpath.join(folder, "_rels", f"{name}.rels")
    relations = _Relations(folder)
    _read(parts, path, relations)
    return relations.by_id


def _read(parts: ZipParts, part: str | None, handlers: Handlers) -> None:
    """Read a whole part, if the workbook has it."""
    if part is not None and part in parts:
        with parts.open(part) as stream:
            for _ in parse(stream, handlers):
                pass


class _SharedTexts(Handlers):
    """The texts that cells share; readings of Japanese text (`rPh`) are left out."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._pieces: list[str] = []
        self._reading = False
        self._inside = False
        self._bytes = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:  # noqa: ARG002 - expat's signature
        match _local(tag):
            case "si":
                self._pieces = []
            case "rPh":
                self._reading = True
            case "t":
                self._inside = not self._reading

    def text(self, text: str) -> None:
        if self._inside:
            self._pieces.append(text)

    def end(self, tag: str) -> None:
        match _local(tag):
            case "t":
                self._inside = False
            case "rPh":
                self._reading = False
            case "si":
                text = _unescaped("".join(self._pieces))
                self._bytes += sys.getsizeof(text) + 8
                if self._bytes > MOST_SHARED_BYTES:
                    raise TooLarge("the workbook has more text than is read")
                self.texts.append(text)


def _shared_texts(parts: ZipParts, part: str | None) -> list[str]:
    handlers = _SharedTexts()
    _read(parts, part, handlers)
    return handlers.texts


class _Styles(Handlers):
    """The number format of each cell style."""

    def __init__(self) -> None:
        self.formats: list[NumberFormat] = []
        self._codes: dict[int, NumberFormat] = {}
        self._inside = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        match _local(tag):
            case "numFmt":
                self._codes[_int(attributes.get("numFmtId"))] = number_format_of(attributes.get("formatCode", ""))
            case "cellXfs":
                self._inside = True
            case "xf" if self._inside:
                number = _int(attributes.get("numFmtId"))
                self.formats.append(self._codes.get(number) or builtin_format(number))

    def end(self, tag: str) -> None:
        if _local(tag) == "cellXfs":
            self._inside = False


def _formats(parts: ZipParts, part: str | None) -> list[NumberFormat]:
    styles = _Styles()
    _read(parts, part, styles)
    return styles.formats


class _Cells(Handlers):
    """A worksheet's rows as text."""

    def __init__(self, texts: list[str], formats: list[NumberFormat], epoch: datetime) -> None:
        self._texts = texts
        self._formats = formats
        self._epoch = epoch
        self._done: list[list[str]] = []
        self._row: list[str] = []
        self._indexes: dict[str, int] = {}
        self._at = 0
        self._kind = ""
        self._style = 0
        self._pieces: list[str] = []
        self._size = 0
        self._takes = False
        self._reading = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = _local(tag) if ":" in tag else tag
        if tag == "c":
            letters = attributes.get("r", "").rstrip(_DIGITS)
            self._at = self._index(letters) if letters else len(self._row)
            self._kind, self._style = attributes.get("t", "n"), _int(attributes.get("s"))
            self._pieces, self._size = [], 0
        elif tag == "v" or (tag == "t" and not self._reading):
            self._takes = True
        elif tag == "row":
            self._row = []
        elif tag == "rPh":
            self._reading = True

    def text(self, text: str) -> None:
        if self._takes:
            self._size += len(text)
            if self._size > MOST_CELL:
                raise TooLarge(f"a cell has more than {MOST_CELL:,} characters")
            self._pieces.append(text)

    def end(self, tag: str) -> None:
        tag = _local(tag) if ":" in tag else tag
        if tag in {"v", "t"}:
            self._takes = False
        elif tag == "c" and self._pieces:
            row, missing = self._row, self._at - len(self._row)
            if missing < 0:
                raise Broken("the cells of a row are not in order")
            row.extend([""] * missing)
            row.append(self._cell("".join(self._pieces)))
        elif tag == "row":
            self._done.append(self._row)
        elif tag == "rPh":
            self._reading = False

    def taken(self) -> list[list[str]]:
        """The rows that were completed since the last call."""
        done, self._done = self._done, []
        return done

    def _cell(self, text: str) -> str:
        match self._kind:
            case "n":
                return self._number(text)
            case "s":
                index = _int(text)
                if not 0 <= index < len(self._texts):
                    raise Broken("a cell has a text that the workbook does not")
                return self._texts[index]
            case "b":
                return "true" if text.strip() == "1" else "false"
            case "e" | "d":
                return text
        return _unescaped(text)

    def _number(self, text: str) -> str:
        as_ = self._formats[self._style] if self._style < len(self._formats) else GENERAL
        if as_ is GENERAL and len(text) <= EXACT_DIGITS and text.isdecimal() and text.isascii() and text[0] != "0":
            return text  # most numbers are such ones
        try:
            value = float(text)
        except ValueError:
            return text
        if value - value != 0:  # infinite, or not a number
            return text
        return shown(value, as_, self._epoch)

    def _index(self, letters: str) -> int:
        index = self._indexes.get(letters)
        if index is None:
            index = 0
            for letter in letters.upper():
                index = index * _TEXT_LETTERS + ord(letter) - ord("A") + 1
            if not 0 < index <= 4 * MOST_COLUMNS + 10_000:
                raise Broken("a cell lies beyond the last column that there is")
            self._indexes[letters] = index = index - 1
        if index >= MOST_COLUMNS:
            raise TooLarge(f"the file has more than {MOST_COLUMNS:,} columns")
        return index


def _unescaped(text: str) -> str:
    """Text without the escapes of characters that XML does not have."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _int(text: str | None) -> int:
    try:
        return max(0, int(text or 0))
    except ValueError:
        return 0
