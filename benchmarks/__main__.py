"""`make bench`: compare the contenders' answers, measure everything, write `RESULTS.md`.

`QUICK=1` measures a few rounds only, and writes under `build/bench`.
"""

import argparse
import shutil
import time
from collections.abc import Callable

from benchmarks.contenders.programs import INSTALLED, TEXTBOOK, assemble, functions, servers, tally
from benchmarks.measurements import cold, far_s3, growth, ledger_reads, over_http, peak_memory, warm
from benchmarks.measurements.comparison import compare
from benchmarks.measurements.pace import FULL, Pace, pace
from benchmarks.results import machine
from benchmarks.results.tables import Section, page
from benchmarks.world.data import World
from deploy.artifact import ROOT

HOW = """`make bench` measures all of this in one run and writes this page. Only ratios within one run mean anything:
milliseconds belong to the machine. Rounds are interleaved, figures are medians, and answers were compared first. The
*textbook* is Strawberry, starlette and Mangum (FastAPI over HTTP), with boto3's S3 and Secrets Manager clients and an
httpx client made at import, and with `.pyc` files as pip makes them; it is in `benchmarks/peers`, with the other peers.
A goal has a limit that must be reached and perhaps a second one to aim for. Pace of this run: {pace}."""
NO_WRK = """
****************************************************************************************
* wrk is not installed: the section "Over HTTP" will be empty. `apt-get install wrk`    *
****************************************************************************************
"""


def main() -> None:
    """Compare; then, unless only that was asked for, measure."""
    arguments = _arguments()
    chosen = pace()
    assemble()
    peers = [peer for peer in functions() if not arguments.names or peer.name in arguments.names]
    listening = [server for server in servers() if not arguments.names or server.name in arguments.names]
    with tally() as ours, World() as world:
        compared = compare(world, [ours, *peers], listening)
        _print(f"equal answers: {', '.join(compared)}")
        missing = [f.name for f in [ours, *peers] if f.missing] + [s.name for s in listening if s.missing]
        _print(f"not installed: {', '.join(missing) or 'none'}")
        if arguments.command == "compare":
            return
        if shutil.which("wrk") is None:
            _print(NO_WRK)  # and once more at the end
        textbook = next(peer for peer in peers if peer.name == TEXTBOOK)
        if textbook.missing:
            raise SystemExit("the textbook is missing, and every ratio is to it: `make bench-peers`")
        about = machine.described()
        steps: list[Callable[[], Section]] = [
            lambda: cold.measure(world, chosen, ours, peers),
            lambda: warm.small(world, chosen, ours, textbook),
            lambda: warm.many_rows(world, chosen, ours, textbook),
            lambda: over_http.measure(world, chosen, listening),
            lambda: ledger_reads.month(world, ours),
            lambda: ledger_reads.year(world, chosen, ours),
            lambda: far_s3.measure(world, chosen, ours, textbook),
            lambda: growth.measure(world, chosen, ours),
            lambda: peak_memory.measure(world, chosen, ours, textbook),
        ]
        sections = [_measured(step) for step in steps]
        _write(sections, about, chosen)
        for section in sections:
            if section.missing:
                _print(f"NOT MEASURED in {section.title!r}: {', '.join(section.missing)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Tally beside its peers")
    parser.add_argument("command", nargs="?", choices=("measure", "compare"), default="measure")
    parser.add_argument("names", nargs="*", metavar="NAME", help="contenders; all of them by default")
    return parser.parse_args()


def _measured(step: Callable[[], Section]) -> Section:
    started = time.monotonic()
    section = step()
    _print(f"{time.monotonic() - started:6.1f} s  {section.title}")
    for name in section.missing:
        _print(f"          NOT MEASURED: {name}")
    for goal in section.goals:
        _print("          " + "  ".join(goal.cells))
    return section


def _write(sections: list[Section], about: list[str], chosen: Pace) -> None:
    target = ROOT / "benchmarks" / "RESULTS.md" if chosen is FULL else INSTALLED / "RESULTS.md"
    target.write_text(page(sections, about, machine.versions(), HOW.format(pace=chosen.name)))
    _print(f"written: {target.relative_to(ROOT)}")


def _print(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
