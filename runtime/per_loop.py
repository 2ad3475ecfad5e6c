"""Values that belong to one event loop: connections, locks, semaphores.

A warm function may run each invocation on a new loop, where what was bound to the last loop does not work. The value
comes from an async generator, which `asyncio.run` closes at the loop's end, so no caller has to close it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable


class PerLoop[T]:
    """One value per event loop, made at its first use and closed when the loop shuts down."""

    def __init__(self, make: Callable[[], AsyncGenerator[T]]) -> None:
        self._make = make
        self._made: dict[asyncio.AbstractEventLoop, tuple[AsyncGenerator[T], T]] = {}

    async def get(self) -> T:
        """The running loop's value."""
        loop = asyncio.get_running_loop()
        if loop not in self._made:
            self._forget_closed_loops()
            generator = self._make()
            made = (generator, await anext(generator))
            if self._made.setdefault(loop, made) is not made:  # another task of this loop was faster
                await generator.aclose()
        return self._made[loop][1]

    def _forget_closed_loops(self) -> None:
        for loop in [loop for loop in list(self._made) if loop.is_closed()]:
            self._made.pop(loop, None)
