"""`make profile`: the largest costs of each path, written to `profile.md`.

A cold start is imports above all; Python's `-X importtime` reports them, summed up here by package. Warm paths are
profiled by cProfile, which makes calls of small functions look more expensive than they are: it shows where to look,
and `RESULTS.md` shows whether a change helped.
"""

import pstats
import re
from collections import Counter
from pathlib import Path

from benchmarks.contenders.calls import Calls
from benchmarks.contenders.lambda_process import LambdaProcess
from benchmarks.contenders.programs import INSTALLED, Function, assemble, functions, tally
from benchmarks.results import machine
from benchmarks.results.tables import number, table
from benchmarks.world import queries
from benchmarks.world.data import ROWS_FROM, World, days_from
from benchmarks.world.queries import LARGE, LARGEST_PAGE, SMALL, Body
from deploy.artifact import ROOT

PAGE = ROOT / "benchmarks" / "profile.md"
HOW = """`make profile` writes this page. Cold: milliseconds by package, by the import time of its own modules.
Warm: each function's own share of the time by cProfile, without waiting; small functions look more expensive than they
are."""
LARGEST = 10
CALLS = 500
DAYS = 8
COLD_ROUNDS = 5
Costs = list[tuple[str, str]]
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")


def main() -> None:
    """Profile every path, and write the page."""
    assemble()
    with tally() as function, World() as world, Calls(function, world.environ) as calls:
        for size in (SMALL, LARGE):
            calls.call(queries.event(queries.reports(size)), times=2)
        days = days_from(ROWS_FROM, DAYS + 1)
        world.settle(days, LARGEST_PAGE)
        varied = [queries.reports(SMALL, LARGE + 1 + turn) for turn in range(CALLS + 1)]
        rows = [queries.log(day, 1) for day in days]
        sections = {
            "Cold start, in ms": _cold(world, function),
            "Warm, 28 reports, the same request again": _profiled(calls, 2 * [queries.reports(SMALL)], 10 * CALLS),
            "Warm, 28 reports, each request another": _profiled(calls, varied, CALLS),
            f"A page of {LARGEST_PAGE:,} rows from the stored day": _profiled(calls, rows, DAYS),
        }
    parts = ["# Where the time goes", HOW]
    for title, costs in sections.items():
        parts += [f"## {title}", table(("cost", "figure"), costs)]
    parts += ["## Machine", "\n".join(f"- {line}" for line in machine.described())]
    PAGE.write_text("\n\n".join(parts) + "\n")
    print(f"written: {PAGE.relative_to(ROOT)}")


def _cold(world: World, function: Function) -> Costs:
    """Milliseconds by package, beyond the floor's; the rest of the time is the first call."""
    floor = next(peer for peer in functions() if peer.name == "floor")
    idle = min(_start(world, floor)[0] for _ in range(COLD_ROUNDS))
    whole = min(_start(world, function)[0] for _ in range(COLD_ROUNDS))
    packages = _import_times(world, function)
    packages.subtract(_import_times(world, floor))
    costs = {"runtime and interpreter": idle, **{name: took / 1000 for name, took in packages.items() if took > 0}}
    costs["the first call, and everything that is not an import"] = whole - sum(costs.values())
    largest = sorted(costs.items(), key=lambda cost: -cost[1])[:LARGEST]
    return [*((name, number(took)) for name, took in largest), ("total", number(whole))]


def _start(world: World, function: Function, environ: dict[str, str] | None = None) -> tuple[float, str]:
    """Milliseconds to the first answer, and what the process wrote to stderr."""
    with LambdaProcess(function, {**world.environ, **(environ or {})}) as process:
        timed = process.invoke(queries.event(queries.reports(SMALL)))
        return (timed.at - process.started) * 1000, process.stderr()


def _import_times(world: World, function: Function) -> Counter[str]:
    """Microseconds by top-level package, of the fastest of some starts."""
    starts = []
    for _ in range(COLD_ROUNDS):
        _, report = _start(world, function, {"PYTHONPROFILEIMPORTTIME": "1"})
        packages: Counter[str] = Counter()
        for microseconds, module in _IMPORT.findall(report):
            packages[module.partition(".")[0]] += int(microseconds)
        starts.append(packages)
    return min(starts, key=Counter.total)


def _profiled(calls: Calls, bodies: list[Body], times: int) -> Costs:
    """The functions with the largest shares of their own time; the first body is called before, to load modules."""
    dump = INSTALLED / "calls.prof"
    events = [queries.event(body) for body in bodies]
    calls.call(events[0])
    calls.call(*events[1:], times=times, profiled=dump)
    stats = pstats.Stats(str(dump)).stats  # type: ignore[attr-defined]  # typeshed leaves it out
    own = {_name(*where): figures[2] for where, figures in stats.items() if "poll" not in where[2]}
    total = sum(own.values())
    largest = sorted(own.items(), key=lambda cost: -cost[1])[:LARGEST]
    return [(name, f"{100 * took / total:.1f} %") for name, took in largest]


def _name(path: str, line: int, function: str) -> str:
    if path == "~":
        return re.sub(r" at 0x\w+", "", f"`{function}`").replace("|", "/")
    return f"{'/'.join(Path(path).parts[-3:]).removeprefix('artifact/')}:{line} `{function}`"


if __name__ == "__main__":
    main()
