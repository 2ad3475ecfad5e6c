"""An export as a workbook: a sheet that says what it holds, and a sheet of credits, written in flat memory.

A workbook is a zip and cannot be joined of parts as gzip can. So the parts of such an export hold rows as JSON, and one
invocation makes the workbook of them; XlsxWriter puts each row into a temporary file as soon as the next one begins. A
sheet has 1,048,576 rows, which is also what one invocation has time for, so an export with more is refused.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import batched
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ledger.days.rollups import EXACT
from ledger.days.rows import AMOUNT, CURRENCY, OUTCOME, TIME
from ledger.exports.spreadsheets import starts_a_formula
from ledger.figures.summary_lines import money

if TYPE_CHECKING:
    from xlsxwriter.format import Format  # type: ignore[import-untyped]  # it has no stubs
    from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]  # likewise

MOST_ROWS = 1_048_575
"""The rows of a sheet, without its header."""
COLUMNS = (
    ("credit_id", 22),
    ("time_utc", 20),
    ("msisdn", 16),
    ("network", 14),
    ("outcome", 11),
    ("raw_outcome", 13),
    ("amount", 11),
    ("amount_as_written", 19),
    ("currency", 10),
)
"""The columns of the second sheet, and their widths in characters."""
LONGEST_FACT = 32_000
"""Characters of a value on the first sheet: a cell takes 32,767, and the rows do not depend on how long a filter is."""
AT_ONCE = 500
"""Rows that are written before other tasks run."""
DAY_ZERO = datetime(1899, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)

type Fact = tuple[str, str | int | datetime]
"""A line of the first sheet: what it is about, and the value."""


class UnwritableCell(Exception):
    """A cell is longer than a sheet takes."""


class CreditWorkbook:
    """A workbook at a path; what is written goes to temporary files beside it."""

    def __init__(self, path: Path) -> None:
        from xlsxwriter import Workbook  # type: ignore[import-untyped]  # likewise

        options = {"constant_memory": True, "tmpdir": str(path.parent), "strings_to_formulas": False}
        self._book = Workbook(str(path), options)
        self._book.set_properties({"title": "Credits", "created": datetime.now(UTC).replace(tzinfo=None)})
        self._about, self._credits = self._book.add_worksheet("Summary"), self._book.add_worksheet("Credits")
        self._text = self._format(num_format="@")
        self._guarded = self._format(num_format="@", quote_prefix=True)
        self._time = self._format(num_format="yyyy-mm-dd hh:mm:ss", align="left")
        self._money = self._format(num_format="#,##0.00")
        self._head = self._format(bold=True, bottom=1)
        self._rows = 0
        self._totals: dict[tuple[str, str], tuple[int, Decimal]] = {}
        _begin(self._credits, self._head)

    async def add(self, texts: AsyncIterator[bytes]) -> None:
        """Write all credits; `texts` are pieces of lines, each line a row as JSON.

        Raises:
            UnwritableCell: a cell is too long.
        """
        async for lines in _lines(texts):
            for some in batched(lines, AT_ONCE, strict=False):
                self._add([*map(orjson.loads, some)])
                await asyncio.sleep(0)

    def finish(self, facts: Iterable[Fact]) -> None:
        """Write the first sheet and the file; this takes some seconds for a large one, and may run in a thread."""
        self._credits.autofilter(0, 0, max(self._rows, 1), len(COLUMNS) - 1)
        self._write_about([*facts, ("credits", self._rows)])
        self._book.close()

    def discard(self) -> None:
        """Close the temporary files without writing the file; nothing happens once that has been written."""
        if not self._book.fileclosed:
            self._book.fileclosed = True
            for sheet in (self._about, self._credits):
                sheet._opt_close()  # noqa: SLF001 - XlsxWriter has no public way to give a workbook up

    def _format(self, **properties: Any) -> "Format":  # noqa: ANN401 - XlsxWriter's
        return self._book.add_format(properties)

    def _add(self, rows: Sequence[Sequence[str]]) -> None:
        for row in rows:
            self._rows += 1
            self._write_row(self._rows, row)
        for (currency, state, amount), count in Counter((r[CURRENCY], r[OUTCOME], r[AMOUNT]) for r in rows).items():
            known, total = self._totals.get((currency, state), (0, Decimal()))
            worth = EXACT.multiply(Decimal(amount), count)
            self._totals[currency, state] = known + count, EXACT.add(total, worth)

    def _write_row(self, line: int, row: Sequence[str]) -> None:
        credit_id, time, msisdn, network, outcome, raw_outcome, amount, currency = row
        for column, text in enumerate((credit_id, None, msisdn, network, outcome, raw_outcome, None, amount, currency)):
            if text is not None:
                self._write_text(self._credits, line, column, text)
        moment = datetime.fromisoformat(time)
        self._credits.write_number(line, TIME, (moment - DAY_ZERO) / DAY, self._time)
        self._write_amount(self._credits, line, AMOUNT, amount)

    def _write_text(self, sheet: "Worksheet", line: int, column: int, text: str) -> None:
        """A cell that no spreadsheet reads as a number or a formula, not even once it has been edited."""
        if sheet.write_string(line, column, text, self._guarded if starts_a_formula(text) else self._text):
            raise UnwritableCell(f"a cell of {len(text)} characters is longer than a sheet takes")

    def _write_amount(self, sheet: "Worksheet", line: int, column: int, amount: str) -> None:
        """A number to add up; without one if no spreadsheet has it, since the text beside it has every digit."""
        if (number := _number(amount)) is not None:
            sheet.write_number(line, column, number, self._money)

    def _write_about(self, facts: Iterable[Fact]) -> None:
        sheet, line = self._about, 0
        sheet.set_column(0, 0, 20)
        sheet.set_column(1, 4, 24)
        for line, (name, value) in enumerate(facts):
            sheet.write_string(line, 0, name, self._head)
            if isinstance(value, str):
                self._write_text(sheet, line, 1, _shortened(value))
            elif isinstance(value, int):
                sheet.write_number(line, 1, value)
            else:
                sheet.write_number(line, 1, (value - DAY_ZERO) / DAY, self._time)
        for column, name in enumerate(("currency", "outcome", "credits", "amount", "amount_exact")):
            sheet.write_string(line + 2, column, name, self._head)
        for below, ((currency, state), (count, amount)) in enumerate(sorted(self._totals.items()), line + 3):
            self._write_text(sheet, below, 0, currency)
            self._write_text(sheet, below, 1, state)
            sheet.write_number(below, 2, count)
            self._write_amount(sheet, below, 3, str(money(amount)))
            self._write_text(sheet, below, 4, str(money(amount)))


def _shortened(value: str) -> str:
    return value if len(value) <= LONGEST_FACT else f"{value[:LONGEST_FACT]} … (cut off)"


def _begin(sheet: "Worksheet", head: "Format") -> None:
    """The header, which stays in sight."""
    sheet.freeze_panes(1, 0)
    for column, (name, width) in enumerate(COLUMNS):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, name, head)


async def _lines(texts: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """The whole lines of each piece; a line may begin in one and end in another."""
    begun = b""
    async for text in texts:
        *lines, begun = (begun + text).split(b"\n")
        yield lines


@lru_cache(maxsize=4096)
def _number(amount: str) -> float | None:
    """There are far fewer price points than credits: each is read once."""
    number = float(amount)
    return number if isfinite(number) else None
