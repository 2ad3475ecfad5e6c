"""What grows with what: a page, a filter and a summary over more rows a day and more days.

Days are made of few credits that repeat, written block by block by the ledger's own writer. Of a long period only the
days that are read have rows; all have their rollups, and the months are the keeper's.
"""

import asyncio
import statistics
from dataclasses import dataclass
from datetime import date, timedelta

from benchmarks.contenders.calls import Calls
from benchmarks.contenders.programs import Function
from benchmarks.measurements.pace import Pace
from benchmarks.results.tables import Cells, Goal, Section, number
from benchmarks.world import queries
from benchmarks.world.data import SETTLED, World, days_from
from benchmarks.world.queries import Body
from ledger.days.blocks import BLOCK_ROWS, BlockWriter, EncodedDay
from ledger.days.day_store import DayStore
from ledger.days.rows import WIDTH, Rows
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from local.vendors.credits import credits_of
from runtime.clock import midnight, rfc3339
from upstreams.openmarket.client import LogRow

FIRST = date(2021, 1, 1)
SPANS = (1, 30, 366)
DAYS = 396
"""The months of the longest period are complete."""
PAGE = 100
WARM_UP = 4
"""Pages of a day before the first round; the process's peak memory is taken after them."""
DISTINCT = 1000
"""How many different credits a day repeats."""
_QUESTIONS = [(what, days) for what in ("page", "summary") for days in SPANS]
METHOD = f"""A process that has answered the same query about other brands, and knows nothing of this one; S3 is a
loopback without delay. The page is the first {PAGE} rows, the summary is by day and outcome; both are of settled days,
of which complete months have month objects. Each cell has the time, the requests to S3 and what they brought. *MB* is
the peak memory of a process that has answered {WARM_UP} pages of one day. Read down to see what grows with the rows of
a day, across for the days of a period."""


@dataclass(frozen=True, slots=True)
class _Cost:
    """One query: milliseconds, requests to S3 and kilobytes from it."""

    milliseconds: float
    requests: int
    kilobytes: float

    def __str__(self) -> str:
        return f"{number(self.milliseconds)} ms, {self.requests}, {number(self.kilobytes)} kB"


def measure(world: World, pace: Pace, tally: Function) -> Section:
    """Fill brands for each size, one for each question of each round, and ask about each once."""
    rows, pages, peaks = list[Cells](), dict[int, float](), dict[int, float]()
    for size in pace.growth_rows:
        brands = _filled(world, size, len(_QUESTIONS) * (pace.growth_rounds + 1))
        with Calls(tally, world.environ) as calls:
            for _ in range(WARM_UP):
                _cost(world, calls, _body(*_QUESTIONS[0], brands.pop()))
            peaks[size] = calls.peak_bytes() / 1e6
            rounds = [
                [_cost(world, calls, _body(*each, brands.pop())) for each in _QUESTIONS]
                for _ in range(pace.growth_rounds)
            ]
        middle = [_middle([cost[index] for cost in rounds]) for index in range(len(_QUESTIONS))]
        pages[size] = middle[0].milliseconds
        rows.append((f"{size:,}", *map(str, middle), number(peaks[size])))
        _drop(world, size)
    small, large = pace.growth_rows[1], pace.growth_rows[-1]
    goals = [
        Goal(f"page of {PAGE}, a day of {large:,} rows", f" of one of {small:,}", pages[large] / pages[small], 2, 1.2),
        Goal(f"page of {PAGE}, a day of {large:,} rows: memory on top", " MB", peaks[large] - peaks[small], 24),
    ]
    head = ("rows a day", *(f"{what}, {days} day{'s' * (days > 1)}" for what, days in _QUESTIONS), "MB")
    return Section("What grows with what", METHOD, head, rows, goals)


def _filled(world: World, size: int, copies: int) -> list[str]:
    """The brands of a size, with equal days and months."""
    brands = [f"growth{size}x{turn}" for turn in range(copies + WARM_UP)]
    asyncio.run(_fill(world, brands[0], size))
    world.write_months(brands[0])
    for other in brands[1:]:
        world.copy_brand(brands[0], other)
    return brands


def _middle(costs: list[_Cost]) -> _Cost:
    """The median time, and what the first one asked for."""
    return _Cost(statistics.median(each.milliseconds for each in costs), costs[0].requests, costs[0].kilobytes)


def _body(what: str, days: int, brand: str) -> Body:
    return queries.summary(FIRST, days, brand) if what == "summary" else queries.brand_log(FIRST, days, brand, PAGE)


def _cost(world: World, calls: Calls, body: Body) -> _Cost:
    mark, sent = len(world.bucket.requests), world.bucket.sent
    seconds, answer = calls.call(queries.event(body))
    queries.data(answer)
    read = (world.bucket.sent - sent) / 1000
    return _Cost(seconds * 1000, len(world.bucket.requests) - mark, read)


async def _fill(world: World, brand: str, size: int) -> None:
    """Settled days of `size` rows from `FIRST` on; only the first has rows, the others have their rollup alone."""
    store = DayStore(Store(S3Bucket("bench", world.bucket.endpoint)), "default", brand)
    first, *others = days_from(FIRST, DAYS)
    encoded = _encoded(first, size)
    await store.write_encoded(first, SETTLED, encoded, settled=True)
    for day in others:
        await store.write_encoded(day, SETTLED, EncodedDay(b"", encoded.count, encoded.rollup), settled=True)


def _encoded(day: date, size: int) -> EncodedDay:
    """A day of credits at equal distances, of which `DISTINCT` differ in more than id and time."""
    base = list(
        Rows.of(
            LogRow(c.credit_id, c.time, c.msisdn, c.network, c.final, c.amount, c.currency)
            for c in credits_of("bench", day, DISTINCT)
        ).cells
    )
    writer, step = BlockWriter(), timedelta(days=1) / size
    for start in range(0, size, BLOCK_ROWS):
        cells: list[str] = []
        for at in range(start, min(start + BLOCK_ROWS, size)):
            from_ = at % DISTINCT * WIDTH
            time = rfc3339((midnight(day) + at * step).replace(microsecond=0))
            cells += [str(10**17 + at), time, *base[from_ + 2 : from_ + WIDTH]]
        writer.add(Rows(cells))
    return writer.finish()


def _drop(world: World, size: int) -> None:
    for key in [key for key in world.bucket.objects if f"/brand=growth{size}x" in key]:
        del world.bucket.objects[key]
