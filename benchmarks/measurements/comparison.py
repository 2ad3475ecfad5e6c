"""Before anything is timed: all contenders give the same answers, and those are the data that were put in."""

from collections.abc import Sequence

from benchmarks.contenders.calls import Calls
from benchmarks.contenders.lambda_process import LambdaProcess
from benchmarks.contenders.programs import TALLY, TEXTBOOK, Function, Server
from benchmarks.measurements.over_http import ask, running
from benchmarks.world import queries
from benchmarks.world.data import COMPARED_ON, World
from benchmarks.world.queries import LARGE, SMALL

FEW_ROWS = 200


def compare(world: World, functions: Sequence[Function], servers: Sequence[Server]) -> list[str]:
    """Call every installed contender; returns the names of those that were compared.

    Raises:
        RuntimeError: a contender gave another answer.
    """
    compared = []
    for function in functions:
        if not function.missing and function.name != "floor":
            with LambdaProcess(function, world.environ) as process:
                for size in (SMALL, LARGE):
                    answer = process.invoke(queries.event(queries.reports(size))).answer
                    _same(f"{function.name} in Lambda", queries.data(answer), world.listing(size))
            compared.append(f"{function.name} in Lambda")
    with running([server for server in servers if not server.missing], world.environ) as started:
        for one in started:
            for size in (SMALL, LARGE):
                _same(one.server.name, ask(one.url, queries.reports(size)).get("data"), world.listing(size))
            compared.append(f"{one.server.name} over HTTP")
    by_name = {function.name: function for function in functions if not function.missing}
    return compared + _rows(world, by_name.get(TALLY), by_name.get(TEXTBOOK))


def _rows(world: World, tally: Function | None, textbook: Function | None) -> list[str]:
    """Pages of the credit log, which only these two have."""
    if tally is None or textbook is None:
        return []
    world.settle([COMPARED_ON], FEW_ROWS)
    with Calls(tally, world.environ) as ours, Calls(textbook, world.environ) as theirs:
        for body in (
            queries.log(COMPARED_ON, 1),
            queries.filtered_log(COMPARED_ON, 1),
            queries.log_with_include(COMPARED_ON, 1),
        ):
            pages = [queries.data(calls.call(queries.event(body))[1]) for calls in (ours, theirs)]
            _same(body["operationName"], pages[0], pages[1])
            if len(pages[0]["creditLog"]["nodes"]) != FEW_ROWS:
                raise RuntimeError(f"{body['operationName']} has another number of rows")
    return ["the credit log in both"]


def _same(what: str, answer: object, expected: object) -> None:
    if answer != expected:
        raise RuntimeError(f"{what}: another answer: {str(answer)[:500]} instead of {str(expected)[:500]}")
