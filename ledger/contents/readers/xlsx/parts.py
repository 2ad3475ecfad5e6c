"""The parts that a workbook's sheets refer to: relations, shared texts, and the formats of cell styles."""

import posixpath
import re
import sys

from ledger.contents.readers.refusals import TooLarge
from ledger.contents.readers.xlsx.number_formats import (
    NumberFormat,
    builtin_format,
)
from ledger.contents.readers.xlsx.number_formats import format_of as number_format_of
from ledger.contents.readers.xml_parsing import Handlers, parse
from ledger.contents.readers.zip_parts import ZipParts

MOST_SHARED_BYTES = 160 * 1024 * 1024
"""Of the texts that cells share, in memory."""
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def local_name(name: str) -> str:
    """A name without its namespace's prefix: transitional and strict workbooks have the same ones."""
    return name.rpartition(":")[2]


class _Relations(Handlers):
    """The parts that a part refers to: by id, and by the last word of their type."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.by_id: dict[str, tuple[str, str]] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if local_name(tag) == "Relationship" and attributes.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", self._folder, attributes.get("Target", "")))
            self.by_id[attributes.get("Id", "")] = (attributes.get("Type", ""), target.lstrip("/"))


def relations_of(parts: ZipParts, part: str) -> dict[str, tuple[str, str]]:
    """The type and the place of each part that a part refers to, by the id of the relation."""
    folder, name = posixpath.split(part)
    path = posixpath.join(folder, "_rels", f"{name}.rels")
    relations = _Relations(folder)
    read_part(parts, path, relations)
    return relations.by_id


def read_part(parts: ZipParts, part: str | None, handlers: Handlers) -> None:
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
        match local_name(tag):
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
        match local_name(tag):
            case "t":
                self._inside = False
            case "rPh":
                self._reading = False
            case "si":
                text = unescaped("".join(self._pieces))
                self._bytes += sys.getsizeof(text) + 8
                if self._bytes > MOST_SHARED_BYTES:
                    raise TooLarge("the workbook has more text than is read")
                self.texts.append(text)


def shared_texts(parts: ZipParts, part: str | None) -> list[str]:
    """The texts that cells name by their index.

    Raises:
        TooLarge: they need more memory than they may have.
    """
    handlers = _SharedTexts()
    read_part(parts, part, handlers)
    return handlers.texts


class _Styles(Handlers):
    """The number format of each cell style."""

    def __init__(self) -> None:
        self.formats: list[NumberFormat] = []
        self._codes: dict[int, NumberFormat] = {}
        self._inside = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        match local_name(tag):
            case "numFmt":
                self._codes[whole_number(attributes.get("numFmtId"))] = number_format_of(
                    attributes.get("formatCode", "")
                )
            case "cellXfs":
                self._inside = True
            case "xf" if self._inside:
                number = whole_number(attributes.get("numFmtId"))
                self.formats.append(self._codes.get(number) or builtin_format(number))

    def end(self, tag: str) -> None:
        if local_name(tag) == "cellXfs":
            self._inside = False


def cell_formats(parts: ZipParts, part: str | None) -> list[NumberFormat]:
    """The number format of each cell style, by its index."""
    styles = _Styles()
    read_part(parts, part, styles)
    return styles.formats


def unescaped(text: str) -> str:
    """Text without the escapes of characters that XML does not have."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def whole_number(text: str | None) -> int:
    """An attribute as a number from 0 on; 0 if it is missing or not a number."""
    try:
        return max(0, int(text or 0))
    except ValueError:
        return 0
