"""Rollups: the totals of a day's credits, so small that a summary of a year is made without reading rows.

A rollup has the totals of the whole day by network, outcome and currency, and counts by hour and value (price point) as
well. Sums are exact, and two currencies are never added up. The whole day's totals come first, because most summaries
need no more: the rest is parsed only when a summary asks for it.

The same object carries the index of the day's blocks (`ledger.days.blocks`), as a line that is parsed only when a query
reads rows. Rollups of format 1 have hours but no values: where values are wanted of them, the rows are read. Those of
format 2 have values and no blocks: their day is one block.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from enum import Enum
from typing import Any, Self

import orjson

from ledger.days.rows import AMOUNT, CURRENCY, NETWORK, OUTCOME, STATES, TIME, Rows
from runtime.compression import CorruptGzipError, pack, unpack

EXACT = Context(prec=400, traps=[Inexact])
"""Sums that need more than 400 digits are refused rather than rounded."""
FORMAT, FORMAT_WITH_BLOCKS = b'{"format":2}', b'{"format":3}'
"""First line of a rollup with values, and of one whose second line is the index of the day's blocks."""

DayKey = tuple[str, str, str]
"""Network, outcome, currency."""

HourKey = tuple[int, str, str, str]
"""Hour of the UTC day (0 to 23), network, outcome, currency."""

ValueKey = tuple[int, str, str, str, str]
"""Hour, network, outcome, currency and the amount of one credit: a plain number without trailing zeros."""

DayValueKey = tuple[str, str, str, str]
"""Network, outcome, currency and value."""

SpelledKey = tuple[str, str, str, str, str]
"""Hour, network, outcome, currency and amount as they are spelled in the rows."""

Total = tuple[int, Decimal]
"""How many credits, and the sum of their amounts."""

HOURS = frozenset(range(24))
ENTRY_BYTES = 400
"""The memory that a total takes."""


class CorruptRollup(Exception):
    """A stored rollup is not what it should be; the day's rows have the same information."""


class Detail(Enum):
    """How finely a summary needs a day's totals."""

    DAY = "whole day"
    DAY_VALUE = "whole day, by value"
    HOUR = "by hour"
    VALUE = "by hour and value"

    def joined(self, other: Self) -> "Detail":
        """The detail that has both."""
        if self is other or other is Detail.DAY:
            return self
        return other if self is Detail.DAY else Detail.VALUE


@dataclass(frozen=True, slots=True)
class Rollup:
    """A day's totals. `values` and `hours` are parsed, or still as they are stored, or None where they are not.

    `blocks` is the index of the day's blocks as it is stored, None for a day without blocks. `day_values` are the
    values of the whole day. The values by hour are ten times as many as those or the hours, which are made of them:
    they are parsed for that, and stay as they are stored in a rollup that is remembered.
    """

    whole: Mapping[DayKey, Total]
    values: Mapping[ValueKey, int] | bytes | None
    hours: Mapping[HourKey, Total] | bytes | None = None
    blocks: bytes | None = None
    day_values: Mapping[DayValueKey, int] | None = field(default=None, compare=False)

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """Count and sum rows."""
        return cls.of_counts(count_equal(rows))

    @classmethod
    def of_counts(cls, counts: Mapping[SpelledKey, int]) -> Self:
        """Sum up the counts of equal rows, of a whole day."""
        plain = {amount: plain_value(Decimal(amount)) for amount in {key[4] for key in counts}}
        values: Counter[ValueKey] = Counter()
        # There are far fewer price points than credits: equal amounts are counted first and multiplied once.
        for (hour, network, outcome, currency, amount), count in counts.items():
            values[int(hour), network, outcome, currency, plain[amount]] += count
        return cls.of_values(values)

    @classmethod
    def of_values(cls, values: Mapping[ValueKey, int]) -> Self:
        """Sum up counts by hour and value."""
        of_day = _by_day(values)
        return cls(_sums(of_day), values, day_values=of_day)

    @classmethod
    def of_day_values(cls, values: Mapping[DayValueKey, int]) -> Self:
        """Sum up counts by value."""
        return cls(_sums(values), None, day_values=values)

    def parsed(self, detail: Detail) -> Self | None:
        """The rollup with that detail parsed; None when it was stored without values.

        Raises:
            CorruptRollup: the detail is not what was stored, or does not add up to the whole day's totals.
        """
        if self.is_parsed(detail):
            return self
        if self.values is None:
            return self._with_stored_hours() if detail is Detail.HOUR else None
        values, of_day = self.values, self.day_values
        if isinstance(values, bytes):
            values, of_day = _parsed_values(values, self.whole)
        return replace(
            self,
            values=values if detail is Detail.VALUE else self.values,
            hours=_hours_of(values) if detail is Detail.HOUR else self.hours,
            day_values=_by_day(values) if of_day is None else of_day,
        )

    def _with_stored_hours(self) -> Self:
        hours = _parsed_hours(self.hours, self.whole) if isinstance(self.hours, bytes) else self.hours
        return replace(self, hours=hours or {})

    def is_parsed(self, detail: Detail) -> bool:
        """Whether that detail can be read without parsing."""
        parts = {
            Detail.DAY: self.whole,
            Detail.DAY_VALUE: self.day_values,
            Detail.HOUR: self.hours,
            Detail.VALUE: self.values,
        }
        return parts[detail] is not None and not isinstance(parts[detail], bytes)

    def values_line(self) -> bytes:
        """The counts by hour and value as they are stored.

        Raises:
            ValueError: the rollup was stored without them.
        """
        parsed = self.parsed(Detail.VALUE)
        if parsed is None or not isinstance(parsed.values, Mapping):
            raise ValueError("a rollup without values is never written")
        return orjson.dumps([[*key, n] for key, n in sorted(parsed.values.items())])

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        parts = (self.whole, self.values or b"", self.hours or b"", self.blocks or b"", self.day_values or b"")
        return sum(len(part) * (1 if isinstance(part, bytes) else ENTRY_BYTES) for part in parts)


EMPTY_ROLLUP = Rollup({}, {}, {}, day_values={})


def count_equal(rows: Rows) -> Counter[SpelledKey]:
    """How many rows are equal in all that a rollup tells apart."""
    columns = (rows.column(index) for index in (NETWORK, OUTCOME, CURRENCY, AMOUNT))
    hours = [time[11:13] for time in rows.column(TIME)]
    return Counter(zip(hours, *columns, strict=True))


def plain_value(amount: Decimal) -> str:
    """An amount's one spelling: `1.50`, `1.5` and `15e-1` are one value."""
    return format(amount.normalize(EXACT), "f")


def add[K](totals: dict[K, Total], key: K, more: Total) -> None:
    """Add to one of several totals, exactly."""
    total = totals.get(key)
    totals[key] = more if total is None else (total[0] + more[0], EXACT.add(total[1], more[1]))


def encode(rollup: Rollup) -> bytes:
    """Gzipped lines of JSON: format, blocks, `[network, outcome, currency, count, sum]`, counts by hour and value.

    An entry of the last line is `[hour, network, outcome, currency, value, count]`. A day without blocks has no line of
    them, and format 2.
    """
    whole = orjson.dumps([[*key, count, str(amount)] for key, (count, amount) in sorted(rollup.whole.items())])
    head = [FORMAT] if rollup.blocks is None else [FORMAT_WITH_BLOCKS, rollup.blocks]
    return pack(b"\n".join([*head, whole, rollup.values_line()]))


def decode(body: bytes, count: int) -> Rollup:
    """Stored bytes as the rollup of a day of `count` credits.

    Raises:
        CorruptRollup: the bytes are not a rollup, or its counts do not add up to `count`.
    """
    try:
        *head, whole, detail = unpack(body).split(b"\n")
    except (CorruptGzipError, ValueError) as error:
        raise CorruptRollup(f"a stored rollup is unreadable: {error}") from error
    blocks = head.pop() if len(head) == 2 and head[0] == FORMAT_WITH_BLOCKS else None  # noqa: PLR2004 - two lines
    if head not in ([], [FORMAT] if blocks is None else [FORMAT_WITH_BLOCKS]):
        raise CorruptRollup("a stored rollup has another format")
    totals: dict[DayKey, Total] = {}
    for key, (counted, amount) in _entries(whole, key_length=3):
        add(totals, _day_key(key), (_whole_number(counted), _number(amount)))
    credits_counted = sum(total[0] for total in totals.values())
    if credits_counted != count:
        raise CorruptRollup(f"a stored rollup counts {credits_counted} credits of a day that has {count}")
    return Rollup(totals, detail, blocks=blocks) if head else Rollup(totals, None, detail)


def _worth(count: int, value: str) -> Total:
    return count, EXACT.multiply(Decimal(value), count)


def _hours_of(values: Mapping[ValueKey, int]) -> dict[HourKey, Total]:
    hours: dict[HourKey, Total] = {}
    amounts = {value: Decimal(value) for value in {key[4] for key in values}}  # few, of thousands of keys
    with localcontext(EXACT):
        for (hour, network, outcome, currency, value), count in values.items():
            key, amount = (hour, network, outcome, currency), amounts[value] * count
            known = hours.get(key)
            hours[key] = (count, amount) if known is None else (known[0] + count, known[1] + amount)
    return hours


def _by_day(values: Mapping[ValueKey, int]) -> Counter[DayValueKey]:
    of_day: Counter[DayValueKey] = Counter()
    for (_, network, outcome, currency, value), count in values.items():
        of_day[network, outcome, currency, value] += count
    return of_day


def _parsed_values(line: bytes, whole: Mapping[DayKey, Total]) -> tuple[dict[ValueKey, int], Counter[DayValueKey]]:
    """The counts by hour and value, and those of the whole day. Whole columns are checked at once."""
    if not (entries := _lists(line, length=6)):
        _check_sums({}, whole)
        return {}, Counter()
    hours, *texts, counts = zip(*entries, strict=True)
    _check_columns(hours, texts, counts)
    values = dict(zip(zip(hours, *texts, strict=True), counts, strict=True))
    of_day: Counter[DayValueKey] = Counter()
    for key, count in zip(zip(*texts, strict=True), counts, strict=True):
        of_day[key] += count
    if len(values) != len(counts):
        raise CorruptRollup("a stored rollup has an entry twice")
    _check_sums(_sums(of_day), whole)
    return values, of_day


def _check_columns(hours: Sequence[Any], texts: Sequence[Sequence[Any]], counts: Sequence[Any]) -> None:
    """Whether the columns have hours, texts, states, plain numbers and counts."""
    if set(map(type, hours)) != {int} or not set(hours) <= HOURS:
        raise CorruptRollup("a stored rollup has an hour that no day has")
    if any(set(map(type, column)) != {str} for column in texts) or not set(texts[1]) <= STATES:
        raise CorruptRollup("a stored rollup has entries of another form")
    if set(map(type, counts)) != {int} or min(counts) <= 0:
        raise CorruptRollup("a count in a stored rollup is not a whole number")
    for value in set(texts[3]):
        if plain_value(_number(value)) != value:
            raise CorruptRollup(f"a stored rollup has a value {value!r}")


def _sums(values: Mapping[DayValueKey, int]) -> dict[DayKey, Total]:
    sums: dict[DayKey, Total] = {}
    for (network, outcome, currency, value), count in values.items():
        add(sums, (network, outcome, currency), _worth(count, value))
    return sums


def _parsed_hours(line: bytes, whole: Mapping[DayKey, Total]) -> dict[HourKey, Total]:
    hours: dict[HourKey, Total] = {}
    sums: dict[DayKey, Total] = {}
    for (hour, *key), (counted, amount) in _entries(line, key_length=4):
        total = _whole_number(counted), _number(amount)
        add(hours, (_hour(hour), *_day_key(key)), total)
        add(sums, _day_key(key), total)
    _check_sums(sums, whole)
    return hours


def _check_sums(sums: Mapping[DayKey, Total], whole: Mapping[DayKey, Total]) -> None:
    if sums != whole:
        raise CorruptRollup("the hours of a stored rollup do not add up to its day")


def _entries(line: bytes, key_length: int) -> Iterable[tuple[list[Any], list[Any]]]:
    """The entries of a line of JSON: the parts of the key, and the two figures after it.

    Raises:
        CorruptRollup: the line is not a list of entries with keys of that length.
    """
    return [(entry[:key_length], entry[key_length:]) for entry in _lists(line, key_length + 2)]


def _lists(line: bytes, length: int) -> list[list[Any]]:
    """A line of JSON that is a list of lists of that length.

    Raises:
        CorruptRollup: it is something else.
    """
    try:
        entries = orjson.loads(line)
    except ValueError as error:
        raise CorruptRollup(f"a stored rollup is unreadable: {error}") from error
    if not isinstance(entries, list) or not all(isinstance(e, list) and len(e) == length for e in entries):
        raise CorruptRollup("a stored rollup has entries of another form")
    return entries


def _day_key(parts: list[Any]) -> DayKey:
    network, outcome, currency = parts
    if all(type(part) is str for part in parts) and outcome in STATES:
        return network, outcome, currency
    raise CorruptRollup("a stored rollup has entries of another form")


def _hour(part: object) -> int:
    if type(part) is int and part in HOURS:
        return part
    raise CorruptRollup(f"a stored rollup has an hour {part!r}")


def _whole_number(part: object) -> int:
    if type(part) is int and part > 0:
        return part
    raise CorruptRollup("a count in a stored rollup is not a whole number")


def _number(part: object) -> Decimal:
    try:
        amount = Decimal(part) if type(part) is str else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite():
        raise CorruptRollup("an amount in a stored rollup is not a number")
    return amount
