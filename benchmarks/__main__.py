"""`make bench`: compare everybody's answers, measure everything, write `RESULTS.md`.

`python -m benchmarks compare [NAME…]` only compares, perhaps only some; `QUICK=1` measures with few rounds, and writes
under `build/bench`.
"""

import sys
import time
from collections.abc import Callable

from benchmarks import cold, ledger_reads, machine, over_http, peak_memory, warm
from benchmarks.comparison import compare
from benchmarks.contenders import INSTALLED, TEXTBOOK, assemble, functions, servers, tally
from benchmarks.pace import FULL, Pace, pace
from benchmarks.results import Section, page
from benchmarks.world import World
from deploy.artifact import ROOT

HOW = """`make bench` measures all of this in one go, and writes this page. Only ratios within one run mean anything:
milliseconds belong to the machine. Rounds are interleaved, figures are medians; answers were compared before. The
*textbook* is Strawberry, starlette and Mangum (FastAPI over HTTP), with boto3's S3 and Secrets Manager clients and an
httpx client made at import, and with `.pyc` files as pip makes them; it lies with the other peers in
`benchmarks/peers`. Pace of this run: {pace}."""


def main() -> None:
    """Compare; then, unless that was all, measure."""
    asked = pace()
    assemble()
    only = sys.argv[2:]
    peers = [peer for peer in functions() if not only or peer.name in only]
    listening = [server for server in servers() if not only or server.name in only]
    with tally() as ours, World() as world:
        compared = compare(world, [ours, *peers], listening)
        _say(f"equal answers: {', '.join(compared)}")
        missing = [f.name for f in [ours, *peers] if f.missing] + [s.name for s in listening if s.missing]
        _say(f"not installed: {', '.join(missing) or 'nobody'}")
        if sys.argv[1:2] == ["compare"]:
            return
        textbook = next(peer for peer in peers if peer.name == TEXTBOOK)
        if textbook.missing:
            raise SystemExit("the textbook is missing, which everything is measured by: `make bench-peers`")
        about = machine.described()
        steps: list[Callable[[], Section]] = [
            lambda: cold.measure(world, asked, ours, peers),
            lambda: warm.small(world, asked, ours, textbook),
            lambda: warm.many_rows(world, asked, ours, textbook),
            lambda: over_http.measure(world, asked, listening),
            lambda: ledger_reads.month(world, ours),
            lambda: ledger_reads.year(world, asked, ours),
            lambda: peak_memory.measure(world, asked, ours, textbook),
        ]
        _write([_measured(step) for step in steps], about, asked)


def _measured(step: Callable[[], Section]) -> Section:
    began = time.monotonic()
    section = step()
    _say(f"{time.monotonic() - began:6.1f} s  {section.title}")
    for goal in section.goals:
        _say("          " + "  ".join(goal.cells))
    return section


def _write(sections: list[Section], about: list[str], asked: Pace) -> None:
    target = ROOT / "benchmarks" / "RESULTS.md" if asked is FULL else INSTALLED / "RESULTS.md"
    target.write_text(page(sections, about, machine.versions(), HOW.format(pace=asked.name)))
    _say(f"written: {target.relative_to(ROOT)}")


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
