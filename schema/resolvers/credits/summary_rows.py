"""A summary's lines for the response: one by one, or as JSON text for all of them at once.

A year's lines repeat few days, states and networks, so each of those is written once.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import Any, overload

import orjson

from ledger.figures.summary_lines import (
    STATES,
    Figures,
    OtherParts,
    SummaryBucket,
    SummaryLines,
    TimeParts,
    failure_rate,
    money_text,
)
from schema.resolvers.relay.json_rows import JsonRows

LARGEST_INT = 2**31 - 1


class SummaryRows(JsonRows[SummaryBucket]):
    """The lines of a summary."""

    def __init__(self, lines: SummaryLines) -> None:
        self._lines = lines

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> SummaryBucket: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SummaryBucket]: ...
    def __getitem__(self, index: int | slice) -> SummaryBucket | Sequence[SummaryBucket]:
        return self._lines[index]

    def json(self, fields: Sequence[tuple[str, str | None]]) -> orjson.Fragment | None:
        """A JSON array of objects, see `JsonRows`; None if a count is no GraphQL `Int`."""
        attributes = [attribute for _, attribute in fields if attribute is not None]
        columns = [self._column(attribute) for attribute in attributes]
        if any(max(column) > LARGEST_INT for name, column in zip(attributes, columns, strict=True) if name in COUNTERS):
            return None
        names = [f'"{key}":{"%s" if attribute is not None else '"CreditLogBucket"'}' for key, attribute in fields]
        template = f"{{{','.join(names)}}}"
        lines = map(template.__mod__, zip(*columns, strict=True)) if columns else [template] * len(self)
        return orjson.Fragment(f"[{','.join(lines)}]".encode())

    def _column(self, attribute: str) -> list[Any]:
        """An attribute of all lines, each as JSON."""
        times, others, figures = self._lines.times, self._lines.others, self._lines.figures
        if attribute == "value":
            return ["null" if other.value is None else f'"{other.value:f}"' for other in others]
        if attribute in TimeParts._fields:
            return _written(list(map(attrgetter(attribute), times)))
        if attribute in OtherParts._fields:
            return _written(list(map(attrgetter(attribute), others)))
        if attribute == "amount":
            return [f'"{money_text(amount)}"' for *_, amount in figures]
        if attribute == "failure_rate":
            rates = [failure_rate(success, failed) for success, failed, *_ in figures]
            return ["null" if rate is None else f'"{rate:f}"' for rate in rates]
        return list(map(COUNTERS[attribute], figures))


def _count(figures: Figures) -> int:
    success, failed, pending, unknown, _ = figures
    return success + failed + pending + unknown  # type: ignore[no-any-return]  # figures are counts and a sum


COUNTERS: dict[str, Callable[[Figures], int]] = {
    "count": _count,
    **{state.lower(): itemgetter(index) for index, state in enumerate(STATES)},
}


def _written(column: list[Any]) -> list[str]:
    """Each value as JSON; one that is repeated is written once."""
    written = {value: orjson.dumps(value, option=orjson.OPT_UTC_Z).decode() for value in set(column)}
    return list(map(written.__getitem__, column))
