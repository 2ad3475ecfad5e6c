"""The two ways to start an export: the exporter function, or a thread of this process.

The thread has an event loop of its own, because a handler's loop stands still between two invocations. It works
through its queue, one export after the other, and ends when the queue stays empty.
"""

import asyncio
import atexit
import contextlib
import json
import logging
import queue
import threading
from typing import TYPE_CHECKING

from ledger.exports.exports import ExporterUnavailable
from runtime.deadline import Deadline, current

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_lambda import LambdaClient

    from ledger.exports.writer import Exporter

LOG = logging.getLogger("tally.exporter")

SHIFT_SECONDS = 900.0
"""How long an exporter in this process works at a stretch, as in Lambda."""
LEFT_SECONDS = 0.5
"""What an invocation of the exporter leaves of the caller's time, to store how it ended."""
IDLE_SECONDS = 0.2
STOP_SECONDS = 2.0


class LambdaStart:
    """Invokes the exporter function without waiting for its end; boto3 is imported with the first export."""

    def __init__(self, function: str, endpoint_url: str | None) -> None:
        self._function = function
        self._endpoint_url = endpoint_url
        self._client: LambdaClient | None = None

    async def __call__(self, tenant: str, export_id: str) -> None:
        """Have the function work on an export.

        Raises:
            ExporterUnavailable: Lambda did not accept the call, or not in time.
        """
        deadline = current.get()
        seconds = None if deadline is None else deadline.later(-LEFT_SECONDS).remaining()
        try:
            async with asyncio.timeout(seconds):
                await asyncio.to_thread(self.invoke, tenant, export_id)
        except TimeoutError as error:
            LOG.warning("the exporter function %s could not be invoked in time", self._function)
            raise ExporterUnavailable from error

    def invoke(self, tenant: str, export_id: str) -> None:
        """The same, blocking.

        Raises:
            ExporterUnavailable: Lambda did not accept the call.
        """
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            if self._client is None:
                limits = Config(
                    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
                )
                self._client = boto3.session.Session().client("lambda", endpoint_url=self._endpoint_url, config=limits)
            payload = json.dumps({"tenant": tenant, "id": export_id}).encode()
            self._client.invoke(FunctionName=self._function, InvocationType="Event", Payload=payload)
        except (BotoCoreError, ClientError) as error:
            LOG.exception("the exporter function %s could not be invoked", self._function)
            raise ExporterUnavailable from error


class LocalStart:
    """Exports in this process; `make` makes an exporter that has its own connections."""

    def __init__(self, make: "Callable[[], Exporter]") -> None:
        self._make = make
        self._queue: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, tenant: str, export_id: str) -> None:
        """Put an export into the queue."""
        with self._guard:
            self._queue.put((tenant, export_id))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="exporter", daemon=True)
                self._thread.start()
                atexit.unregister(self.stop)
                atexit.register(self.stop)

    def stop(self) -> None:
        """Leave an export as it is when the process ends; the next caller that asks for it restarts it."""
        thread, loop = self._thread, self._loop
        if thread is None or loop is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has been closed in the meantime
            loop.call_soon_threadsafe(_cancel_all, loop)
        thread.join(STOP_SECONDS)

    def _work(self) -> None:
        try:
            exporter = self._make()
            with asyncio.Runner() as runner:
                self._loop = runner.get_loop()
                while (queued := self._next()) is not None:
                    _export(runner, exporter, *queued)
        except asyncio.CancelledError:
            LOG.info("exports stopped with the process")
        except Exception:
            LOG.exception("exports stopped; the next start of an export makes a new thread")
        finally:
            with self._guard:
                if self._thread is threading.current_thread():
                    self._thread = self._loop = None

    def _next(self) -> tuple[str, str] | None:
        """The next export in the queue; None when it stayed empty for a while, and the thread may end."""
        while True:
            with contextlib.suppress(queue.Empty):
                return self._queue.get(timeout=IDLE_SECONDS)
            if self._retired():
                return None

    def _retired(self) -> bool:
        """Give up the thread's place while the queue is still empty; the next start makes a new thread."""
        with self._guard:
            if not self._queue.empty():
                return False
            self._thread = self._loop = None
        return True


def _export(runner: asyncio.Runner, exporter: "Exporter", tenant: str, export_id: str) -> None:
    try:
        runner.run(finish(exporter, tenant, export_id))
    except Exception:
        LOG.exception("export %s stopped before its end", export_id)


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()


async def finish(exporter: "Exporter", tenant: str, export_id: str) -> None:
    """Work on an export, one shift after the other, until it is finished."""
    while True:
        shift = Deadline.after(SHIFT_SECONDS)
        current.set(shift)
        if not await exporter.write(tenant, export_id, shift):
            return
        LOG.info("export %s continues", export_id)
