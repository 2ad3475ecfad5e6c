"""Runs inside a contender's interpreter: loads a Lambda handler and calls it as each line of input says.

A line in: `{"events": […], "times": n, "profiled": null}`: n calls in all, the events in turn, perhaps with a file for
cProfile; a line out: the seconds of all calls together, and the last answer. Only the standard library, because the
interpreter has nothing else that we know of. What the handler prints is discarded.
"""

import importlib
import json
import os
import sys
import time
from contextlib import nullcontext
from cProfile import Profile
from itertools import cycle, islice
from pathlib import Path


class WorkerContext:
    aws_request_id = "00000000-0000-0000-0000-000000000000"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 29_000


def main() -> None:
    """`worker.py MODULE.ATTRIBUTE`."""
    module, _, attribute = sys.argv[1].rpartition(".")
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.path.insert(0, str(Path.cwd()))
    handler = getattr(importlib.import_module(module), attribute)
    for line in sys.stdin:
        order = json.loads(line)
        profiler = Profile() if order.get("profiled") else None
        calls, context, answer = list(islice(cycle(order["events"]), order["times"])), WorkerContext(), None
        started = time.perf_counter()
        with profiler or nullcontext():
            for event in calls:
                answer = handler(event, context)
        seconds = time.perf_counter() - started
        if profiler:
            profiler.dump_stats(order["profiled"])
        out.write(json.dumps({"seconds": seconds, "answer": answer}) + "\n")


if __name__ == "__main__":
    main()
