"""`serve_profiled.py PORT FILE`: the door under uvicorn and the profiler, until Ctrl-C; starting is not profiled."""

import sys
from contextlib import suppress
from cProfile import Profile

import uvicorn

from benchmarks.serve import app


def main() -> None:
    """Serve, then write the profiler's figures."""
    port, target = sys.argv[1:]
    profiler = Profile()
    with suppress(KeyboardInterrupt), profiler:
        uvicorn.run(
            app,
            port=int(port),
            loop="uvloop",
            http="httptools",
            lifespan="off",
            access_log=False,
            log_level="warning",
        )
    profiler.dump_stats(target)


if __name__ == "__main__":
    main()
