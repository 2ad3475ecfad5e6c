"""EventBridge Scheduler on this machine: it runs the keeper a moment after the start, then every quarter of an hour.

One run at a time, on a thread of its own with the keeper's own event loop and connections, as in Lambda. The keeper
itself logs what a run did.
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
"""The first page and the first query need not share the processor with the keeper."""
EVERY_SECONDS = 15 * 60.0
FUNCTION_SECONDS = 900.0
"""The function's time-out, as in template.yaml."""
STOP_SECONDS = 2.0


class Scheduler:
    """Runs the keeper that `make` returns, inside a `with`; `make` is called on the keeper's thread."""

    def __init__(
        self, make: "Callable[[], KeeperHandler]", *, first: float = FIRST_SECONDS, every: float = EVERY_SECONDS
    ) -> None:
        self._make = make
        self._first = first
        self._every = every
        self._stopping = threading.Event()
        self._keeper: KeeperHandler | None = None
        # A daemon thread: a run that hangs must not prevent the process from ending.
        self._thread = threading.Thread(target=self._work, name="keeper", daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel the run in progress; the ledger stays consistent."""
        self._stopping.set()
        if self._keeper is not None:
            self._keeper.cancel()
        self._thread.join(STOP_SECONDS)

    def _work(self) -> None:
        wait = self._first
        while not self._stopping.wait(wait):
            started = time.monotonic()
            self._run_once()
            wait = max(0.0, self._every - (time.monotonic() - started))
        if self._keeper is not None:
            self._keeper.close()

    def _run_once(self) -> None:
        try:
            if self._keeper is None:
                self._keeper = self._make()
            if not self._stopping.is_set():  # __exit__ may have run before the keeper existed
                self._keeper({}, LambdaContext("tally-keeper", deadline=time.monotonic() + FUNCTION_SECONDS))
        except asyncio.CancelledError:
            log.info("the keeper's run was cancelled")
        except Exception:
            log.exception("the keeper failed")  # as in Lambda, the next run is the retry
