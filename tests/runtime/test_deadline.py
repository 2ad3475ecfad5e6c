"""How long an invocation may still work."""

import asyncio
import time

import pytest

from runtime.deadline import Deadline, current

SLACK = 0.5


def test_what_remains_runs_down_and_never_below_zero() -> None:
    assert 10 - SLACK < Deadline.after(10).remaining() <= 10
    assert Deadline.after(-5).remaining() == 0
    assert Deadline(time.monotonic() - 1).remaining() == 0


@pytest.mark.parametrize(("seconds", "within", "left"), [(10, 3, 3), (3, 10, 3), (3, -1, 0), (-1, 3, 0)])
def test_a_part_of_the_time_never_ends_after_the_whole(seconds: float, within: float, left: float) -> None:
    assert left - SLACK < Deadline.after(seconds).within(within).remaining() <= left


def test_a_deadline_moves_either_way() -> None:
    deadline = Deadline(100.0)
    assert (deadline.later(2.5).at, deadline.later(-2.5).at) == (102.5, 97.5)


def test_the_running_invocations_deadline_reaches_its_tasks_and_no_others() -> None:
    async def seen() -> Deadline | None:
        return current.get()

    async def invocation(deadline: Deadline) -> Deadline | None:
        current.set(deadline)
        return await asyncio.create_task(seen())

    first, second = Deadline(1), Deadline(2)

    async def two() -> list[Deadline | None]:
        return list(await asyncio.gather(invocation(first), invocation(second), seen()))

    assert asyncio.run(two()) == [first, second, None]
