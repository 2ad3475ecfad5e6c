"""The oracle: what functions execute answers as Strawberry's own execution of the written schema does.

Same data in the same order, same errors, for generated operations: fragments, aliases, directives, variables anywhere,
mutations and slips.
"""

import asyncio
import gc
import os
import re
from collections.abc import Awaitable, Iterator
from contextvars import copy_context
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, assume, event, given, settings

from functions.settings import Settings
from functions.wiring import Parts
from ledger.exports.exports import Start
from local.vendors.credits import SimulatedCredit
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from runtime.deadline import Deadline
from schema.errors import Invalid, RefusedError
from schema.execution.list_executor import ListExecutor
from schema.execution.messages import Params, Result
from schema.execution.operations import Operations, error_of
from schema.limits.response_budget import ResponseBudget
from schema.resolvers.access import Identity
from schema.resolvers.context import Context
from schema.types.root import SCHEMA
from tests.support.api.generated_queries import FROM, TO, mutations, queries
from tests.support.s3.memory_store import MemoryBucket, MemoryStore

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
NOW = datetime(2019, 12, 20, 12, tzinfo=UTC)
SCOPES = frozenset({"reports:read", "reports:schedule", "reports:content", "credits:read", "credits:msisdn"})
ODD = ("plain", 'quo"ted, with a comma', "back\\slash", "tab\there", "emoji \U0001f600", "del\x7f\x1fcontrol", "é")
ARGUMENT = re.compile(r"^[$A-Za-z0-9.]+: ")
PERIOD = f'from: "{FROM}", to: "{TO}"'


class PartsWithoutExporter(Parts):
    """Exports are asked for and stay queued, so that both ways to an answer see the same."""

    @cached_property
    def export_start(self) -> Start:
        async def start(_tenant: str, _export_id: str) -> None: ...

        return start


class Both:
    """Both ways to an answer, on one ledger."""

    def __init__(self, parts: Parts) -> None:
        self._ledger = parts
        self.runner = asyncio.Runner()
        self._operations = Operations(introspection=True)

    def ours(self, params: Params, scopes: frozenset[str] = SCOPES) -> Result:
        """What a function answers.

        Raises:
            RefusedError: the document goes beyond our limits.
        """
        try:
            return self._run(self._operations.answer(params, self._context(scopes), read_only=False))
        except Invalid as invalid:
            return Result(None, invalid.errors, executed=False)

    def strawberry(self, params: Params, scopes: frozenset[str] = SCOPES) -> Result:
        """What Strawberry answers."""
        result = self._run(
            SCHEMA.execute(params.query, variable_values=dict(params.variables), context_value=self._context(scopes))
        )
        errors = result.errors or []
        executed = result.data is not None or any(error.path for error in errors)
        return Result(result.data, [error_of(error, "request") for error in errors], executed=executed)

    def _context(self, scopes: frozenset[str]) -> Context:
        budget = ResponseBudget(compressed=True)
        return Context(Identity("default", scopes), Deadline.after(30), self._ledger, "request", budget)

    def _run[T](self, answer: Awaitable[T]) -> T:
        async def alone() -> T:
            return await answer

        return self.runner.run(alone(), context=copy_context())


@pytest.fixture
def both(
    settings_environ: dict[str, str], openmarket_simulator: OpenMarketSimulator, rde_simulator: RdeSimulator
) -> Iterator[Both]:
    openmarket_simulator.rows_a_day = 30
    openmarket_simulator.clock = rde_simulator.clock = lambda: NOW
    rde_simulator.generated = False
    for index, network in enumerate(ODD):
        moment = datetime(2019, 11, 2, 12, index, tzinfo=UTC)
        number = "447700900001" if index % 2 else "12345678"
        openmarket_simulator.add(
            SimulatedCredit(2**64 - 1 - index, moment, number, network, "0.50", "GBP", "MyBrand", "odd", "odd", moment)
        )
    pair = Both(PartsWithoutExporter(Settings.read(settings_environ), lambda: NOW, MemoryStore(MemoryBucket())))
    for arguments in (PERIOD, f'{PERIOD}, brand: "MyBrand"'):
        assert not pair.strawberry(Params(f"{{ creditLog({arguments}) {{ totalCount }} }}")).errors
    yield pair
    pair.runner.close()


def shown(result: Result) -> tuple[bytes, list[Any], bool]:
    """A result to compare: its data as text, its errors in any order.

    Before execution ours have a code, and the name of the argument before a message about a literal.
    """
    errors = [{**error, "extensions": error.get("extensions", {}).get("code")} for error in result.errors]
    if not result.executed:
        errors = [{**error, "extensions": None, "message": ARGUMENT.sub("", error["message"])} for error in errors]
    return orjson.dumps(result.data, option=orjson.OPT_UTC_Z), sorted(errors, key=str), result.executed


GENERATED = settings(
    max_examples=2000 if NIGHTLY else 200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.slow
@pytest.mark.slow
@GENERATED
@given(operation=queries() | mutations())
def test_a_generated_operation_is_answered_as_strawberry_answers_it(
    both: Both, operation: tuple[str, dict[str, Any]]
) -> None:
    params = Params(operation[0], None, operation[1])
    both.strawberry(params)  # the first to ask gets it from the vendor, both after it from the ledger
    try:
        ours = both.ours(params)
    except RefusedError:
        assume(False)
    event("executed" if ours.executed else "invalid")
    event("with errors" if ours.errors else "without errors")
    assert shown(ours) == shown(both.strawberry(params))
    if not params.query.startswith("mutation"):  # now with what the first request of the operation has prepared
        assert shown(both.ours(params)) == shown(ours)


LISTS = [
    ("(%s, first: 99) { nodes { __typename creditId time msisdn network outcome rawOutcome amount currency } }", {}),
    ("(%s, where: {network: [$text]}) { nodes { creditId network } totalCount }", {"text": ODD[1]}),
    ("(%s, first: 99) { nodes { a: creditId b: creditId time @include(if: $yes) network @skip(if: $yes) } }", {}),
    ("(%s, first: 99) { edges { cursor node { __typename network amount } } pageInfo { hasNextPage } }", {}),
    ("(%s, first: 2) { nodes { creditId @skip(if: $yes) } edges { cursor @skip(if: $yes) } }", {}),
    ("(%s) { summary(by: OUTCOME) { day hour outcome currency count amount } }", {}),
    ("(%s) { summary(by: [DAY, HOUR, NETWORK]) { day hour network outcome currency count amount } }", {}),
]


@pytest.mark.parametrize(("selection", "variables"), LISTS)
def test_a_list_written_by_columns_is_what_it_would_be_item_by_item(
    both: Both, selection: str, variables: dict[str, Any]
) -> None:
    text = f"""query ($yes: Boolean! = true, $text: String! = "") {{
        creditLog{selection % PERIOD}
        never: creditOutcome({PERIOD}, brand: $text) @skip(if: $yes) {{ rows {{ brand }} }} }}"""
    params = Params(text, None, variables)
    ours = both.ours(params)
    assert ours.errors == []
    assert shown(ours) == shown(both.strawberry(params))


@pytest.mark.parametrize(
    "text",
    [
        "query ($yes: Boolean!) { creditLog(%s) { nodes { creditId network @include(if: $yes) } } }",
        """query ($yes: Boolean!) { creditLog(%s) { ...Page } }
fragment Page on CreditLogConnection { totalCount @skip(if: $yes) edges { node { time @skip(if: $yes) id } } }""",
        "query ($yes: Boolean!) { creditLog(%s) { totalCount } more: creditLog(%s) @include(if: $yes) { totalCount } }",
    ],
    ids=["a column", "in a fragment", "a root field"],
)
def test_a_directive_decides_anew_for_each_request_of_an_operation(both: Both, text: str) -> None:
    query = text.replace("%s", PERIOD)
    answers = [both.ours(Params(query, None, {"yes": yes})) for yes in (True, False, True)]
    expected = [both.strawberry(Params(query, None, {"yes": yes})) for yes in (True, False, True)]
    assert [shown(answer) for answer in answers] == [shown(answer) for answer in expected]
    assert shown(answers[0]) != shown(answers[1])


def test_variables_are_read_anew_for_each_request_of_an_operation(both: Both) -> None:
    query = f"query ($first: Int = 3, $where: CreditLogFilter) {{ creditLog({PERIOD}, first: $first, where: $where)"
    text = query + " { totalCount nodes { network } } }"
    sent: list[dict[str, Any]] = [
        {},
        {"first": 2},
        {"first": None},
        {"where": {"network": ODD[1]}},
        {"first": "2"},
        {"where": {"no": 1}},
        {},
    ]
    for variables in sent:
        params = Params(text, None, variables)
        assert shown(both.ours(params)) == shown(both.strawberry(params))


def test_nothing_of_a_finished_request_waits_for_the_garbage_collector(both: Both) -> None:
    gc.collect()
    gc.disable()
    try:
        assert both.ours(Params(f"{{ creditLog({PERIOD}) {{ nodes {{ network }} totalCount }} }}")).errors == []
        assert [each for each in gc.get_objects() if isinstance(each, ListExecutor)] == []
    finally:
        gc.enable()


def test_phone_numbers_are_masked_on_the_way_by_columns(both: Both) -> None:
    params = Params(f"{{ creditLog({PERIOD}, first: 1000) {{ nodes {{ msisdn }} edges {{ node {{ msisdn }} }} }} }}")
    scopes = frozenset({"credits:read"})
    assert shown(both.ours(params, scopes)) == shown(both.strawberry(params, scopes))
    assert b"447700900001" not in shown(both.ours(params, scopes))[0]
    assert b"4477****0001" in shown(both.ours(params, scopes))[0]


def test_a_field_without_its_scope_is_refused_beside_one_that_is_answered(both: Both) -> None:
    params = Params(f"{{ creditLog({PERIOD}) {{ totalCount }} __typename }}")
    ours = both.ours(params, frozenset())
    assert shown(ours) == shown(both.strawberry(params, frozenset()))
    assert ours.data == {"creditLog": None, "__typename": "Query"}


@pytest.mark.parametrize("variables", [{}, {"brand": None}], ids=["missing", "null"])
def test_a_variable_that_may_not_be_null_is_never_left_out(both: Both, variables: dict[str, Any]) -> None:
    text = f"query ($brand: String!) {{ creditOutcome({PERIOD}, brand: $brand) {{ rows {{ brand }} }} }}"
    assert both.ours(Params(text, None, {"brand": "MyBrand"})).executed
    refused = both.ours(Params(text, None, variables))
    assert not refused.executed
    assert shown(refused) == shown(both.strawberry(Params(text, None, variables)))
