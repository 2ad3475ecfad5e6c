"""What a column is called: by all of its rows, and with exact figures."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.contents.columns import CellType, ColumnProfile, ReportColumn

LONG = "x" * 500


def column(*blocks: Sequence[str | None]) -> ReportColumn:
    """The column of these cells, block by block."""
    profile = ColumnProfile()
    for block in blocks:
        profile.add(block)
    return profile.column("c")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["1", "-2", "0", "999999999999999"], "INTEGER"),
        (["1", "2.50"], "DECIMAL"),
        (["-0.5"], "DECIMAL"),
        (["01", "2"], "STRING"),
        (["1", "1000000000000000"], "STRING"),
        (["1", "+2"], "STRING"),
        (["1e5"], "STRING"),
        ([".5"], "STRING"),
        (["1,5"], "STRING"),
        (["00.5"], "STRING"),
        (["1.1234567890123456789"], "STRING"),
        (["true", "FALSE", "True"], "BOOLEAN"),
        (["true", "1"], "STRING"),
        (["2026-11-20", "2024-02-29"], "DATE"),
        (["2026-02-29"], "STRING"),
        (["20.11.2026"], "STRING"),
        (["20261120"], "INTEGER"),
        (["2026-11-20T10:00:00Z", "2026-11-20T10:00:00+01:00"], "DATETIME"),
        (["2026-11-20 10:00", "2026-11-20"], "DATETIME"),
        (["2026-11-20T10:00:00Z", "2026-11-20T10:00:00"], "STRING"),
        (["2026-11-20T25:00:00"], "STRING"),
        ([], "STRING"),
        ([" 1"], "STRING"),
        (["١٢"], "STRING"),
    ],
)
def test_a_type_is_what_all_rows_allow(cells: list[str], expected: str) -> None:
    together, one_by_one = column(cells), column(*([cell] for cell in cells))
    assert together.type is one_by_one.type is CellType[expected]
    assert together == one_by_one
    assert column([None, *cells, None]).type is CellType[expected]


def test_figures_go_by_the_type() -> None:
    assert column(["10", "9"], ["-1.50", None]) == ReportColumn("c", CellType.DECIMAL, 1, 3, "-1.50", "10", "17.50")
    assert column(["10", "9"], ["x"]) == ReportColumn("c", CellType.STRING, 0, 3, "10", "x", None)
    moments = column(["2026-11-20T10:00:00+02:00", "2026-11-20T09:00:00Z"])
    assert (moments.min, moments.max) == ("2026-11-20T10:00:00+02:00", "2026-11-20T09:00:00Z")


def test_distinct_cells_are_counted_up_to_a_thousand() -> None:
    cells = [str(number) for number in range(1001)]
    assert column(cells[:1000], cells[:1000]).distinct == 1000
    assert column(cells).distinct is None
    assert column([LONG + "a", LONG + "b", LONG + "a"]).distinct == 2
    assert column(["1.5", "1.50"]).distinct == 2


def test_of_a_long_text_the_beginning_is_shown() -> None:
    assert column([LONG]).max == LONG[:200]


@given(st.lists(st.lists(st.decimals(-(10**14), 10**14, places=18) | st.integers(-(10**14), 10**14), min_size=1)))
def test_a_sum_is_exact_however_the_rows_come_in_blocks(blocks: list[list[Decimal | int]]) -> None:
    found = column(
        *([format(value, "f") if isinstance(value, Decimal) else str(value) for value in each] for each in blocks)
    )
    if blocks:
        assert found.type in {CellType.INTEGER, CellType.DECIMAL}
        assert Fraction(found.sum or "nan") == sum(Fraction(value) for each in blocks for value in each)
