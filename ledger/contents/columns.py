"""What a column holds: its type, which all of its rows allow, and exact figures over all of them.

Rows come in blocks, and a column is looked at block by block, so Python does not take a step for each row. A number
with leading zeros or more than 15 digits before the point is a text, as identifiers are; a date is one in ISO 8601.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from enum import Enum
from typing import Any

MOST_DISTINCT = 1_000
SHOWN_CHARACTERS = 200
"""Of a column's smallest and largest text."""
EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])


class CellType(Enum):
    """What all cells of a column are."""

    STRING = "STRING"
    INTEGER = "INTEGER"
    DECIMAL = "DECIMAL"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    DATETIME = "DATETIME"


NUMBERS = frozenset({CellType.INTEGER, CellType.DECIMAL})
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})").fullmatch
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,18})?").fullmatch
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
).fullmatch
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """A column as it is shown; figures over all rows of the sheet."""

    name: str
    type: CellType
    nulls: int
    distinct: int | None
    min: str | None
    max: str | None
    sum: str | None


@dataclass(frozen=True, slots=True)
class CellRange:
    """The smallest and the largest cell of a block: as texts, cut off, and as numbers if all of them are numbers."""

    low: str
    high: str
    low_number: str | None
    high_number: str | None


class _Values:
    """Reads the cells of one type: what they are worth in order and sum; None where one is not of the type."""

    def __init__(self, matches: Callable[[str], object], value: Callable[[str], Any]) -> None:
        self._matches = matches
        self._value = value

    def __call__(self, cells: Sequence[str]) -> list[Any] | None:
        try:
            return list(map(self._value, cells)) if all(map(self._matches, cells)) else None
        except ValueError:  # a day that no calendar has
            return None


_READ = {
    CellType.INTEGER: _Values(_INTEGER, int),
    CellType.DECIMAL: _Values(_DECIMAL, Decimal),
    CellType.BOOLEAN: _Values(_BOOLEANS.__contains__, _BOOLEANS.__getitem__),
    CellType.DATE: _Values(_DATE, datetime.fromisoformat),
    CellType.DATETIME: _Values(_DATETIME, datetime.fromisoformat),
}
_WIDER: dict[CellType | None, tuple[CellType, ...]] = {
    None: tuple(_READ),
    CellType.INTEGER: (CellType.INTEGER, CellType.DECIMAL),
    CellType.DECIMAL: (CellType.DECIMAL,),
    CellType.BOOLEAN: (CellType.BOOLEAN,),
    CellType.DATE: (CellType.DATE, CellType.DATETIME),
    CellType.DATETIME: (CellType.DATETIME,),
    CellType.STRING: (),
}


class ColumnProfile:
    """One column, block by block."""

    def __init__(self, nulls: int = 0) -> None:
        """`nulls`: how many rows came before the column did."""
        self.nulls = nulls
        self._type: CellType | None = None
        self._distinct: set[int] | None = set()  # by their hashes: two thousand columns may have a thousand each
        self._texts: tuple[str, str] | None = None
        self._low: tuple[Any, str] | None = None
        self._high: tuple[Any, str] | None = None
        self._sum: Any = 0

    def add(self, cells: Sequence[str | None]) -> CellRange | None:
        """Take the column's cells of one block; their range, None if all are empty."""
        present = [cell for cell in cells if cell is not None]
        self.nulls += len(cells) - len(present)
        if not present:
            return None
        low, high = min(present), max(present)
        self._texts = (low, high) if self._texts is None else (min(low, self._texts[0]), max(high, self._texts[1]))
        self._texts = self._texts[0][:SHOWN_CHARACTERS], self._texts[1][:SHOWN_CHARACTERS]
        self._count_distinct(present)
        numbers = self._widen(present)
        return CellRange(low, high, *(map(str, numbers) if numbers else (None, None)))

    def column(self, name: str) -> ReportColumn:
        """The column, once all rows have been seen."""
        found = self._type or CellType.STRING
        low, high = self._texts or (None, None)
        if found is not CellType.STRING and self._low and self._high:
            low, high = self._low[1], self._high[1]
        total = format(self._sum, "f" if isinstance(self._sum, Decimal) else "d") if found in NUMBERS else None
        distinct = None if self._distinct is None else len(self._distinct)
        return ReportColumn(name, found, self.nulls, distinct, low, high, total)

    def _count_distinct(self, present: Sequence[str]) -> None:
        if self._distinct is None:
            return
        self._distinct.update(map(hash, set(present)))
        if len(self._distinct) > MOST_DISTINCT:
            self._distinct = None

    def _widen(self, present: Sequence[str]) -> tuple[Any, Any] | None:
        """Have a type that these cells allow as well; their smallest and largest number, if they are numbers."""
        for candidate in _WIDER[self._type]:
            values = _READ[candidate](present)
            if values is not None and self._comparable(values):
                self._type = candidate
                return self._extend(values, present)
        self._type = CellType.STRING
        self._low = self._high = None
        return None

    def _extend(self, values: list[Any], present: Sequence[str]) -> tuple[Any, Any] | None:
        pairs = list(zip(values, present, strict=True))
        low, high = min(pairs), max(pairs)
        self._low = low if self._low is None else min(low, self._low)
        self._high = high if self._high is None else max(high, self._high)
        if self._type not in NUMBERS:
            return None
        with localcontext(EXACT):
            self._sum += sum(values)
        return low[0], high[0]

    def _comparable(self, values: list[Any]) -> bool:
        """Whether all moments have a zone, or none has."""
        if not isinstance(values[0], datetime):
            return True
        known = [self._low[0]] if self._low and isinstance(self._low[0], datetime) else []
        return len({value.tzinfo is None for value in [*values, *known]}) == 1
