"""One read at a time: callers that want the same thing while it is being read share the read.

So fifteen aliases of one query read each day once. A caller that is cancelled leaves the read to the others; when the
last one has gone, the read is cancelled too.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast
from weakref import WeakKeyDictionary

from runtime import telemetry


@dataclass(slots=True)
class _Read:
    """A read under way, and how many callers wait for it."""

    task: asyncio.Future[Any]
    waiting: int = 0


class SharedReads:
    """The reads under way in this process, by event loop and key."""

    def __init__(self) -> None:
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Read]] = WeakKeyDictionary()

    async def get[T](self, key: str, read: Callable[[], Awaitable[T]]) -> T:
        """The result of `read`, or of the read under way for the same key; all its callers get the same error."""
        under_way = self._by_loop.setdefault(asyncio.get_running_loop(), {})
        shared = under_way.get(key)
        if shared is None:
            shared = under_way[key] = _Read(asyncio.ensure_future(read()))
        else:
            telemetry.count("ledger.read_joined")
        shared.waiting += 1
        try:
            return cast("T", await asyncio.shield(shared.task))
        finally:
            shared.waiting -= 1
            if not shared.waiting or shared.task.done():
                shared.task.cancel()
                if under_way.get(key) is shared:
                    del under_way[key]
