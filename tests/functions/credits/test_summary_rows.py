"""A summary written as one text is what its lines are, one by one."""

from dataclasses import fields
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.figures.summary_lines import STATES, OtherParts, SummaryBucket, SummaryLines, TimeParts, money
from runtime.clock import rfc3339
from schema.resolvers.credits.summary_rows import LARGEST_INT, SummaryRows

ATTRIBUTES = [*(field.name for field in fields(SummaryBucket)), "failure_rate"]

days = st.none() | st.dates(date(2018, 1, 1), date(2020, 1, 1))
amounts = st.builds(Decimal, st.sampled_from(["0", "-0", "5", "-1.5", "1E+3", "12.50", "0.005", "7E-7", "1E-2"]))
lines = st.tuples(
    st.builds(TimeParts, days, days, days, st.none() | st.just(datetime(2019, 11, 5, 12, tzinfo=UTC))),
    st.builds(
        OtherParts,
        st.none() | st.sampled_from(["O2", 'a"b\\', "line\nbreak", "100 %s", "é"]),
        st.none() | st.sampled_from(STATES),
        st.none() | amounts.map(money),
        st.sampled_from(["GBP", "EUR"]),
    ),
    st.tuples(*[st.integers(0, 9)] * len(STATES), amounts).map(list),
)


def test_the_text_is_what_the_lines_are() -> None:
    @given(st.lists(lines, min_size=1, max_size=6))
    def holds(drawn: list[Any]) -> None:
        summary = SummaryLines(*zip(*drawn, strict=True))
        text = SummaryRows(summary).json([("__typename", None), *((name, name) for name in ATTRIBUTES)])
        assert text is not None
        assert orjson.loads(orjson.dumps(text)) == [
            {"__typename": "CreditLogBucket"} | {name: written(getattr(line, name)) for name in ATTRIBUTES}
            for line in summary
        ]

    holds()


def written(value: object) -> object:
    match value:
        case Enum():
            return value.name
        case Decimal():
            return format(value, "f")
        case datetime():
            return rfc3339(value)
        case date():
            return value.isoformat()
    return value


@pytest.mark.parametrize("name", ["count", "success"])
def test_a_count_that_no_int_holds_is_left_to_the_executor(name: str) -> None:
    def text(success: int) -> object:
        other = OtherParts(None, None, None, "GBP")
        return SummaryRows(SummaryLines([TimeParts()], [other], [[success, 0, 0, 0, Decimal(1)]])).json([(name, name)])

    assert text(LARGEST_INT) is not None
    assert text(LARGEST_INT + 1) is None
