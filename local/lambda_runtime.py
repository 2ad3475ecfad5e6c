"""One Lambda execution environment: a handler on a thread of its own, one call at a time.

One at a time, because the handler's module is loaded once in this process, and Lambda never runs two calls in one copy.
Always the same thread, because a handler may have an event loop that outlives a call. Unlike in Lambda, a call that
takes too long cannot be ended; the gateway answers in its place, and the next call waits for its end.
"""

import asyncio
import logging
import queue
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

log = logging.getLogger(__name__)

type Handler = Callable[[dict[str, Any], Any], Any]

FUNCTION_SECONDS = 29
"""The function's time-out, as in template.yaml."""


MAX_RESULT = 6_291_556
"""The largest result in bytes of JSON: Lambda's "6 MB"."""


class FunctionFailedError(Exception):
    """The handler raised, or Lambda cannot send its result."""


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """The handler's second argument, with AWS's names."""

    function_name: str = "tally-graphql-api"
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 1024
    log_stream_name: str = "local"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    deadline: float = field(default_factory=lambda: time.monotonic() + FUNCTION_SECONDS)

    @property
    def invoked_function_arn(self) -> str:
        """The function's ARN."""
        return f"arn:aws:lambda:eu-west-1:123456789012:function:{self.function_name}"

    @property
    def log_group_name(self) -> str:
        """The function's log group."""
        return f"/aws/lambda/{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's time-out."""
        return max(0, int((self.deadline - time.monotonic()) * 1000))


type _Call = tuple[dict[str, Any], asyncio.AbstractEventLoop, asyncio.Future[Any]]


class ExecutionEnvironment:
    """Runs `handler`; `invoke` is awaited on any event loop."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        # A daemon: a call that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="lambda", daemon=True)
        self._thread.start()

    async def invoke(self, event: dict[str, Any]) -> Any:  # noqa: ANN401 - a handler's result is any JSON
        """The handler's result.

        Raises:
            FunctionFailedError: it raised, or its result is not JSON or too large.
        """
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Any] = loop.create_future()
        self._calls.put((event, loop, result))
        return await result

    def stop(self, seconds: float = 1.0) -> None:
        """Wait for the call in progress, at most `seconds`."""
        self._calls.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            # Lambda calls its handler on the main thread, for which asyncio makes an event loop without being asked.
            asyncio.set_event_loop(runner.get_loop())
            self._work()
            asyncio.set_event_loop(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            event, loop, result = call
            if result.cancelled():
                continue  # the gateway has answered 503 while the call was queued
            try:
                value = self._handler(event, LambdaContext())
                size = len(orjson.dumps(value))
            except Exception as error:  # noqa: BLE001 - like Lambda, the environment survives every exception
                failed = FunctionFailedError("the handler raised, or its result is not JSON")
                failed.__cause__ = error
                _deliver(loop, result, error=failed)
            else:
                failed = FunctionFailedError(f"the result has {size} bytes, more than Lambda's {MAX_RESULT}")
                _deliver(loop, result, value=value, error=failed if size > MAX_RESULT else None)


def _deliver(
    loop: asyncio.AbstractEventLoop,
    result: asyncio.Future[Any],
    *,
    value: object = None,
    error: Exception | None = None,
) -> None:
    def settle() -> None:
        if result.done():
            return
        if error is None:
            result.set_result(value)
        else:
            result.set_exception(error)

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:
        log.warning("a call ended after the gateway had stopped")
