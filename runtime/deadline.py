"""How long one invocation may still work: one value that is handed down and divided among attempts.

A handler also puts the invocation's deadline into `current`, for what is called from everywhere and should not need
it as an argument in every signature: the bucket and the client that starts an exporter.
"""

import time
from contextvars import ContextVar


class Deadline:
    """A moment on the monotonic clock, in seconds; it never changes."""

    __slots__ = ("__weakref__", "at")

    def __init__(self, at: float) -> None:
        self.at = at

    def __repr__(self) -> str:
        """How much time is left, which says more than the moment."""
        return f"Deadline({self.remaining():.3f} s left)"

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """The deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.at - time.monotonic())

    def within(self, seconds: float) -> "Deadline":
        """The earlier of this deadline and the one `seconds` from now."""
        return Deadline(min(self.at, time.monotonic() + seconds))

    def later(self, seconds: float) -> "Deadline":
        """This deadline, moved by that many seconds; negative ones make it earlier."""
        return Deadline(self.at + seconds)


current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)
"""The running invocation's deadline; None in a program that has none."""
