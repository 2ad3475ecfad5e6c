"""The wanted columns of a CSV file, row by row, every row whole.

A row that is cut off makes the file unusable. The last row may lack its line end only if its last cell cannot be the
beginning of a longer one, or is quoted; what the cell looks like decides, since a proxy may end HTTP properly where its
origin broke off.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import NamedTuple, Protocol

from upstreams.bodies import Body
from upstreams.errors import OPENMARKET, UpstreamBadResponse
from upstreams.openmarket.layout import Layout, NotAHeader, WantedColumns, cells_of, header_layout
from upstreams.openmarket.no_data import is_no_data, says_no_data, sentence_pattern
from upstreams.openmarket.notes import Notes
from upstreams.openmarket.quoted import TolerantReader
from upstreams.openmarket.text import NO_BREAK_SPACE, TextInMemory, as_utf8

MOST_LINES_BEFORE_THE_HEADER = 30
LONGEST_LINE_BEFORE_THE_HEADER = 10_000

_WRAPPED = re.compile(r'="([^"]*)"')


class LastCell(NamedTuple):
    """The end of a file without a line end: which wanted column comes last, and the last two rows, stripped."""

    column: int
    cells: list[str]
    cells_before: list[str] | None
    quoted: bool


class TableKind(NamedTuple):
    """What a report's file has: its columns, and which of them may be wrapped as `="…"` for a spreadsheet."""

    columns: WantedColumns
    wrapped: frozenset[int]
    is_complete: Callable[[LastCell], bool]
    """Whether a last cell that no line end follows cannot be the beginning of a longer one."""


class _RowReader(Protocol):
    @property
    def line_num(self) -> int: ...

    def __iter__(self) -> Iterator[list[str]]: ...


class Table:
    """The rows of one answer; `no_data` is the vendor's own sentence for a period without rows."""

    def __init__(self, body: Body, content_type: str | None, no_data: str, kind: TableKind) -> None:
        own_sentence = sentence_pattern(no_data)
        is_empty = says_no_data(body, content_type, own_sentence)
        self._text = TextInMemory(b"") if is_empty else as_utf8(body, content_type)
        self._notes = Notes(lambda line: is_no_data(line, own_sentence))
        self._kind = kind
        self._lines_before = 0
        self._reader: _RowReader | None = None

    def wrong(self, what: str) -> UpstreamBadResponse:
        """The error for a bad cell: it names the line and never the cell's content."""
        return self._unusable(f"has a wrong {what}")

    def __iter__(self) -> Iterator[Sequence[str]]:
        """The wanted cells of each row, stripped.

        Raises:
            UpstreamBadResponse: there is no such table, or something in it is not whole or not understood.
        """
        if self._text.begins_with_tag():
            raise UpstreamBadResponse(OPENMARKET, "the answer is a page instead of CSV")
        text = self._text.open()
        layout = self._layout(text)
        if layout is None:
            return
        self._reader = self._row_reader(text, layout)
        rows = self._rows(self._reader, layout)
        try:
            yield from map(self._unwrapped, rows) if self._text.has(b"=") and self._text.has(b'="') else rows
        except csv.Error as error:
            raise self._unusable("is not CSV") from error

    def _unusable(self, why: str) -> UpstreamBadResponse:
        line = self._lines_before + (0 if self._reader is None else self._reader.line_num)
        return UpstreamBadResponse(OPENMARKET, f"line {line} of the answer {why}")

    def _layout(self, text: io.TextIOWrapper) -> Layout | None:
        """Read up to the header; None if the file is empty."""
        before: list[str] = []
        nearest: NotAHeader | None = None
        while len(before) <= MOST_LINES_BEFORE_THE_HEADER and (line := text.readline(LONGEST_LINE_BEFORE_THE_HEADER)):
            self._lines_before += 1
            found = header_layout(line, self._kind.columns) if line.strip() else None
            if isinstance(found, Layout):
                self._check_lines_before(before, found)
                return found
            if found is not None:
                nearest = min(nearest or found, found)
            before.append(line)
        if nearest is None:
            return None
        raise UpstreamBadResponse(OPENMARKET, f"the answer has no column {nearest.column}")

    def _check_lines_before(self, lines: list[str], layout: Layout) -> None:
        for number, line in enumerate(lines, 1):
            if not self._notes.before(cells_of(line, layout.delimiter), len(self._kind.columns)):
                raise UpstreamBadResponse(
                    OPENMARKET, f"line {number} of the answer, before its header, is not understood"
                )

    def _row_reader(self, text: io.TextIOWrapper, layout: Layout) -> _RowReader:
        delimiter, quote = layout.delimiter, layout.quote
        if self._has_blanks_beside_quotes(delimiter.encode(), quote.encode()):
            return TolerantReader(text, delimiter, quote)
        return csv.reader(text, delimiter=delimiter, quotechar=quote, strict=True, skipinitialspace=True)

    def _has_blanks_beside_quotes(self, delimiter: bytes, quote: bytes) -> bool:
        """Whether a quote may have a blank beside it, other than the spaces before it that the fast reader skips."""
        # One byte is found much faster than two, and most files have no quote at all.
        if not self._text.has(quote):
            return False
        odd = any(self._text.has(blank) for blank in (b"\t", NO_BREAK_SPACE) if blank != delimiter)
        return odd or self._text.has(quote + b" ")

    def _rows(self, reader: _RowReader, layout: Layout) -> Iterator[Sequence[str]]:
        width, pick = layout.width, itemgetter(*layout.picks)
        count, ended = 0, False
        previous: list[str] = []
        last: list[str] = []
        for row in reader:
            if len(row) != width or not row[-1]:
                if not any(map(str.strip, row)) and len(row) <= 1:
                    continue
                if self._notes.after(row):
                    ended = True
                    continue
                self._check_width(row, width)
            if ended:
                raise self._unusable("is a row after the end of the table")
            count += 1
            previous, last = last, row
            yield [*map(str.strip, pick(row))]
        if not self._notes.agree_with(count):
            raise self._unusable("or one before it states another number of rows than there are")
        if last and not ended:
            self._check_end(layout, previous, last)

    def _check_width(self, row: list[str], width: int) -> None:
        if len(row) < width:
            raise self._unusable("is cut off")
        if any(map(str.strip, row[width:])):
            raise self._unusable("has too many cells")

    def _check_end(self, layout: Layout, previous: list[str], last: list[str]) -> None:
        end = self._text.end
        if end.endswith((b"\r", b"\n")) or len(last) > layout.width or layout.width - 1 not in layout.picks:
            return
        rows = [self._unwrapped([row[place].strip() for place in layout.picks]) for row in (last, previous) if row]
        quoted = end.endswith(layout.quote.encode())
        cell = LastCell(layout.picks.index(layout.width - 1), rows[0], rows[1] if previous else None, quoted)
        if not self._kind.is_complete(cell):
            raise self.wrong("end: it looks cut off")

    def _unwrapped(self, cells: Sequence[str]) -> list[str]:
        """The cells without `="…"`, which keeps a spreadsheet from reading a number; amounts are never wrapped so."""
        return [
            match[1].strip() if column in self._kind.wrapped and (match := _WRAPPED.fullmatch(cell)) else cell
            for column, cell in enumerate(cells)
        ]
