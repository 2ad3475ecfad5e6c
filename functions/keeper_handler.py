"""The keeper's invocation: one run over every tenant, whatever the event says; its summary comes back and is logged.

A run ends well before Lambda would end it: work that has begun gets the time to finish, and the next run, a quarter of
an hour later, does the rest.
"""

import asyncio
import contextlib
import time
from typing import Any

from functions.request_log import write_by_dimension
from ledger.keeper.keeper import Keeper
from ledger.keeper.run import RESERVE_SECONDS, KeeperRun
from ledger.reports.archiving import GRACE_SECONDS
from runtime import deadline, telemetry
from runtime.deadline import Deadline
from runtime.logs import instant, rendered, write
from runtime.metrics import embedded

ENDING_SECONDS = GRACE_SECONDS + 15.0
"""By how much a file that was begun may overrun, and some time to log the run's summary."""
WITHOUT_CONTEXT_SECONDS = 900.0
LARGEST_SHARE = 0.25
"""The most that either reserve takes of the invocation, so that a short one does some work as well."""


class KeeperHandler:
    """What Lambda calls, on one event loop for the life of the process: connections outlive an invocation."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._runner = asyncio.Runner()
        self._task: asyncio.Task[Any] | None = None
        self._cancelled = False

    def __call__(self, event: object, context: object) -> dict[str, Any]:  # noqa: ARG002 - every event means the same
        """Do as much as there is time for.

        Raises:
            SecretsUnavailable: the tenants could not be listed.
        """
        return self._runner.run(self._cancellable(context))

    def cancel(self) -> None:
        """End the run that is under way, or else the next one, from another thread; its call raises `CancelledError`.

        Later runs are not affected.
        """
        self._cancelled, task = True, self._task
        if task is not None:
            with contextlib.suppress(RuntimeError):  # its loop has been closed in the meantime
                task.get_loop().call_soon_threadsafe(task.cancel)

    def close(self) -> None:
        """Close connections and the loop; as `cancel`, Lambda never does, tests and tools do."""
        self._runner.close()

    async def _cancellable(self, context: object) -> dict[str, Any]:
        self._task = asyncio.current_task()
        try:
            if self._cancelled:
                raise asyncio.CancelledError
            return await self._work(context)
        finally:
            self._task, self._cancelled = None, False

    async def _work(self, context: object) -> dict[str, Any]:
        began, record = time.monotonic(), telemetry.Telemetry()
        telemetry.current.set(record)
        remaining = getattr(context, "get_remaining_time_in_millis", None)
        run = _run(remaining() / 1000 if remaining else WITHOUT_CONTEXT_SECONDS)
        deadline.current.set(run.deadline)
        await self._keeper.work(run)
        summary = _summary(run)
        line = {
            "time": instant(time.time()),
            "level": "INFO",
            "message": "keeper run",
            **summary,
            "counts": record.counts,
        }
        counts = {"KeeperFailures": run.failed, "LakeDays": run.lake_days, "UnbalancedDays": run.unbalanced}
        metrics = embedded({**counts, **_lag(run)})
        write(rendered({**line, "seconds": round(time.monotonic() - began, 3), **metrics}))
        write_by_dimension(record)
        return summary


def _lag(run: KeeperRun) -> dict[str, float]:
    """The lag metric; left out when the lag is not known, which the alarm treats as breaching."""
    return {} if run.lag_days is None else {"SettledDayLagDays": run.lag_days}


def _run(seconds: float) -> KeeperRun:
    """A run within an invocation that has that many seconds left."""
    share = seconds * LARGEST_SHARE
    ends = seconds - min(ENDING_SECONDS, share)
    return KeeperRun(Deadline.after(ends), reserve_seconds=min(RESERVE_SECONDS, share))


def _summary(run: KeeperRun) -> dict[str, Any]:
    return {
        "tenants": run.tenants,
        "daysSettled": run.settled,
        "daysCompared": run.compared,
        "daysUnbalanced": run.unbalanced,
        "archived": run.archived,
        "opened": run.opened,
        "lakeFiles": run.lake_files,
        "lakeDays": run.lake_days,
        "monthsWritten": run.months,
        "deleted": run.deleted,
        "failed": run.failed,
        "settledDayLagDays": None if run.lag_days is None else round(run.lag_days, 3),
        "complete": run.complete,
    }
