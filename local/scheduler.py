"""EventBridge Scheduler on this machine: it wakes the keeper a moment after the start, then every quarter of an hour.

One run at a time, on a thread of its own with the keeper's own event loop and connections, as the function has them in
Lambda. What a run did is the line that the keeper itself writes.
"""

import asyncio
import logging
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from local.lambda_runtime import LambdaContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from functions.keeper_handler import KeeperHandler

log = logging.getLogger(__name__)

FIRST_SECONDS = 1.0
"""The page that is opened at once, and its first query, need not share the processor with the keeper."""
EVERY_SECONDS = 15 * 60.0
FUNCTION_SECONDS = 900.0
"""The function's time-out, as the schedule in template.yaml."""
STOP_SECONDS = 2.0


class Scheduler:
    """Wakes the keeper that `make` makes, inside a `with`; `make` is called on the keeper's thread."""

    def __init__(
        self, make: "Callable[[], KeeperHandler]", *, first: float = FIRST_SECONDS, every: float = EVERY_SECONDS
    ) -> None:
        self._make = make
        self._first = first
        self._every = every
        self._stopping = threading.Event()
        self._keeper: KeeperHandler | None = None
        # A daemon: a run that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name="keeper", daemon=True)

    def __enter__(self) -> Self:
        """Start the clock."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the run under way where it stands; the ledger loses nothing by it."""
        self._stopping.set()
        if self._keeper is not None:
            self._keeper.cancel()
        self._thread.join(STOP_SECONDS)

    def _work(self) -> None:
        wait = self._first
        while not self._stopping.wait(wait):
            began = time.monotonic()
            self._wake()
            wait = max(0.0, self._every - (time.monotonic() - began))
        if self._keeper is not None:
            self._keeper.close()

    def _wake(self) -> None:
        try:
            if self._keeper is None:
                self._keeper = self._make()
            if not self._stopping.is_set():  # else whoever stops has found no keeper yet
                self._keeper({}, LambdaContext("tally-keeper", deadline=time.monotonic() + FUNCTION_SECONDS))
        except asyncio.CancelledError:
            log.info("the keeper's run was cut short")
        except Exception:
            log.exception("the keeper failed")  # as in Lambda, the next run is the retry
