"""A table while it is read: distinct column names, and rows of text.

A cell is its text exactly as the file has it, and None where it is empty. A row without any text is skipped. A row may
be shorter than the columns (the rest is empty), and a reader may find further columns while its rows are read.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ledger.contents.readers.refusals import MOST_CELL, MOST_COLUMNS, MOST_ROW, TooLarge

type Row = list[str | None]


@dataclass(slots=True)
class ColumnNames:
    """The names of a sheet's columns, in order; two equal ones are told apart by a number."""

    names: list[str] = field(default_factory=list)
    most: int = MOST_COLUMNS
    _taken: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, header: Iterable[str | None]) -> "ColumnNames":
        """The columns of a header row; one without a name is called by its number."""
        columns = cls()
        for name in header:
            columns.add(name)
        return columns

    def add(self, name: str | None) -> int:
        """One more column; its index.

        Raises:
            TooLarge: there are more than are read.
        """
        if len(self.names) >= self.most:
            raise TooLarge(f"the file has more than {self.most:,} columns")
        wanted = in_unicode(name) if name else f"column {len(self.names) + 1}"
        unique, number = wanted, 1
        while unique in self._taken:
            number += 1
            unique = f"{wanted} ({number})"
        self._taken.add(unique)
        self.names.append(unique)
        return len(self.names) - 1

    def reach(self, width: int) -> None:
        """Have at least so many columns."""
        while len(self.names) < width:
            self.add(None)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table. `rows` is read once, to its end, before the next sheet; `name` is None outside of workbooks."""

    name: str | None
    columns: ColumnNames
    rows: Iterator[Row]


def row_of(cells: Sequence[str], columns: ColumnNames) -> Row | None:
    """A row of the file's cells, empty ones as None; None if all of them are.

    Raises:
        TooLarge: a cell or the row is longer, or wider, than is read.
    """
    row: Row = [cell or None for cell in cells]
    while row and row[-1] is None:
        row.pop()
    if not row:
        return None
    if len(row) > len(columns.names):
        columns.reach(len(row))
    refuse_long(row)
    return row


def refuse_long(row: Row) -> None:
    """Refuse a row with a cell, or all in all, longer than is read.

    Raises:
        TooLarge: it is.
    """
    if sum(len(cell) for cell in row if cell) > MOST_CELL:
        if max(len(cell) for cell in row if cell) > MOST_CELL:
            raise TooLarge(f"a cell has more than {MOST_CELL:,} characters")
        if sum(len(cell) for cell in row if cell) > MOST_ROW:
            raise TooLarge(f"a row has more than {MOST_ROW:,} characters")


def in_unicode(text: str) -> str:
    """Text without lone halves of a character's code, which no UTF-8 can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
