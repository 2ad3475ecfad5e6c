"""Requests that wait for each other: proof that they are under way at the same time, without a clock."""

import asyncio
import time


class Rendezvous:
    """Set `wait` as the `pause` of several simulators: nothing is answered until `number` requests have arrived.

    The simulators run in threads of their own, each with its event loop.
    """

    def __init__(self, number: int, patience_seconds: float = 10) -> None:
        self._number = number
        self._gives_up = time.monotonic() + patience_seconds
        self.arrived = 0

    async def wait(self) -> None:
        """Wait for the other requests; one that waits in vain raises, and its answer is a failure."""
        self.arrived += 1
        while self.arrived < self._number:
            if time.monotonic() > self._gives_up:
                raise TimeoutError(f"only {self.arrived} of {self._number} requests were under way at the same time")
            await asyncio.sleep(0.01)
