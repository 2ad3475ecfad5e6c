"""A planned query gets what graphql-core would have given: the same data in the same order, the same errors."""

import asyncio
import os
from collections.abc import Awaitable, Iterator
from contextvars import copy_context
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, event, given, settings

from functions.settings import Settings
from functions.wiring import Parts
from ledger import Ledger
from local.credits import SimulatedCredit
from local.openmarket import OpenMarketSimulator
from local.rde import RdeSimulator
from runtime import telemetry
from runtime.deadline import Deadline
from schema.errors import RefusedError
from schema.execution.messages import Params, Result
from schema.execution.operations import Operations, _admit, _digest
from schema.execution.stock import Stock
from schema.limits.response_budget import ResponseBudget
from schema.resolvers.access import Identity
from schema.resolvers.context import Context
from tests.support.api.generated_queries import FROM, TO, queries
from tests.support.s3.memory_store import MemoryBucket, MemoryStore

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
NOW = datetime(2019, 12, 20, 12, tzinfo=UTC)
SCOPES = frozenset({"reports:read", "credits:read", "credits:msisdn"})
ODD = ("plain", 'quo"ted, with a comma', "back\\slash", "tab\there", "emoji \U0001f600", "del\x7f\x1fcontrol", "é")


class Both:
    """The two paths to an answer, on one ledger that has asked for everything already."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.runner = asyncio.Runner()
        self.operations = Operations(ledger.plans, introspection=True)
        self.stock = Stock(introspection=True)

    def context(self, scopes: frozenset[str] = SCOPES) -> Context:
        room = ResponseBudget(compressed=True)
        return Context(Identity("default", scopes), Deadline.after(30), self.ledger, "request", room)

    def fast(self, params: Params, scopes: frozenset[str] = SCOPES) -> tuple[Result | str, int]:
        """The answer with a plan if there is one, and how often a plan ran."""
        seen = telemetry.Telemetry()
        telemetry.current.set(seen)
        results = [self._try(self.operations.answer(params, self.context(scopes), read_only=False)) for _ in range(2)]
        return results[1], seen.counts["plan.run"]

    def slow(self, params: Params, scopes: frozenset[str] = SCOPES) -> Result | str:
        async def run() -> Result:
            prepared = self.stock.prepared(params, read_only=False)
            _admit(prepared.profile(None), params)
            return await self.stock.run(prepared, params, self.context(scopes))

        return self._try(run())

    def _try(self, answer: Awaitable[Result]) -> Result | str:
        async def alone() -> Result:
            return await answer

        try:
            return self.runner.run(alone(), context=copy_context())
        except RefusedError as refused:
            return f"{refused.code}: {refused}"


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
    pair = Both(Parts(Settings.read(settings_environ), lambda: NOW, MemoryStore(MemoryBucket())).ledger)
    everything = f"""{{ all: creditLog(from: "{FROM}", to: "{TO}") {{ totalCount }}
        one: creditLog(from: "{FROM}", to: "{TO}", brand: "MyBrand") {{ totalCount }} }}"""
    assert isinstance(pair.slow(Params(everything)), Result)
    yield pair
    pair.runner.close()


def shown(result: Result | str) -> tuple[Any, ...]:
    if isinstance(result, str):
        return (result,)
    errors = sorted(result.errors, key=lambda error: str(error.get("path")))
    return orjson.dumps(result.data, option=orjson.OPT_UTC_Z), orjson.dumps(errors), result.executed


@settings(
    max_examples=2000 if NIGHTLY else 200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(query=queries())
def test_a_planned_query_gets_what_graphql_core_would_have_given(both: Both, query: tuple[str, dict[str, Any]]) -> None:
    params = Params(query[0], None, query[1])
    both.slow(params)  # whoever is first to ask gets it from the upstream; both paths below find it held
    fast, planned = both.fast(params)
    event("planned" if planned else "not planned")
    assert shown(fast) == shown(both.slow(params))


def test_a_page_of_odd_rows_is_the_same_text_on_both_paths(both: Both) -> None:
    params = Params(
        f'{{ creditLog(from: "{FROM}", to: "{TO}", first: 1000) {{ nodes {{ __typename creditId time msisdn network '
        "outcome rawOutcome amount currency } edges { cursor node { network } } } }"
    )
    fast, planned = both.fast(params)
    assert planned == 1
    assert shown(fast) == shown(both.slow(params))
    assert isinstance(fast, Result)
    networks = {row["network"] for row in orjson.loads(orjson.dumps(fast.data))["creditLog"]["nodes"]}
    assert set(ODD) <= networks


def test_a_plan_masks_as_the_stock_path_does(both: Both) -> None:
    params = Params(f'{{ creditLog(from: "{FROM}", to: "{TO}", first: 1000) {{ nodes {{ msisdn }} }} }}')
    scopes = frozenset({"credits:read"})
    fast, planned = both.fast(params, scopes)
    assert planned == 1
    assert shown(fast) == shown(both.slow(params, scopes))
    assert b"447700900001" not in shown(fast)[0]


def test_a_plan_refuses_a_field_without_its_scope(both: Both) -> None:
    params = Params(f'{{ creditLog(from: "{FROM}", to: "{TO}") {{ totalCount }} __typename }}')
    fast, planned = both.fast(params, frozenset())
    assert planned == 1
    assert shown(fast) == shown(both.slow(params, frozenset()))


@pytest.mark.parametrize("variables", [{}, {"brand": None}], ids=["missing", "null"])
def test_a_variable_that_may_not_be_null_is_never_left_out(both: Both, variables: dict[str, Any]) -> None:
    query = f"""query($brand: String!) {{
        creditOutcome(from: "{FROM}", to: "{TO}", brand: $brand) {{ rows {{ brand }} }} }}"""
    both.fast(Params(query, None, {"brand": "MyBrand"}))
    refused, _ = both.fast(Params(query, None, variables))
    assert shown(refused) == shown(both.slow(Params(query, None, variables)))
    assert isinstance(refused, Result)
    assert not refused.executed


def test_a_kept_plan_that_somebody_has_written_into_is_not_run(both: Both, tmp_path: Path) -> None:
    params = Params(f'{{ creditOutcome(from: "{FROM}", to: "{TO}") {{ rows {{ brand }} }} }}')
    fast, _ = both.fast(params)
    trap = tmp_path / "sprung"
    digest = _digest(params)
    body = both.runner.run(both.ledger.plans.get(digest))
    assert body is not None
    evil = body.replace(b'"attribute":"brand"', f'"attribute":"brand or open({str(trap)!r}, \'w\')"'.encode())
    assert evil != body
    both.runner.run(both.ledger.plans.keep(digest, evil))
    other = Operations(both.ledger.plans, introspection=True)
    answered = both.runner.run(other.answer(params, both.context(), read_only=True), context=copy_context())
    assert shown(answered) == shown(fast)
    assert not trap.exists()


@pytest.mark.parametrize("literal", ['where: {msisdn: "447700900001"}', 'brand: "+44 7700 900001"'])
def test_a_query_with_a_phone_number_in_its_text_is_not_written_into_the_ledger(both: Both, literal: str) -> None:
    params = Params(f'{{ creditLog(from: "{FROM}", to: "{TO}", {literal}) {{ totalCount }} }}')
    _, planned = both.fast(params)
    assert planned == 1
    assert both.runner.run(both.ledger.plans.get(_digest(params))) is None


def test_another_process_finds_the_plan_in_the_ledger_and_imports_no_graphql(both: Both) -> None:
    params = Params(f'{{ creditLog(from: "{FROM}", to: "{TO}") {{ totalCount }} }}')
    both.fast(params)
    other = Operations(both.ledger.plans, introspection=True)
    seen = telemetry.Telemetry()
    telemetry.current.set(seen)
    both.runner.run(other.answer(params, both.context(), read_only=True), context=copy_context())
    assert seen.counts["plan.run"] == 1
    assert seen.counts["stock.loaded"] == 0
