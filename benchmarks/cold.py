"""Cold starts: a runtime's process from its start to its first answer, out of the ledger, on one core."""

from benchmarks import questions
from benchmarks.calls import Calls
from benchmarks.contenders import TALLY, TEXTBOOK, Function
from benchmarks.lambda_process import LambdaProcess
from benchmarks.pace import Pace
from benchmarks.questions import SMALL, Body
from benchmarks.results import Goal, Section, Timings, number
from benchmarks.world import World

KNOWN, UNHEARD = f"{TALLY}, known operation", f"{TALLY}, operation never seen"
SAYS = """A process is started as Lambda does it (`awslambdaric`; a few lines of JavaScript for Node), beside a
Runtime API that hands out one event for 28 reports and takes the time at which the answer is posted. Tally and the
textbook read the listing from S3; the others by plain HTTP, with no AWS client at all. A known operation is one for
which some process before has left a plan in the ledger. *CPU* is what the process has computed by then, on all its
threads."""


def measure(world: World, pace: Pace, tally: Function, peers: list[Function]) -> Section:
    """Start everybody in turn, round after round."""
    present = [peer for peer in peers if not peer.missing]
    wall, cpu = Timings(), Timings()
    with Calls(tally, world.environ) as warm:
        for _ in range(2):  # the first answer fetches the listing, and leaves it and a plan in the ledger
            expected = questions.data(warm.call(questions.event(questions.reports(SMALL)))[1])
    for turn in range(pace.cold_rounds):
        for function in [*present, tally]:
            took = _once(world, function, questions.reports(SMALL), expected)
            name = KNOWN if function is tally else function.name
            wall.add(name, took[0])
            cpu.add(name, took[1])
        took = _once(world, tally, questions.unheard_of(SMALL, turn), expected)
        wall.add(UNHEARD, took[0])
        cpu.add(UNHEARD, took[1])
    names = sorted(wall.rounds, key=wall.median)
    rows = [
        (name, number(wall.median(name)), wall.spread(name), number(wall.ratio(name)), number(cpu.median(name)))
        for name in names
    ]
    goals = [
        Goal(f"cold start, {name.partition(', ')[2]}", " of textbook", ratio, 0.45, 0.30)
        for name in (KNOWN, UNHEARD)
        if (ratio := wall.ratio(name)) is not None
    ]
    head = ("cold start", "ms", "from, to", f"of {TEXTBOOK}", "CPU ms")
    return Section("Cold: process start to first answer", SAYS, head, rows, goals, [p.name for p in peers if p.missing])


def _once(world: World, function: Function, body: Body, expected: object) -> tuple[float, float]:
    """Milliseconds on the clock, and computed."""
    with LambdaProcess(function, world.environ) as process:
        answered = process.invoke(questions.event(body))
        computed = process.cpu_seconds()
        began = process.began
    if function.name != "floor" and questions.data(answered.answer) != expected:
        raise RuntimeError(f"{function.name} gave another answer")
    return (answered.at - began) * 1000, computed * 1000
