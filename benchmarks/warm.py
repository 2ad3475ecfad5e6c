"""Warm calls in process: a small query, and a page of ten thousand rows from the stored day to the gzipped answer."""

from benchmarks import questions
from benchmarks.calls import Calls
from benchmarks.contenders import TALLY, TEXTBOOK, Function
from benchmarks.pace import Pace
from benchmarks.questions import LARGE, LARGEST_PAGE, SMALL
from benchmarks.results import Goal, Section, Timings, number
from benchmarks.world import ROWS_FROM, World, days_from

AGAIN, ANEW = f"{TALLY}, the same request again", f"{TALLY}, each request another"
SMALL_SAYS = """One process each, on one core, called with API Gateway's events for 28 reports of 4 fields, answered
gzipped. The listing is in memory. *The same request again* may come from Tally's memory of rendered answers; *each
request another* has other variables every time, so that every answer is worked out and rendered anew."""
FEW_ROWS = 1000
ROWS_SAYS = f"""A page of {LARGEST_PAGE:,} rows of 7 fields from a settled day that the process has not read before:
S3, decompression, the page, JSON, gzip. *A row, whole request* divides everything by the rows, S3 included; *one
more row* is the difference to a day of {FEW_ROWS:,} rows, of the fastest rounds, divided by the rows between: what
is left when LIST, GET and GraphQL are paid for."""


def small(world: World, pace: Pace, tally: Function, textbook: Function) -> Section:
    """Call the same small query over and over."""
    again = [questions.event(questions.reports(SMALL))]
    times = Timings()
    with Calls(tally, world.environ) as ours, Calls(textbook, world.environ) as theirs:
        for calls in (ours, theirs):
            calls.call(*again, times=pace.warm_calls)
        for turn in range(pace.warm_rounds):
            firsts = range(LARGE + turn * pace.warm_calls, LARGE + (turn + 1) * pace.warm_calls)
            anew = [questions.event(questions.reports(SMALL, first)) for first in firsts]
            times.add(TEXTBOOK, theirs.call(*again, times=pace.warm_calls)[0] * 1e6)
            times.add(AGAIN, ours.call(*again, times=10 * pace.warm_calls)[0] * 1e6)
            times.add(ANEW, ours.call(*anew, times=pace.warm_calls)[0] * 1e6)
    rows = [(name, number(times.median(name)), times.spread(name), _faster(times, name)) for name in times.rounds]
    goals = [
        Goal(
            f"warm small query, {name.partition(', ')[2]}",
            "x textbook",
            1 / (times.ratio(name) or 1),
            8,
            15,
            at_most=False,
        )
        for name in (AGAIN, ANEW)
    ]
    head = ("warm, small", "µs a call", "from, to", f"times {TEXTBOOK}")
    return Section("Warm: 28 reports through the handler", SMALL_SAYS, head, rows, goals)


def many_rows(world: World, pace: Pace, tally: Function, textbook: Function) -> Section:
    """Page through days that nobody has read yet, ten thousand rows each."""
    days = days_from(ROWS_FROM, 2 * (pace.row_rounds + 1))
    large, little = days[::2], days[1::2]
    world.settle(large, LARGEST_PAGE)
    world.settle(little, FEW_ROWS)
    whole, few = Timings(), Timings()
    with Calls(tally, world.environ) as ours, Calls(textbook, world.environ) as theirs:
        for turn, (many_day, few_day) in enumerate(zip(large, little, strict=True)):
            answers = []
            for name, calls in ((TEXTBOOK, theirs), (TALLY, ours)):
                seconds, answer = calls.call(questions.event(questions.log(many_day, 1)))
                fewer, _ = calls.call(questions.event(questions.log(few_day, 1)))
                answers.append(questions.data(answer))
                if turn:  # the first one warms up
                    whole.add(name, seconds * 1e6 / LARGEST_PAGE)
                    few.add(name, fewer * 1e6 / FEW_ROWS)
            if answers[0] != answers[1] or len(answers[0]["creditLog"]["nodes"]) != LARGEST_PAGE:
                raise RuntimeError("the pages of rows differ")
    more = {name: _one_more(whole, few, name) for name in whole.rounds}
    rows = [
        (
            name,
            number(whole.median(name)),
            _faster(whole, name),
            number(more[name]),
            number(more[TEXTBOOK] / more[name]),
        )
        for name in whole.rounds
    ]
    goals = [
        Goal("10,000 rows, whole request", "x textbook", 1 / (whole.ratio(TALLY) or 1), 15, at_most=False),
        Goal("10,000 rows, one more row", " µs", more[TALLY], more[TEXTBOOK] / 15, 0.8),
    ]
    head = ("rows", "µs a row, whole request", f"times {TEXTBOOK}", "µs, one more row", f"times {TEXTBOOK}")
    return Section("Rows: 10,000 from the stored day to the gzipped answer", ROWS_SAYS, head, rows, goals)


def _one_more(whole: Timings, few: Timings, name: str) -> float:
    """Microseconds that one more row costs: a difference, so from the rounds that were disturbed least."""
    between = whole.best(name) * LARGEST_PAGE - few.best(name) * FEW_ROWS
    return between / (LARGEST_PAGE - FEW_ROWS)


def _faster(times: Timings, name: str) -> str:
    return number(1 / (times.ratio(name) or 1))
