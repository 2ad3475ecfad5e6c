"""Before anything is timed: all contenders give the same answers, and those are the data that were put in."""

from collections.abc import Sequence

from benchmarks import questions
from benchmarks.calls import Calls
from benchmarks.contenders import TALLY, TEXTBOOK, Function, Server
from benchmarks.lambda_process import LambdaProcess
from benchmarks.over_http import ask, running
from benchmarks.questions import LARGE, SMALL
from benchmarks.world import COMPARED_ON, World

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
                    answer = process.invoke(questions.event(questions.reports(size))).answer
                    _same(f"{function.name} in Lambda", questions.data(answer), world.listing(size))
            compared.append(f"{function.name} in Lambda")
    with running([server for server in servers if not server.missing], world.environ) as started:
        for one in started:
            for size in (SMALL, LARGE):
                _same(one.server.name, ask(one.url, questions.reports(size)).get("data"), world.listing(size))
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
            questions.log(COMPARED_ON, 1),
            questions.filtered_log(COMPARED_ON, 1),
            questions.log_with_include(COMPARED_ON, 1),
        ):
            pages = [questions.data(calls.call(questions.event(body))[1]) for calls in (ours, theirs)]
            _same(body["operationName"], pages[0], pages[1])
            if len(pages[0]["creditLog"]["nodes"]) != FEW_ROWS:
                raise RuntimeError(f"{body['operationName']} has another number of rows")
    return ["the credit log in both"]


def _same(what: str, answer: object, expected: object) -> None:
    if answer != expected:
        raise RuntimeError(f"{what}: another answer: {str(answer)[:500]} instead of {str(expected)[:500]}")
