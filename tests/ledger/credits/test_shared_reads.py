"""One read at a time for all callers that want the same thing, also when one of them is cancelled."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ledger.credits.shared_reads import SharedReads

pytestmark = pytest.mark.anyio


class SlowObject:
    """Something to read that answers when the test lets it."""

    def __init__(self) -> None:
        self.reads = 0
        self.cancelled = 0
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def read(self) -> str:
        self.reads += 1
        try:
            return await asyncio.shield(self.answer)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def begin(count: int, caller: Callable[[], Awaitable[str]]) -> list[asyncio.Task[str]]:
    tasks = [asyncio.ensure_future(caller()) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_callers_that_want_the_same_at_the_same_time_share_one_read() -> None:
    shared, slow = SharedReads(), SlowObject()
    callers = await begin(15, lambda: shared.get("a day", slow.read))
    slow.answer.set_result("rows")
    assert await asyncio.gather(*callers) == ["rows"] * 15
    assert slow.reads == 1


async def test_a_later_caller_reads_again() -> None:
    shared, slow = SharedReads(), SlowObject()
    slow.answer.set_result("rows")
    assert [await shared.get("a day", slow.read) for _ in range(2)] == ["rows", "rows"]
    assert slow.reads == 2


async def test_different_things_are_read_by_themselves() -> None:
    shared, one, other = SharedReads(), SlowObject(), SlowObject()
    one.answer.set_result("one")
    other.answer.set_result("other")
    assert await asyncio.gather(*(shared.get(key, each.read) for key, each in (("1", one), ("2", other)))) == [
        "one",
        "other",
    ]


async def test_an_error_goes_to_every_caller() -> None:
    shared, slow = SharedReads(), SlowObject()
    callers = await begin(3, lambda: shared.get("a day", slow.read))
    slow.answer.set_exception(ValueError("lost"))
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(result) for result in results] == [ValueError] * 3
    assert slow.reads == 1


async def test_a_caller_that_is_cancelled_leaves_the_read_to_the_others() -> None:
    shared, slow = SharedReads(), SlowObject()
    first, *others = await begin(3, lambda: shared.get("a day", slow.read))
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    slow.answer.set_result("rows")
    assert await asyncio.gather(*others) == ["rows", "rows"]
    assert (slow.reads, slow.cancelled) == (1, 0)


async def test_the_read_ends_with_its_last_caller() -> None:
    shared, slow = SharedReads(), SlowObject()
    callers = await begin(2, lambda: shared.get("a day", slow.read))
    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)
    await asyncio.sleep(0)
    assert slow.cancelled == 1
    slow.answer.set_result("rows")
    assert await shared.get("a day", slow.read) == "rows"
    assert slow.reads == 2
