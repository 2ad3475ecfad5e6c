"""XML: a row is the repeated child of the root, or of an element right below it.

An attribute is the column `@name`, a child element the column of its name, a row's own text `#text`. Anything nested in
a column is compact JSON. Which element repeats is found out first, so a file is parsed twice.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ledger.contents.readers.nested_values import cell_of
from ledger.contents.readers.refusals import MOST_NODES, MOST_ROW, TooLarge
from ledger.contents.readers.sheets import ColumnNames, Row, Sheet, refuse_long
from ledger.contents.readers.text import Opener
from ledger.contents.readers.xml_parsing import Handlers, parse

TEXT = "#text"
MOST_TAGS = 10_000


def sheets_of(open_file: Opener) -> Iterator[Sheet]:
    """The one table of an XML file.

    Raises:
        Refusal: it is not XML, has a DTD, or is larger than is read; also while rows are read.
    """
    shape = _Shape()
    with open_file() as stream:
        for _ in parse(stream, shape):
            pass
    columns = ColumnNames()
    with open_file() as stream:
        rows = _Rows(shape.rows_at(), columns)
        yield Sheet(None, columns, (row for _ in parse(stream, rows) for row in rows.taken()))


class _Shape(Handlers):
    """Counts the elements of the first levels by their way from the root."""

    def __init__(self) -> None:
        self._way: list[str] = []
        self._levels: list[Counter[tuple[str, ...]]] = [Counter(), Counter(), Counter()]

    def start(self, tag: str, attributes: dict[str, str]) -> None:  # noqa: ARG002 - expat's signature
        self._way.append(tag)
        if len(self._way) <= len(self._levels):
            level = self._levels[len(self._way) - 1]
            level[tuple(self._way)] += 1
            if len(level) > MOST_TAGS:
                raise TooLarge(f"the file has more than {MOST_TAGS:,} kinds of elements")

    def end(self, tag: str) -> None:  # noqa: ARG002 - expat's signature
        self._way.pop()

    def rows_at(self) -> tuple[str, ...]:
        """The way of the rows: what repeats first, from the root on; else the only child, else the root."""
        roots, children, grandchildren = self._levels
        for level in (children, grandchildren):
            repeated = [way for way, count in level.items() if count > 1]
            if repeated:
                return max(repeated, key=lambda way: level[way])
        if len(children) == 1:
            return next(iter(children))
        return next(iter(roots)) if children else ()


class _Rows(Handlers):
    """Builds each row's element, and turns it into cells."""

    def __init__(self, rows_at: tuple[str, ...], columns: ColumnNames) -> None:
        self._rows_at = rows_at
        self._columns = columns
        self._places: dict[str, int] = {}
        self._way: list[str] = []
        self._open: list[_Element] = []
        self._done: list[Row] = []
        self._size = 0
        self._nodes = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._way.append(tag)
        if self._open or (len(self._way) == len(self._rows_at) and tuple(self._way) == self._rows_at):
            self._count(1 + len(attributes), sum(map(len, attributes.values())))
            self._open.append(_Element({f"@{name}": value for name, value in attributes.items()}))

    def text(self, text: str) -> None:
        if self._open:
            self._count(0, len(text))
            self._open[-1].texts.append(text)

    def end(self, tag: str) -> None:
        self._way.pop()
        if not self._open:
            return
        element = self._open.pop()
        if self._open:
            self._open[-1].add(tag, element.value())
        else:
            self._done.append(self._row(element))
            self._size = self._nodes = 0

    def taken(self) -> Iterator[Row]:
        """The rows that were completed since the last call; those without any cell are left out."""
        done, self._done = self._done, []
        return (row for row in done if any(cell is not None for cell in row))

    def _row(self, element: "_Element") -> Row:
        row: Row = [None] * len(self._columns.names)
        for name, value in element.fields().items():
            place = self._places.get(name)
            if place is None:
                place = self._places[name] = self._columns.add(name)
                row.append(None)
            row[place] = cell_of(value)
        refuse_long(row)
        return row

    def _count(self, nodes: int, characters: int) -> None:
        self._nodes += nodes
        self._size += characters
        if self._nodes > MOST_NODES or self._size > MOST_ROW:
            raise TooLarge("a row holds more than is read")


class _Element:
    """An element that is not closed yet."""

    __slots__ = ("_children", "texts")

    def __init__(self, attributes: dict[str, Any]) -> None:
        self._children = attributes
        self.texts: list[str] = []

    def add(self, tag: str, value: Any) -> None:  # noqa: ANN401 - a text, or what is nested
        """A child; several of one name are a list."""
        if tag not in self._children:
            self._children[tag] = value
        elif isinstance(self._children[tag], _Several):
            self._children[tag].append(value)
        else:
            self._children[tag] = _Several([self._children[tag], value])

    def value(self) -> Any:  # noqa: ANN401 - likewise
        """What it is in its parent's column: its text, or an object of what it holds."""
        return self.fields() if self._children else "".join(self.texts)

    def fields(self) -> dict[str, Any]:
        """Attributes, children and text by their columns' names; text between children only if it is not blank."""
        text = "".join(self.texts)
        has_text = text.strip() if self._children else text
        return {**self._children, TEXT: text} if has_text else self._children


class _Several(list[Any]):
    """Children of one name."""
