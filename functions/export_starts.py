"""The two ways in which an export is started: the exporter function, or a thread of this process.

The thread has an event loop of its own, because a handler's loop stands still between two invocations; it works through
its queue one export after the other, and ends when there is nothing left to do.
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
"""How long an exporter works at most before it begins anew, as in Lambda."""
IDLE_SECONDS = 0.2
STOP_SECONDS = 2.0


class LambdaStart:
    """Invokes the exporter function and does not wait for it; boto3 is imported with the first export."""

    def __init__(self, function: str, endpoint_url: str | None) -> None:
        self._function = function
        self._endpoint_url = endpoint_url
        self._client: LambdaClient | None = None

    async def __call__(self, tenant: str, export_id: str) -> None:
        """Have the function work on an export.

        Raises:
            ExporterUnavailable: Lambda did not take the call.
        """
        await asyncio.to_thread(self.invoke, tenant, export_id)

    def invoke(self, tenant: str, export_id: str) -> None:
        """As a call, from a thread that may wait."""
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            if self._client is None:
                patience = Config(
                    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
                )
                self._client = boto3.session.Session().client(
                    "lambda", endpoint_url=self._endpoint_url, config=patience
                )
            payload = json.dumps({"tenant": tenant, "id": export_id}).encode()
            self._client.invoke(FunctionName=self._function, InvocationType="Event", Payload=payload)
        except (BotoCoreError, ClientError) as error:
            LOG.exception("the exporter function %s could not be invoked", self._function)
            raise ExporterUnavailable from error


class LocalStart:
    """Exports in this process; `make` makes an exporter with connections of its own."""

    def __init__(self, make: "Callable[[], Exporter]") -> None:
        self._make = make
        self._asked: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, tenant: str, export_id: str) -> None:
        """Put an export into the queue."""
        with self._guard:
            self._asked.put((tenant, export_id))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="exporter", daemon=True)
                self._thread.start()
                atexit.unregister(self.stop)
                atexit.register(self.stop)

    def stop(self) -> None:
        """Leave an export as it is when the process ends; whoever asks for it has it started again."""
        thread, loop = self._thread, self._loop
        if thread is None or loop is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has been closed in the meantime
            loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
        thread.join(STOP_SECONDS)

    def _work(self) -> None:
        exporter = self._make()
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            while (asked := self._next()) is not None:
                try:
                    runner.run(to_the_end(exporter, *asked))
                except asyncio.CancelledError:
                    return
                except Exception:
                    LOG.exception("export %s stands still", asked[1])

    def _next(self) -> tuple[str, str] | None:
        """The next export of the queue; None when there was none for a while, and the thread may end."""
        while True:
            try:
                return self._asked.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                with self._guard:
                    if self._asked.empty():
                        self._thread = self._loop = None
                        return None


async def to_the_end(exporter: "Exporter", tenant: str, export_id: str) -> None:
    """Work on an export in one shift after the other until it is over."""
    while True:
        shift = Deadline.after(SHIFT_SECONDS)
        current.set(shift)
        if not await exporter.write(tenant, export_id, shift):
            return
        LOG.info("export %s goes on", export_id)
