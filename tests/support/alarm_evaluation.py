"""CloudWatch's evaluation of an alarm on metric math, as AWS documents it: one value an hour, None is missing data.

It knows what the template's expressions need: `FILL`, `+`, `*`, and `TreatMissingData: ignore`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

REPEAT = object()


class Series:
    """A time series, with CloudWatch's arithmetic: what is missing in one operand is missing in the result."""

    def __init__(self, values: Sequence[float | None]) -> None:
        self.values = tuple(values)

    def __add__(self, other: Self) -> "Series":
        pairs = zip(self.values, other.values, strict=True)
        return Series([None if a is None or b is None else a + b for a, b in pairs])

    def __rmul__(self, factor: float) -> "Series":
        return Series([None if value is None else factor * value for value in self.values])


def fill(series: Series, filler: float | object) -> Series:
    """`FILL`: missing values become a number, or with `REPEAT` the value before them; none before stays missing."""
    filled: list[float | None] = []
    for value in series.values:
        last = filled[-1] if filled else None
        substitute = last if filler is REPEAT else filler
        filled.append(substitute if value is None else value)  # type: ignore[arg-type]
    return Series(filled)


def states(alarm: Mapping[str, Any], hours: Sequence[float | None]) -> Iterator[str]:
    """The alarm's state after each hour; it sees as many hours as it evaluates, and none before the first."""
    (expression,) = [metric["Expression"] for metric in alarm["Metrics"] if "Expression" in metric]
    (name,) = [metric["Id"] for metric in alarm["Metrics"] if "MetricStat" in metric]
    periods = alarm["EvaluationPeriods"]
    needed = alarm.get("DatapointsToAlarm", periods)
    state, padded = "INSUFFICIENT_DATA", [*[None] * (periods - 1), *hours]
    for end in range(periods, len(padded) + 1):
        names = {"FILL": fill, "REPEAT": REPEAT, name: Series(padded[end - periods : end])}
        values = eval(expression, {"__builtins__": {}}, names).values  # noqa: S307 - the template's own text
        breaching = sum(value is not None and value >= alarm["Threshold"] for value in values)
        if breaching >= needed:
            state = "ALARM"
        elif breaching + values.count(None) < needed:
            state = "OK"
        yield state
