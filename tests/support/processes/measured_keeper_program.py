"""Runs the keeper once as its function would; the program prints its process's peak memory in MiB."""

import asyncio
import os
from pathlib import Path

from functions.settings import Settings
from functions.wiring import keeper_of
from ledger.keeper.run import KeeperRun
from runtime.deadline import Deadline


def main() -> None:
    """Run the keeper of the deployment that the environment describes."""
    run = KeeperRun(Deadline.after(300))
    asyncio.run(keeper_of(Settings.read(os.environ)).work(run))
    status = Path("/proc/self/status").read_text()  # getrusage would count what our parent had
    print(run.archived, int(status.partition("VmHWM:")[2].split()[0]) // 1024)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
