"""The cells of a worksheet as rows of text, while its part is parsed."""

from datetime import datetime
from typing import override

from ledger.contents.readers.refusals import MOST_CELL, MOST_COLUMNS, Broken, TooLarge
from ledger.contents.readers.xlsx.number_formats import GENERAL, NumberFormat, shown
from ledger.contents.readers.xlsx.parts import local_name, unescaped, whole_number
from ledger.contents.readers.xml_parsing import Handlers

_DIGITS = "0123456789"


EXACT_DIGITS = 15
"""Of a double: so many are all its own."""


_TEXT_LETTERS = 26


class Cells(Handlers):
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

    @override
    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = local_name(tag) if ":" in tag else tag
        if tag == "c":
            letters = attributes.get("r", "").rstrip(_DIGITS)
            self._at = self._index(letters) if letters else len(self._row)
            self._kind, self._style = attributes.get("t", "n"), whole_number(attributes.get("s"))
            self._pieces, self._size = [], 0
        elif tag == "v" or (tag == "t" and not self._reading):
            self._takes = True
        elif tag == "row":
            self._row = []
        elif tag == "rPh":
            self._reading = True

    @override
    def text(self, text: str) -> None:
        if self._takes:
            self._size += len(text)
            if self._size > MOST_CELL:
                raise TooLarge(f"a cell has more than {MOST_CELL:,} characters")
            self._pieces.append(text)

    @override
    def end(self, tag: str) -> None:
        tag = local_name(tag) if ":" in tag else tag
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
                index = whole_number(text)
                if not 0 <= index < len(self._texts):
                    raise Broken("a cell has a text that the workbook does not")
                return self._texts[index]
            case "b":
                return "true" if text.strip() == "1" else "false"
            case "e" | "d":
                return text
        return unescaped(text)

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
