"""JSON: the rows are the first array of objects, at most two levels down; or JSON lines, an object in each.

Where there is neither, one object is one row. A document that fits into the window is decoded whole; a larger one is
walked, one row at a time.
"""

from collections.abc import Iterator
from typing import Any

from ledger.contents.readers.json_text import BROKEN, LONGEST_VALUE, JsonText
from ledger.contents.readers.nested_values import cell_of
from ledger.contents.readers.refusals import Broken, TooLarge, Unsupported
from ledger.contents.readers.sheets import ColumnNames, Row, Sheet, refuse_long
from ledger.contents.readers.text import Opener, encoding_of, text_of

LEVELS = 2
"""How many objects deep the array may lie."""
NO_ROWS = "the file has no array of objects"

type Object = dict[str, Any]


def sheets_of(open_file: Opener, longest: int = LONGEST_VALUE) -> Iterator[Sheet]:
    """The one table of a JSON file; a value that is decoded whole has at most `longest` characters.

    Raises:
        Refusal: it is not JSON, has no such array, or is larger than is read; also while rows are read.
    """
    columns = ColumnNames()
    yield Sheet(None, columns, _rows(_objects(open_file, encoding_of(open_file), longest), columns))


def _rows(objects: Iterator[Object], columns: ColumnNames) -> Iterator[Row]:
    """Objects as rows; a key that none had before is a further column."""
    places: dict[str, int] = {}
    for each in objects:
        row: Row = [None] * len(columns.names)
        for key, value in each.items():
            place = places.get(key)
            if place is None:
                place = places[key] = columns.add(key)
                row.append(None)
            row[place] = cell_of(value)
        if any(cell is not None for cell in row):
            refuse_long(row)
            yield row


def _objects(open_file: Opener, encoding: str, longest: int) -> Iterator[Object]:
    with open_file() as stream:
        text = JsonText(text_of(stream, encoding), longest)
        first = _first_object(text)
        if first is not None and text.peek() == "{":
            yield from _lines(text, first)
            return
        if first is not None:
            if text.peek():
                raise Broken(BROKEN)
            yield from _rows_of(first)
            return
    with open_file() as stream:
        yield from _Walk(JsonText(text_of(stream, encoding), longest)).rows()


def _first_object(text: JsonText) -> Object | None:
    """The object with which a text begins; None if it begins with an array, or the object is a large one."""
    if text.peek() == "[":
        return None
    try:
        value = text.value()
    except TooLarge:
        return None
    if not isinstance(value, dict):
        raise Unsupported(NO_ROWS)
    return value


def _lines(text: JsonText, first: Object) -> Iterator[Object]:
    yield first
    while text.peek():
        value = text.value()
        if not isinstance(value, dict):
            raise Broken("a line of the file is not an object")
        yield value


def _rows_of(document: Object) -> list[Object]:
    """The rows of a whole document."""
    arrays = list(_arrays(document, LEVELS))
    found = next((array for array in arrays if array and isinstance(array[0], dict)), None)
    if found is None:
        return [] if [] in arrays else [document]
    if not all(isinstance(each, dict) for each in found):
        raise Broken("a row of the file is not an object")
    return found


def _arrays(value: object, levels: int) -> Iterator[list[Any]]:
    if isinstance(value, list):
        yield value
    elif isinstance(value, dict) and levels:
        for inner in value.values():
            yield from _arrays(inner, levels - 1)


class _Walk:
    """Goes through a document, and gives out the rows where it meets them."""

    def __init__(self, text: JsonText) -> None:
        self._text = text
        self._found = False
        self._saw_empty_array = False

    def rows(self) -> Iterator[Object]:
        """The rows; afterwards the rest has been found to be JSON.

        Raises:
            Unsupported: there is no array of objects.
        """
        yield from self._objects(LEVELS)
        if self._text.peek():
            raise Broken(BROKEN)
        if not self._found and not self._saw_empty_array:
            raise Unsupported(NO_ROWS)

    def _objects(self, levels: int) -> Iterator[Object]:
        text, begins = self._text, self._text.peek()
        if begins == "[" and not self._found:
            yield from self._array()
        elif begins == "{" and levels:
            text.take("{")
            if text.peek() == "}":
                text.take("}")
                return
            while True:
                if not isinstance(text.value(), str):
                    raise Broken(BROKEN)
                text.take(":")
                yield from self._objects(levels - 1)
                if text.take(",}") == "}":
                    return
        else:
            text.value()

    def _array(self) -> Iterator[Object]:
        text = self._text
        text.take("[")
        if text.peek() == "]":
            self._saw_empty_array = True
            text.take("]")
            return
        self._found = text.peek() == "{"
        while True:
            value = text.value()
            if self._found:
                if not isinstance(value, dict):
                    raise Broken("a row of the file is not an object")
                yield value
            if text.take(",]") == "]":
                return
