"""A CSV reader that takes blanks around quoted cells, which the standard library's refuses.

It is slower, so it serves only files that have such blanks. Quotes inside a quoted cell have to be doubled: where one
stands alone, it is unknown which cell the text after it belongs to.
"""

import csv
import functools
import io
import re
from collections.abc import Iterator

_LINE_END = re.compile(r"\r\n|\r|\n")
_CHARACTERS = 2**16
"""As many are read at a time."""


class TolerantReader(Iterator[list[str]]):
    """The rows of a text; `line_num` is the number of lines read, as in `csv.reader`."""

    def __init__(self, file: io.TextIOBase, delimiter: str, quote: str) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._delimiter, self._quote = delimiter, quote
        self._cell = _cell_pattern(delimiter, quote)
        self.line_num = 0

    def __next__(self) -> list[str]:
        """The next row.

        Raises:
            csv.Error: a quoted cell is not closed or is too long, or something else follows its end.
        """
        if self._at == len(self._text) and not self._read_on():
            raise StopIteration
        cells: list[str] = []
        while True:
            match = self._next_cell()
            if match is None:
                self.line_num += 1
                raise csv.Error("a quoted cell does not end where it should")
            quoted, plain, end = match.groups()
            self._at = match.end()
            if quoted is not None:
                self.line_num += len(_LINE_END.findall(quoted))
            cells.append(plain if quoted is None else quoted.replace(self._quote * 2, self._quote))
            if end != self._delimiter:
                self.line_num += 1
                return cells if quoted is not None or cells != [""] else []

    def _next_cell(self) -> re.Match[str] | None:
        """The next cell and its end. What ends at the end of the text so far may go on in the rest of the file."""
        while True:
            match = self._cell.match(self._text, self._at)
            if match is not None and match.end() < len(self._text):
                return match
            if len(self._text) - self._at > csv.field_size_limit():
                raise csv.Error("a cell is too long")
            if not self._read_on():
                return match

    def _read_on(self) -> bool:
        """Read the next part of the file; false when there is none."""
        more = self._file.read(_CHARACTERS)
        if more:
            self._text, self._at = self._text[self._at :] + more, 0
        return bool(more)


@functools.cache
def _cell_pattern(delimiter: str, quote: str) -> re.Pattern[str]:
    """A cell and what ends it. Blanks are spaces, tabs and non-breaking spaces, unless they are the delimiter."""
    blank = "[ \u00a0]*+" if delimiter == "\t" else "[ \t\u00a0]*+"
    d, q = re.escape(delimiter), re.escape(quote)
    quoted = rf"{q}([^{q}]*+(?:{q}{q}[^{q}]*+)*+){q}{blank}"
    return re.compile(rf"{blank}(?:{quoted}|((?!{q})[^{d}\r\n]*+))({d}|\r\n|\r|\n|\Z)")
