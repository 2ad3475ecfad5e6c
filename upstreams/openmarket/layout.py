"""How a CSV file's cells are separated: the header decides, which has every wanted column under exactly one delimiter.

Names are compared without case, blanks and punctuation. Columns may come in any order, and beside others.
"""

import csv
import io
import re
from operator import itemgetter
from typing import NamedTuple

from upstreams.errors import OPENMARKET, UpstreamBadResponse
from upstreams.openmarket.quoted import TolerantReader

DELIMITERS = (",", ";", "\t", "|")

type WantedColumns = tuple[tuple[str, ...], ...]
"""For each wanted column the normalised names it may have, the best first."""

_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]")


class Layout(NamedTuple):
    """How to read the rows below a header; `picks` are the wanted columns' places in a row."""

    delimiter: str
    quote: str
    width: int
    picks: tuple[int, ...]


class NotAHeader(NamedTuple):
    """How many wanted columns a line lacks, and the first of them."""

    missing: int
    column: str


def header_layout(line: str, columns: WantedColumns) -> Layout | NotAHeader:
    """The layout that a header line sets, or what it lacks as a header.

    Raises:
        UpstreamBadResponse: the line is a header, but has a column twice.
    """
    found: list[tuple[int, Layout, list[str]]] = []
    lacking: list[NotAHeader] = []
    for delimiter in DELIMITERS:
        if delimiter in line or delimiter == DELIMITERS[0]:
            cells, quote = _header_cells(line, delimiter)
            if missing := _missing(cells, columns):
                lacking.append(NotAHeader(len(missing), missing[0]))
            else:
                found.append((_separators_in(cells), Layout(delimiter, quote, len(cells), ()), cells))
    if not found:
        return min(lacking)
    found.sort(key=itemgetter(0))
    if len(found) > 1 and found[0][0] == found[1][0]:
        raise UpstreamBadResponse(OPENMARKET, "the answer's header can be read in two ways")
    _, layout, cells = found[0]
    return layout._replace(picks=_picks(cells, columns))


def cells_of(line: str, delimiter: str, quote: str = '"') -> list[str]:
    """The cells of one line; a line that is not CSV is one cell."""
    try:
        return next(csv.reader([line], delimiter=delimiter, quotechar=quote, strict=True, skipinitialspace=True), [])
    except csv.Error:
        try:
            return next(TolerantReader(io.StringIO(line, newline=""), delimiter, quote), [])
        except csv.Error:
            return [line.strip()]


def _header_cells(line: str, delimiter: str) -> tuple[list[str], str]:
    cells = cells_of(line, delimiter)
    quote = '"'
    if all(len(cell) > 1 and cell[0] == cell[-1] == "'" for cell in map(str.strip, cells)):
        quote = "'"
        cells = cells_of(line, delimiter, quote)
    while len(cells) > 1 and not cells[-1].strip():
        cells.pop()
    return cells, quote


def _separators_in(cells: list[str]) -> int:
    """Delimiters and quotes that are left in a header's names: the right delimiter leaves the fewest."""
    return sum(name.count(separator) for name in cells for separator in (*DELIMITERS, '"'))


def _names(cells: list[str]) -> list[str]:
    return [_NOT_IN_A_NAME.sub("", cell.lower()) for cell in cells]


def _missing(cells: list[str], columns: WantedColumns) -> list[str]:
    """The wanted columns that a header lacks."""
    names = set(_names(cells))
    return [spellings[0] for spellings in columns if names.isdisjoint(spellings)]


def _picks(cells: list[str], columns: WantedColumns) -> tuple[int, ...]:
    names = _names(cells)
    picks = []
    for spellings in columns:
        name = next(spelling for spelling in spellings if spelling in names)
        if names.count(name) > 1:
            raise UpstreamBadResponse(OPENMARKET, f"the answer has two columns named {name}")
        picks.append(names.index(name))
    return tuple(picks)
