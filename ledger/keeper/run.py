"""One run of the keeper: whether it has time for more, and what became of its work.

A failure of one day, file, brand or tenant is logged and counted here, with its code, and the run continues.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ledger.storage.store import LedgerUnavailable
from runtime import telemetry
from runtime.deadline import Deadline
from upstreams.errors import UpstreamError

LOG = logging.getLogger("tally.keeper")

RESERVE_SECONDS = 30.0
"""The time in which work that has begun can end: one vendor call with its writes."""


@dataclass(slots=True)
class KeeperRun:
    """What a run has done so far.

    `lag_days` is for how many days the most overdue day could have been settled already; None until that is known.
    `compared` days were compared with the outcome report, and `unbalanced` of them differ from it. `complete` is false
    once the run had no time for a piece of work.
    """

    deadline: Deadline
    tenants: int = 0
    settled: int = 0
    compared: int = 0
    unbalanced: int = 0
    archived: int = 0
    opened: int = 0
    lake_files: int = 0
    lake_days: int = 0
    months: int = 0
    deleted: int = 0
    failed: int = 0
    lag_days: float | None = None
    complete: bool = True
    reserve_seconds: float = RESERVE_SECONDS

    def has_time(self) -> bool:
        """Whether there is time for another piece of work; after the first "no" there is none for the whole run."""
        if self.deadline.remaining() <= self.reserve_seconds:
            self.complete = False
        return self.complete

    @contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """Do something that may fail without ending the run."""
        try:
            yield
        except (UpstreamError, LedgerUnavailable) as error:
            self._count_failure(error.code)
            LOG.warning("%s: %s", what, error)
        except Exception:
            self._count_failure("INTERNAL_SERVER_ERROR")
            LOG.exception("%s: unexpected", what)

    def _count_failure(self, code: str) -> None:
        self.failed += 1
        telemetry.hidden(code)
        telemetry.count("keeper.failed")
