"""The event loop of the API's function: it turns only when a request has to wait."""

import asyncio
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from functions.eager_loop import EagerLoop


class CountingLoop(EagerLoop):
    """Counts how often it is set running."""

    runs = 0

    def run_forever(self) -> None:
        self.runs += 1
        super().run_forever()


@pytest.fixture
def loop() -> Iterator[CountingLoop]:
    with asyncio.Runner(loop_factory=CountingLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, CountingLoop)
        yield loop
        loop.runs = 0


async def at_once() -> str:
    return f"in a task: {asyncio.current_task() is not None}"


async def after_waiting() -> str:
    async with asyncio.timeout(60):
        first, second = await asyncio.gather(asyncio.sleep(0, "one"), asyncio.to_thread(lambda: "two"))
    return f"{first}, {second}"


async def failing() -> None:
    raise ValueError("its own")


async def failing_after_waiting() -> None:
    await asyncio.sleep(0)
    raise ValueError("its own")


def test_what_waits_for_nothing_makes_no_turn(loop: CountingLoop) -> None:
    assert loop.run_eagerly(at_once()) == "in a task: True"
    assert loop.runs == 0


def test_what_waits_is_run_to_its_end(loop: CountingLoop) -> None:
    assert loop.run_eagerly(after_waiting()) == "one, two"
    assert loop.runs == 1


def test_the_loop_can_be_used_again_and_in_the_usual_way(loop: CountingLoop) -> None:
    assert [loop.run_eagerly(each()) for each in (after_waiting, at_once, after_waiting)][::2] == ["one, two"] * 2
    assert loop.run_until_complete(at_once()) == "in a task: True"
    assert not loop.is_running()


@pytest.mark.parametrize("failure", [failing, failing_after_waiting])
def test_an_exception_reaches_the_caller(loop: CountingLoop, failure: object) -> None:
    with pytest.raises(ValueError, match="its own"):
        loop.run_eagerly(failure())  # type: ignore[operator]  # either of the two coroutine functions
    assert loop.run_eagerly(at_once()) == "in a task: True"


def test_no_loop_is_left_running(loop: CountingLoop) -> None:
    loop.run_eagerly(at_once())
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


def test_a_context_variable_is_of_one_run(loop: CountingLoop) -> None:
    variable = ContextVar("variable", default="outside")

    async def sets_it() -> None:
        variable.set("inside")

    loop.run_eagerly(sets_it())
    assert variable.get() == "outside"


def test_a_task_that_a_run_leaves_behind_goes_on_in_the_next(loop: CountingLoop) -> None:
    done: list[str] = []

    async def background() -> None:
        await asyncio.sleep(0)
        done.append("done")

    async def starts_it() -> asyncio.Task[None]:
        return asyncio.ensure_future(background())

    task = loop.run_eagerly(starts_it())
    assert done == []
    loop.run_eagerly(asyncio.wait_for(task, 60))
    assert done == ["done"]
