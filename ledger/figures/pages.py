"""A page of the credit log, collected from days and blocks in the page's order."""

from collections import deque
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from ledger.days.blocks import Block
from ledger.days.rows import Position, Rows
from ledger.days.versions import DayVersion
from runtime.clock import Period, day_end, midnight

LIKELY_SHARE = 0.5
"""Of a block's rows, beyond a cursor within it, or within a period that ends in it: the share that is expected."""


class RowPage(NamedTuple):
    """Some rows in order, and whether the period has rows before and after them."""

    rows: Rows
    has_previous: bool
    has_next: bool


class DayPart(NamedTuple):
    """Rows that are read together: a block of a day, or the whole day."""

    version: DayVersion
    block: Block | None = None

    @property
    def row_count(self) -> int:
        """How many rows it has."""
        return self.block.count if self.block else self.version.count or 0

    @property
    def first(self) -> Position:
        """The position of its first row, or an earlier one."""
        return self.block.first if self.block else (midnight(self.version.day), -1)

    @property
    def last(self) -> Position:
        """The position of its last row, or a later one."""
        return self.block.last if self.block else (day_end(self.version.day), -1)

    def is_inside(self, period: Period) -> bool:
        """Whether all its rows lie in a period."""
        return self.first >= (period.start, -1) and self.last <= (period.end, -1)

    def is_outside(self, period: Period) -> bool:
        """Whether none of its rows lies in a period."""
        return self.last < (period.start, -1) or self.first >= (period.end, -1)


class PageBuilder:
    """Collects the `first` rows after a position, in the order of the log or in the opposite one."""

    def __init__(self, first: int, after: Position | None, *, newest_first: bool) -> None:
        self._first = first
        self._after = after
        self.newest_first = newest_first
        self._taken: list[Rows] = []
        self._need = first + 1
        self._expected: deque[float] = deque()
        self._read = self._matched = 0
        self.found_before = False

    def in_order[T](self, days_or_blocks: Sequence[T]) -> Sequence[T]:
        """Days or blocks, given in the order of the log, in the page's order."""
        return days_or_blocks[::-1] if self.newest_first else days_or_blocks

    @property
    def begins(self) -> bool:
        """Whether it is the first page: nothing comes before it."""
        return self._after is None

    @property
    def is_full(self) -> bool:
        """Whether all its rows have been added, and one more that shows that there is a next page."""
        return self._need <= 0

    @property
    def rows_read(self) -> int:
        """How many rows have been read for it, wanted or not."""
        return self._read

    @property
    def missing(self) -> float:
        """How many rows are missing, besides those that the reads under way are expected to bring."""
        return self._need - sum(self._expected)

    def has_room_for(self, part: DayPart) -> bool:
        """Whether all of a part's rows will be on the page."""
        return part.row_count <= self.missing and not self.reaches_back(part)

    def is_past(self, part: DayPart) -> bool:
        """Whether all of a part's rows come before the page."""
        if self._after is None:
            return False
        return part.first >= self._after if self.newest_first else part.last <= self._after

    def reaches_back(self, part: DayPart) -> bool:
        """Whether some of a part's rows may come before the page."""
        if self._after is None:
            return False
        return part.last >= self._after if self.newest_first else part.first <= self._after

    def expect(self, part: DayPart, *, inside: bool, filtered: bool) -> None:
        """A part is being read, which lies inside the period or across one of its ends.

        Of a small day whose number of wanted rows is unknown none is expected: the next ones are read beside it. Of a
        block that is filtered, as many are expected as of those before it, and at first all.
        """
        share = 1.0 if inside and not self.reaches_back(part) else LIKELY_SHARE
        if part.block is None and (filtered or share < 1):
            share = 0.0
        elif filtered and self._read:
            share *= self._matched / self._read
        self._expected.append(part.row_count * share)

    def add_rows(self, part: DayPart, rows: Rows) -> None:
        """Take the page's rows of those that are wanted of the next part."""
        self._expected.popleft()
        wanted = self._beyond_cursor(rows)
        self._read += part.row_count
        self._matched += len(rows)
        self.found_before = self.found_before or len(wanted) < len(rows)
        taken = wanted.slice(0, self._need) if not self.newest_first else _last(wanted, self._need)
        if len(taken):
            self._taken.append(taken)
            self._need -= len(taken)

    def _beyond_cursor(self, rows: Rows) -> Rows:
        if self._after is None:
            return rows
        if self.newest_first:
            return rows.slice(0, rows.first_at(self._after))
        return rows.slice(rows.first_at((self._after[0], self._after[1] + 1)), len(rows))

    def result(self, *, has_previous: bool) -> RowPage:
        """The page."""
        taken = self._taken
        rows = taken[0] if len(taken) == 1 else Rows([*chain.from_iterable([each.cells for each in taken])])
        return RowPage(rows.slice(0, self._first), has_previous, has_next=len(rows) > self._first)


def _last(rows: Rows, count: int) -> Rows:
    return rows.slice(max(0, len(rows) - count), len(rows)).newest_first()
