"""One value for each event loop, closed with the loop."""

import asyncio
from collections.abc import AsyncGenerator

from runtime.per_loop import PerLoop


class Connections:
    """Counts what is opened and closed; opening gives other tasks a turn."""

    def __init__(self) -> None:
        self.opened = 0
        self.closed: list[int] = []

    async def open(self) -> AsyncGenerator[int]:
        self.opened += 1
        number = self.opened
        await asyncio.sleep(0)
        try:
            yield number
        finally:
            self.closed.append(number)


def test_a_loop_has_one_value_and_closes_it_at_its_end() -> None:
    connections = Connections()
    per_loop = PerLoop(connections.open)

    async def twice() -> list[int]:
        return [await per_loop.get(), await per_loop.get()]

    assert asyncio.run(twice()) == [1, 1]
    assert connections.closed == [1]


def test_each_loop_has_a_value_of_its_own() -> None:
    connections = Connections()
    per_loop = PerLoop(connections.open)
    assert [asyncio.run(per_loop.get()) for _ in range(3)] == [1, 2, 3]
    assert connections.closed == [1, 2, 3]


def test_closed_loops_are_forgotten() -> None:
    per_loop = PerLoop(Connections().open)
    for _ in range(5):
        asyncio.run(per_loop.get())
    assert len(per_loop._made) == 1


def test_tasks_that_ask_at_the_same_time_get_the_same_value_and_leave_nothing_open() -> None:
    connections = Connections()
    per_loop = PerLoop(connections.open)

    async def at_once() -> list[int]:
        values = await asyncio.gather(*(per_loop.get() for _ in range(4)))
        assert len(connections.closed) == connections.opened - 1
        return values

    assert len(set(asyncio.run(at_once()))) == 1
    assert sorted(connections.closed) == [1, 2, 3, 4]
