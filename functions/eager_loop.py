"""An event loop that turns only when something has to be waited for.

Much of what a warm process answers is in its memory. Running the loop for that, which turns twice with a system call
each time, would take a tenth of such a request.
"""

import asyncio
from asyncio.events import _set_running_loop  # in its `__all__`: for those who write event loops
from collections.abc import Coroutine


class EagerLoop(asyncio.SelectorEventLoop):
    """The usual event loop, which can also begin a task before it runs."""

    _beginning = False

    def run_eagerly[T](self, coroutine: Coroutine[object, object, T]) -> T:
        """A coroutine's result, as `run_until_complete` gives it; the loop runs from the first wait on.

        What the coroutine has started and not waited for goes on in a later run.
        """
        self._beginning = True
        _set_running_loop(self)
        try:
            task = asyncio.Task(coroutine, loop=self, eager_start=True)
        finally:
            _set_running_loop(None)
            self._beginning = False
        return task.result() if task.done() else self.run_until_complete(task)

    def is_running(self) -> bool:
        """Whether the loop runs, or a task begins as if it did: only then are tasks started eagerly."""
        return self._beginning or super().is_running()
