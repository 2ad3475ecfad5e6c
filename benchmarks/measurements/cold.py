"""Cold starts: a runtime's process from its start to its first answer, read from the ledger, on one core."""

from benchmarks.contenders.calls import Calls
from benchmarks.contenders.lambda_process import LambdaProcess
from benchmarks.contenders.programs import TALLY, TEXTBOOK, Function
from benchmarks.measurements.pace import Pace
from benchmarks.results.tables import Goal, Section, Timings, number
from benchmarks.world import queries
from benchmarks.world.data import World
from benchmarks.world.queries import SMALL, Body

KNOWN, NEW, EMPTY = (f"{TALLY}, {state}" for state in ("known operation", "any operation", "nothing stored"))
METHOD = f"""A process is started as Lambda starts it (`awslambdaric`; a few lines of JavaScript for Node), with a
Runtime API that hands out one event for {SMALL} reports and notes when the answer is posted. Tally and the textbook
read the listing from S3; the others fetch it by plain HTTP, without an AWS client. *Any operation* is one that no
process has seen before, each round with another name; a *known operation* has been answered by an earlier process. In
*nothing stored* the bucket is empty, so Tally reads its secret, gets a token, fetches the listing from the vendor and
stores it. *CPU* is the time that the process has computed by then, on all its threads."""


def measure(world: World, pace: Pace, tally: Function, peers: list[Function]) -> Section:
    """Start every contender in turn, round after round."""
    present = [peer for peer in peers if not peer.missing]
    wall, cpu = Timings(), Timings()
    with Calls(tally, world.environ) as warm:
        for _ in range(2):  # the first answer fetches and stores the listing; the second is read from S3
            expected = queries.data(warm.call(queries.event(queries.reports(SMALL)))[1])

    def time(name: str, function: Function, body: Body) -> None:
        on_the_clock, computed = _once(world, function, body, expected)
        wall.add(name, on_the_clock)
        cpu.add(name, computed)

    for turn in range(pace.cold_rounds):
        for peer in present:
            time(peer.name, peer, queries.reports(SMALL))
        time(KNOWN, tally, queries.reports(SMALL))
        time(NEW, tally, queries.new_operation(SMALL, turn))
        with world.nothing_stored():
            time(EMPTY, tally, queries.new_operation(SMALL, pace.cold_rounds + turn))
    names = sorted(wall.rounds, key=wall.median)
    rows = [
        (name, number(wall.median(name)), wall.spread(name), number(wall.ratio(name)), number(cpu.median(name)))
        for name in names
    ]
    goals = [
        Goal(f"cold start, {name.partition(', ')[2]}", " of textbook", ratio, 0.45, 0.38)
        for name in (NEW, KNOWN)
        if (ratio := wall.ratio(name)) is not None
    ]
    head = ("cold start", "ms", "from, to", f"of {TEXTBOOK}", "CPU ms")
    missing = [peer.name for peer in peers if peer.missing]
    return Section("Cold: process start to first answer", METHOD, head, rows, goals, missing)


def _once(world: World, function: Function, body: Body, expected: object) -> tuple[float, float]:
    """Milliseconds on the clock, and milliseconds computed."""
    with LambdaProcess(function, world.environ) as process:
        timed = process.invoke(queries.event(body))
        computed = process.cpu_seconds()
        started = process.started
    if function.name != "floor" and queries.data(timed.answer) != expected:
        raise RuntimeError(f"{function.name} gave another answer")
    return (timed.at - started) * 1000, computed * 1000
