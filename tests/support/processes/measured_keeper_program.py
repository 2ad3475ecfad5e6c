"""Runs the keeper once as its function would.

The program prints how many files were archived, its process's peak memory in MiB, and the seconds of CPU that it took.
"""

import asyncio
import os
import time
from pathlib import Path

from functions.settings import Settings
from functions.wiring import keeper_of
from ledger.keeper.run import KeeperRun
from runtime.deadline import Deadline


def main() -> None:
    """Run the keeper of the deployment that the environment describes."""
    run = KeeperRun(Deadline.after(900))
    asyncio.run(keeper_of(Settings.read(os.environ)).work(run))
    status = Path("/proc/self/status").read_text()  # getrusage would count what our parent had
    peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    print(run.archived, peak, time.process_time())  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
