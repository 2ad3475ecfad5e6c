"""Things that belong to one event loop: connections, locks, semaphores.

A warm function may get another loop for each invocation, and what was bound to the last one is dead on the next. The
value comes from an async generator, which `asyncio.run` closes at its end by itself: nobody has to remember to.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable


class PerLoop[T]:
    """One value for each running event loop, made at its first use and closed when that loop shuts down."""

    def __init__(self, make: Callable[[], AsyncGenerator[T]]) -> None:
        self._make = make
        self._kept: dict[asyncio.AbstractEventLoop, tuple[AsyncGenerator[T], T]] = {}

    async def get(self) -> T:
        """The running loop's value."""
        loop = asyncio.get_running_loop()
        if loop not in self._kept:
            generator = self._make()
            self._forget_closed_loops()
            self._kept.setdefault(loop, (generator, await anext(generator)))
        return self._kept[loop][1]

    def _forget_closed_loops(self) -> None:
        for loop in [loop for loop in list(self._kept) if loop.is_closed()]:
            self._kept.pop(loop, None)
