"""Children of a program that are forked before any thread exists, so that each starts at once, and may be killed.

The first child tells its parent which modules it has imported, and the parent imports them too: otherwise each of
dozens of children would spend most of its time on that.
"""

import asyncio
import contextlib
import importlib
import json
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from itertools import batched

AT_ONCE = 4

type Work[T] = Callable[[], Awaitable[T]]


def fork(work: Work[object]) -> int:
    """Start a child that does this; its exit code is 1 if it fails."""
    child = os.fork()
    if child:
        return child
    try:
        asyncio.run(_awaited(work))
    except Exception:  # noqa: BLE001 - a forked child must not return into the parent's code
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def exit_codes[T](children: Mapping[T, int]) -> dict[T, int]:
    """Wait for the children; how each of them ended."""
    return {name: os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for name, child in children.items()}


def in_groups[T](work: Mapping[T, Work[object]]) -> dict[T, int]:
    """Have a child do each piece of work, a few at once; their exit codes."""
    ended: dict[T, int] = {}
    for some in batched(work.items(), AT_ONCE, strict=False):
        ended |= exit_codes({name: fork(do) for name, do in some})
    return ended


def result_of_first[T](work: Work[T]) -> T:
    """What a first child gets done, as JSON has it; its imports are made here for those that follow."""
    reader, writer = os.pipe()

    async def reported() -> None:
        result = await work()
        with os.fdopen(writer, "w") as report:
            json.dump([result, list(sys.modules)], report)

    child = fork(reported)
    os.close(writer)
    with os.fdopen(reader) as report:
        result, modules = json.loads(report.read() or "[null, []]")
    if exit_codes({"first": child}) != {"first": 0}:
        raise RuntimeError("the first child failed")
    for module in modules:
        with contextlib.suppress(ImportError):  # a module that another one has made, as `os.path`
            importlib.import_module(module)
    return result  # type: ignore[no-any-return]  # it was a T


async def _awaited[T](work: Work[T]) -> T:
    return await work()
