"""Warm calls in process: a small query, and pages of ten thousand rows from the stored day to the gzipped answer."""

from collections.abc import Callable
from datetime import date

from benchmarks.contenders.calls import Calls
from benchmarks.contenders.programs import TALLY, TEXTBOOK, Function
from benchmarks.measurements.pace import Pace
from benchmarks.results.tables import Cells, Goal, Section, Timings, number
from benchmarks.world import queries
from benchmarks.world.data import ROWS_FROM, World, days_from
from benchmarks.world.queries import LARGE, LARGEST_PAGE, SMALL, Body

REPEATED, VARIED = f"{TALLY}, the same request again", f"{TALLY}, each request another"
SMALL_METHOD = f"""One process each, on one core, called with API Gateway's events for {SMALL} reports of 4 fields,
answered gzipped. The listing is in memory. *The same request again* may come from Tally's memory of rendered answers;
*each request another* has different variables every time, so every answer is executed and rendered."""
FEW_ROWS = 1000
ROWS_METHOD = f"""A page of {LARGEST_PAGE:,} rows of 7 fields from a settled day that the process has not read before:
S3, decompression, execution, JSON, gzip. *Filter by variable* has a variable inside `where`, one that every row
matches; *@include* has the directive on three of the fields, with a variable that is true. Both are answered by the
textbook too, and compared. *A row, whole request* divides the whole time by the rows, S3 included; *one more row* is
the difference to a day of {FEW_ROWS:,} rows, of the fastest rounds, divided by the rows between: the cost without
LIST, GET and GraphQL."""
PLAIN = "a page"
QUESTIONS: dict[str, Callable[[date], Body]] = {
    PLAIN: lambda day: queries.log(day, 1),
    "filter by variable": lambda day: queries.filtered_log(day, 1),
    "@include": lambda day: queries.log_with_include(day, 1),
}


def small(world: World, pace: Pace, tally: Function, textbook: Function) -> Section:
    """Call the same small query over and over."""
    repeated = [queries.event(queries.reports(SMALL))]
    times = Timings()
    with Calls(tally, world.environ) as ours, Calls(textbook, world.environ) as theirs:
        for calls in (ours, theirs):
            calls.call(*repeated, times=pace.warm_calls)
        for turn in range(pace.warm_rounds):
            firsts = range(LARGE + turn * pace.warm_calls, LARGE + (turn + 1) * pace.warm_calls)
            varied = [queries.event(queries.reports(SMALL, first)) for first in firsts]
            times.add(TEXTBOOK, theirs.call(*repeated, times=pace.warm_calls)[0] * 1e6)
            times.add(REPEATED, ours.call(*repeated, times=10 * pace.warm_calls)[0] * 1e6)
            times.add(VARIED, ours.call(*varied, times=pace.warm_calls)[0] * 1e6)
    rows = [(name, number(times.median(name)), times.spread(name), _faster(times, name)) for name in times.rounds]
    goals = [
        Goal(f"warm small query, {name.partition(', ')[2]}", "x textbook", times.speedup(name), must, at_most=False)
        for name, must in ((REPEATED, 50), (VARIED, 12))
    ]
    head = ("warm, small", "µs a call", "from, to", f"times {TEXTBOOK}")
    return Section("Warm: 28 reports through the handler", SMALL_METHOD, head, rows, goals)


def many_rows(world: World, pace: Pace, tally: Function, textbook: Function) -> Section:
    """Page through days that no process has read yet, ten thousand rows each."""
    days = iter(days_from(ROWS_FROM, (len(QUESTIONS) + 1) * (pace.row_rounds + 1)))
    whole, few = {name: Timings() for name in QUESTIONS}, Timings()
    with Calls(tally, world.environ) as ours, Calls(textbook, world.environ) as theirs:
        contenders = {TEXTBOOK: theirs, TALLY: ours}
        for turn in range(pace.row_rounds + 1):
            for name, question in QUESTIONS.items():
                measured = _page(world, contenders, question(next(days)), LARGEST_PAGE)
                few_measured = _page(world, contenders, queries.log(next(days), 1), FEW_ROWS) if name == PLAIN else {}
                if turn:  # the first round warms up
                    for contender, seconds in measured.items():
                        whole[name].add(contender, seconds * 1e6 / LARGEST_PAGE)
                    for contender, seconds in few_measured.items():
                        few.add(contender, seconds * 1e6 / FEW_ROWS)
    more = {name: _one_more(whole[PLAIN], few, name) for name in (TEXTBOOK, TALLY)}
    goals = [
        *(
            Goal(f"10,000 rows, {name}, whole request", "x textbook", times.speedup(TALLY), 17, at_most=False)
            for name, times in whole.items()
        ),
        Goal("10,000 rows, one more row", " µs", more[TALLY], round(more[TEXTBOOK] / 15, 2), 0.8),
    ]
    head = ("rows", "µs a row, whole request", f"times {TEXTBOOK}", "µs, one more row", f"times {TEXTBOOK}")
    rows = [row for name, times in whole.items() for row in _rows(name, times, more)]
    return Section("Rows: 10,000 from the stored day to the gzipped answer", ROWS_METHOD, head, rows, goals)


def _page(world: World, contenders: dict[str, Calls], body: Body, size: int) -> dict[str, float]:
    """Seconds by contender for one page of a day that is settled just before; every contender gives the same page."""
    world.settle([date.fromisoformat(body["variables"]["from"][:10])], size)
    seconds, answers = {}, []
    for name, calls in contenders.items():
        seconds[name], answer = calls.call(queries.event(body))
        answers.append(queries.data(answer))
    if answers[0] != answers[1] or len(answers[0]["creditLog"]["nodes"]) != size:
        raise RuntimeError("the pages of rows differ")
    return seconds


def _rows(name: str, times: Timings, more: dict[str, float]) -> list[Cells]:
    return [
        (
            f"{contender}, {name}",
            number(times.median(contender)),
            _faster(times, contender),
            number(more[contender]) if name == PLAIN else "-",
            number(more[TEXTBOOK] / more[contender]) if name == PLAIN else "-",
        )
        for contender in times.rounds
    ]


def _one_more(whole: Timings, few: Timings, name: str) -> float:
    """Microseconds that one more row costs: a difference, so taken from the rounds that were disturbed least."""
    between = whole.best(name) * LARGEST_PAGE - few.best(name) * FEW_ROWS
    return between / (LARGEST_PAGE - FEW_ROWS)


def _faster(times: Timings, name: str) -> str:
    return number(times.speedup(name))
