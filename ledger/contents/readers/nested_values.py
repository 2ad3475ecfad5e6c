"""Values of JSON and XML as a cell's text: a leaf as it is written, anything nested as compact JSON."""

import json
from typing import Any

from ledger.contents.readers.refusals import MOST_DEPTH, MOST_NODES, TooLarge

_string = json.JSONEncoder(ensure_ascii=False).encode


class Number(str):
    """A number of a JSON file, in the file's own spelling."""

    __slots__ = ()


def cell_of(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """The text of a value; None for null, an empty text, and an object or list without anything in it.

    Raises:
        TooLarge: it is nested more deeply, or holds more, than is read.
    """
    if value is None or value is True or value is False:
        return None if value is None else str(value).lower()
    if isinstance(value, str):
        return str(value) or None
    return _CompactJson().write(value, 1) if value else None


class _CompactJson:
    """Writes one value without blanks, numbers as the file has them."""

    def __init__(self) -> None:
        self._left = MOST_NODES

    def write(self, value: Any, depth: int) -> str:  # noqa: ANN401 - any JSON value
        self._left -= 1
        if depth > MOST_DEPTH or self._left < 0:
            raise TooLarge("a value is nested more deeply, or holds more, than is read")
        if isinstance(value, dict):
            items = (f"{_string(key)}:{self.write(inner, depth + 1)}" for key, inner in value.items())
            return f"{{{','.join(items)}}}"
        if isinstance(value, list):
            return f"[{','.join(self.write(inner, depth + 1) for inner in value)}]"
        if isinstance(value, Number):
            return str(value)
        return "null" if value is None else str(value).lower() if isinstance(value, bool) else _string(value)
