"""Queries over an S3 in which each call takes 20 ms: what waits for what shows here, and nowhere on a loopback."""

import json
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from benchmarks.contenders.calls import Calls
from benchmarks.contenders.lambda_process import LambdaProcess
from benchmarks.contenders.programs import TALLY, TEXTBOOK, Function
from benchmarks.measurements.pace import Pace
from benchmarks.results.tables import Cells, Goal, Section, number
from benchmarks.world import queries
from benchmarks.world.data import World, days_from
from benchmarks.world.queries import Body
from local.vendors.openmarket import OpenMarketSimulator

DELAY = 0.02
ROWS = 2000
MONTH = date(2019, 5, 1)
LOOSE = date(2019, 6, 1)
"""The first of the days that have no month object, because their month has a hole."""
PAGE = 100
MONTH_DAYS = 31
YEAR_DAYS = 366
VERBS = ("LIST", "GET", "PUT")
METHOD = f"""Each call of S3 takes {DELAY * 1000:.0f} ms here, as in AWS; days have {ROWS:,} credits. *Warm* is a
process that has answered the same kind of query before, about other days; *cold* is from the start of a runtime's
process to its first answer. *Waits* are the calls of S3 of which each began after the one before had ended, counted at
S3. The vendor that is asked is simulated, answers at once and has {ROWS:,} credits. Waits and requests are medians."""


@dataclass(slots=True)
class _Kind:
    """One kind of query by one contender: its rounds in milliseconds, their waits for S3 and their requests."""

    name: str
    rounds: list[float] = field(default_factory=list)
    chains: list[int] = field(default_factory=list)
    requests: list[Counter[str]] = field(default_factory=list)

    @property
    def waits(self) -> int:
        return round(statistics.median(self.chains))

    def row(self) -> Cells:
        counts = (str(round(statistics.median(counter[verb] for counter in self.requests))) for verb in VERBS)
        p95 = sorted(self.rounds)[round(0.95 * (len(self.rounds) - 1))]
        return (self.name, number(statistics.median(self.rounds)), number(p95), str(self.waits), *counts)


def measure(world: World, pace: Pace, tally: Function, textbook: Function) -> Section:
    """Ask each kind of query some times."""
    rounds = pace.far_rounds
    _store(world, 2 * rounds + 2)
    with _vendor(world) as environ, Calls(tally, environ) as ours, Calls(textbook, environ) as theirs:
        kinds = [
            _warm(world, f"{TALLY}, page of {PAGE} of a settled month", ours, _pages(MONTH), rounds),
            _warm(world, f"{TALLY}, page of {PAGE} of a day without a month", ours, _pages(LOOSE), rounds),
            _warm(world, f"{TEXTBOOK}, the same page", theirs, _pages(MONTH), rounds),
            _warm(world, f"{TALLY}, summary of a month, of another brand each time", ours, _summaries, rounds),
            _warm(
                world,
                f"{TALLY}, summary of a year, of another brand each time",
                ours,
                lambda turn: _years(turn + rounds + 1),
                rounds,
            ),
            _warm(world, f"{TALLY}, page of today, the vendor is asked", ours, _todays, rounds),
        ]
        kinds += [
            _cold(world, f"{function.name}, page of {PAGE} of a settled month, cold", function, environ, rounds)
            for function in (tally, textbook)
        ]
    by_name = dict(zip(("month", "loose", "textbook", "summary", "year", "vendor"), kinds, strict=False))
    goals = [
        Goal("S3 at 20 ms, page of a settled month: waits", "", by_name["month"].waits, 2, 1),
        Goal("S3 at 20 ms, page of a settled day without a month: waits", "", by_name["loose"].waits, 1),
        Goal("S3 at 20 ms, page that the vendor is asked for: waits", "", by_name["vendor"].waits, 5, 4),
    ]
    head = (f"S3 at {DELAY * 1000:.0f} ms", "p50 ms", "p95 ms", "waits", *VERBS)
    return Section(f"S3 at {DELAY * 1000:.0f} ms a call", METHOD, head, [kind.row() for kind in kinds], goals)


def _store(world: World, brands: int) -> None:
    """A settled month, days without a month, and a year for each of some brands, with their months."""
    world.settle(days_from(MONTH, MONTH_DAYS), ROWS)
    world.settle([day for day in days_from(LOOSE, 30) if day.day != 30], ROWS)
    world.write_months()
    first = _brand(0)
    world.settle(days_from(MONTH, YEAR_DAYS), 50, first)
    world.write_months(first)
    for number_ in range(1, brands):
        world.copy_brand(first, _brand(number_))


@contextmanager
def _vendor(world: World) -> Iterator[Mapping[str, str]]:
    """The environment with a vendor of mobile credits, which has few rows and answers at once."""
    with OpenMarketSimulator(rows_a_day=ROWS) as vendor:
        world.bucket.secrets["tally/default/openmarket"] = json.dumps(vendor.secret)
        yield {**world.environ, "OPENMARKET_BASE_URL": vendor.base_url, "FRESH_SECONDS": "0"}


def _brand(turn: int) -> str:
    return f"far{turn}"


def _pages(first: date) -> Callable[[int], Body]:
    return lambda turn: queries.log(first + timedelta(days=turn % 28), 1, PAGE)


def _summaries(turn: int) -> Body:
    return queries.summary(MONTH, MONTH_DAYS, _brand(turn))


def _years(turn: int) -> Body:
    return queries.summary(MONTH, YEAR_DAYS, _brand(turn))


def _todays(turn: int) -> Body:
    body = queries.log(datetime.now(UTC).date(), 1, PAGE)
    return body | {"variables": body["variables"] | {"first": PAGE + turn}}  # no answer is remembered


def _warm(world: World, name: str, calls: Calls, body: Callable[[int], Body], rounds: int) -> _Kind:
    """The first call of all warms up."""
    kind = _Kind(name)
    calls.call(queries.event(body(0)))
    for turn in range(1, rounds + 1):
        with _counted(world, kind):
            seconds, answer = calls.call(queries.event(body(turn)))
        queries.data(answer)
        kind.rounds.append(seconds * 1000)
    return kind


def _cold(world: World, name: str, function: Function, environ: Mapping[str, str], rounds: int) -> _Kind:
    kind = _Kind(name)
    for _ in range(rounds):
        with _counted(world, kind):
            milliseconds, answer = _first_answer(function, environ)
        queries.data(answer)
        kind.rounds.append(milliseconds)
    return kind


def _first_answer(function: Function, environ: Mapping[str, str]) -> tuple[float, Any]:
    with LambdaProcess(function, environ) as process:
        timed = process.invoke(queries.event(queries.log(MONTH, 1, PAGE)))
        return (timed.at - process.started) * 1000, timed.answer


@contextmanager
def _counted(world: World, kind: _Kind) -> Iterator[None]:
    """With S3 far away, count a query's requests, and how many of them stand one behind the other."""
    bucket = world.bucket
    mark, spans, bucket.delay = len(bucket.requests), len(bucket.spans), DELAY
    try:
        yield
    finally:
        bucket.delay = 0.0
    kind.requests.append(Counter(verb for verb, _ in bucket.requests[mark:]))
    kind.chains.append(_longest_chain(bucket.spans[spans:]))


def _longest_chain(spans: Sequence[tuple[float, float]]) -> int:
    """The most calls of which each began after the one before had ended."""
    length, free_from = 0, 0.0
    for ended, began in sorted((ended, began) for began, ended in spans):
        if began >= free_from:
            length, free_from = length + 1, ended
    return length
