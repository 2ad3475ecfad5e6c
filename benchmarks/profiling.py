"""`make profile`: the ten largest costs of each path, written to `profile.md`.

The profiler makes calls of small functions look dearer than they are, so shares tell where to look, and `RESULTS.md`
tells whether it helped. A cold start is imports above all; they are summed up by package.
"""

import pstats
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks import machine, over_http, questions
from benchmarks.calls import Calls
from benchmarks.contenders import INSTALLED, Function, Server, assemble, functions, servers, tally
from benchmarks.lambda_process import LambdaProcess
from benchmarks.questions import LARGE, LARGEST_PAGE, SMALL
from benchmarks.results import Cells, number, table
from benchmarks.world import ROWS_FROM, World, days_from
from deploy.artifact import ROOT

HOW = """`make profile` writes this page. Cold: milliseconds by package, each by what its own modules take to import.
Elsewhere: shares of the time in a function itself, by cProfile, which makes many small calls look dearer than they are;
waiting and starting are left out."""
MOST = 10
CALLS = 500
PAGES = 8
HTTP_SECONDS = 5
COLD_ROUNDS = 5
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")

# What would remove a cost, by how its name begins; a cost that nothing here names has not been thought about yet.
OUR_MODULES = "fewer modules on this path, and fewer dataclasses: each is compiled anew at its import"
OF_IMPORTS = {
    "runtime and interpreter": "the floor: nothing of ours",
    "first call": "fewer requests to S3 one after the other: most of it is waiting",
    "asyncio": "a first call without an event loop",
    "ssl": "asyncio imports it, for TLS that only obstore speaks, in Rust",
    "_ssl": "asyncio imports it, for TLS that only obstore speaks, in Rust",
    "obstore": "signing by ourselves over http.client: 13 ms of import for 2",
    "orjson": "the standard library's json, slower in every warm call",
    "graphql": "a plan in the ledger: an operation seen once is run without it",
    "strawberry": "a plan in the ledger: an operation seen once is run without it",
    "mangum": "answering by plain calls, as for remembered answers",
    "functions": OUR_MODULES,
    "schema": OUR_MODULES,
    "ledger": OUR_MODULES,
    "upstreams": "a vendor's module imported only when it has to be asked",
    "explorer": "importing it only when its page is asked for",
    "logging": "lines written by hand",
}
LISTING = "remembering a listing as it will be shown, not as it was stored"
RENDERED = "days kept rendered, at twice the storage"
OF_CALLS = {
    "functions/request_log.py": "a shorter log line",
    "runtime/metrics.py": "a shorter log line",
    "asyncio/": "a call without an event loop, where nothing has to be waited for",
    "mangum/": "answering by plain calls, as for remembered answers",
    "ledger/reports/listings.py": LISTING,
    "ledger/reports/catalogue.py": LISTING,
    "schema/resolvers/reports.py": LISTING,
    "schema/resolvers/log_rows.py": RENDERED,
    "`<method 'split'": RENDERED,
    "`<method 'count'": RENDERED,
    "`<built-in method isal": "days kept rendered and compressed, spliced into the answer",
    "`<orjson.dumps>": "nothing: the answer has to be written",
    "uvicorn/": "nothing of ours: the web server",
    "benchmarks/serve.py": "nothing of the product: the door for this measurement",
}


def main() -> None:
    """Profile every path, and write the page."""
    assemble()
    with tally() as function, World() as world, Calls(function, world.environ) as calls:
        calls.call(questions.event(questions.reports(SMALL)), questions.event(questions.reports(LARGE)), times=4)
        parts = [
            "# Where the time goes",
            HOW,
            *_section("Cold start, a known operation, in ms", _cold(world, function), OF_IMPORTS),
            *_section("Warm, 28 reports, the same request again", _again(calls)),
            *_section("Warm, 28 reports, each request another", _anew(calls)),
            *_section(f"A page of {LARGEST_PAGE:,} rows from the stored day", _rows(world, calls)),
            *_section("Over HTTP, 28 reports, each request another", _http(world, SMALL)),
            *_section("Over HTTP, 1000 reports, each request another", _http(world, LARGE)),
            "## Machine",
            "\n".join(f"- {line}" for line in machine.described()),
        ]
    target = ROOT / "benchmarks" / "profile.md"
    target.write_text("\n\n".join(parts) + "\n")
    print(f"written: {target.relative_to(ROOT)}")


def _section(title: str, costs: Iterable[tuple[str, str]], remedies: Mapping[str, str] = OF_CALLS) -> list[str]:
    rows: list[Cells] = [(name, figure, _remedy(name, remedies)) for name, figure in costs]
    return [f"## {title}", table(("cost", "figure", "what would remove it"), rows)]


def _remedy(name: str, remedies: Mapping[str, str]) -> str:
    return next((remedy for begins, remedy in remedies.items() if name.startswith(begins)), "")


def _cold(world: World, function: Function) -> list[tuple[str, str]]:
    """Milliseconds by package; what is left is the first call, and the floor."""
    floor = min(
        _started(world, next(peer for peer in functions() if peer.name == "floor"))[0] for _ in range(COLD_ROUNDS)
    )
    whole = min(_started(world, function)[0] for _ in range(COLD_ROUNDS))
    _, said = _started(world, function, {"PYTHONPROFILEIMPORTTIME": "1"})
    _, idle = _started(
        world, next(peer for peer in functions() if peer.name == "floor"), {"PYTHONPROFILEIMPORTTIME": "1"}
    )
    packages = _packages(said)
    packages.subtract(_packages(idle))
    costs = {"runtime and interpreter": floor, **{name: took / 1000 for name, took in packages.items() if took > 0}}
    costs["first call, and what is in no import"] = whole - sum(costs.values())
    largest = sorted(costs.items(), key=lambda cost: -cost[1])[:MOST]
    return [(name, number(took)) for name, took in largest] + [("all", number(whole))]


def _started(world: World, function: Function, environ: dict[str, str] | None = None) -> tuple[float, str]:
    """Milliseconds to the first answer, and what was said on the way."""
    with LambdaProcess(function, {**world.environ, **(environ or {})}) as process:
        answered = process.invoke(questions.event(questions.reports(SMALL)))
        return (answered.at - process.began) * 1000, process.said()


def _packages(said: str) -> Counter[str]:
    """Microseconds by top-level package."""
    found: Counter[str] = Counter()
    for took, module in _IMPORT.findall(said):
        found[module.partition(".")[0]] += int(took)
    return found


def _again(calls: Calls) -> list[tuple[str, str]]:
    target = INSTALLED / "again.prof"
    calls.call(questions.event(questions.reports(SMALL)), times=10 * CALLS, profiled=target)
    return _largest(target)


def _anew(calls: Calls) -> list[tuple[str, str]]:
    target = INSTALLED / "anew.prof"
    events = [questions.event(questions.reports(SMALL, LARGE + 1 + turn)) for turn in range(CALLS)]
    calls.call(*events, times=CALLS, profiled=target)
    return _largest(target)


def _rows(world: World, calls: Calls) -> list[tuple[str, str]]:
    days, target = days_from(ROWS_FROM, PAGES + 1), INSTALLED / "rows.prof"
    world.settle(days, LARGEST_PAGE)
    events = [questions.event(questions.log(day, 1)) for day in days]
    calls.call(events[0])
    calls.call(*events[1:], times=PAGES, profiled=target)
    return _largest(target)


def _http(world: World, size: int) -> list[tuple[str, str]]:
    """uvicorn under the profiler while wrk asks."""
    target = INSTALLED / f"http-{size}.prof"
    plain = servers()[0]
    command = (plain.command[0], "-m", "benchmarks.serve_profiled", "{port}", str(target))
    server = Server(plain.name, plain.folder, command, plain.proof)
    with over_http.running([server], world.environ) as started:
        over_http.load(started[0].url, questions.reports(size), HTTP_SECONDS, anew=True)
        started[0].end()
    return _largest(target)


def _largest(dumped: Path) -> list[tuple[str, str]]:
    """The functions that took most of the time themselves, and their shares."""
    stats = pstats.Stats(str(dumped)).stats  # type: ignore[attr-defined]  # typeshed leaves it out
    busy = [(place, figures[2]) for place, figures in stats.items() if not _waits_or_starts(place)]
    busy.sort(key=lambda cost: -cost[1])
    whole = sum(took for _, took in busy)
    return [(_named(place), f"{100 * took / whole:.1f} %") for place, took in busy[:MOST]]


def _waits_or_starts(place: tuple[str, int, str]) -> bool:
    """Whether it is the event loop's waiting for S3 or the next request, or a server's start."""
    path, _, name = place
    loop = "poll" in name or (path.endswith("asyncio/runners.py") and name == "run")
    return loop or "importlib" in path or any(word in name for word in ("builtins.exec", "marshal.loads", "posix."))


def _named(place: tuple[str, int, str]) -> str:
    path, line, name = place
    if path == "~":
        return re.sub(r" at 0x\w+", "", f"`{name}`").replace("|", "/")
    short = re.sub(r".*/(?:site-packages|python3\.13|artifact|main)/", "", path)
    return f"{short.removeprefix(str(ROOT) + '/')}:{line} `{name}`"


if __name__ == "__main__":
    main()
