"""From a GraphQL request's parameters to its result: by plan where there is one, else by graphql-core.

A cold process looks for a known query's plan in the ledger before it imports graphql-core. A warm one plans every
query that it has not seen, once, and keeps the plan for the others. Both ways give the same result; a differential
test holds that.
"""

import asyncio
import contextlib
import gc
import hashlib
import logging
import re
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.storage.plans import Plans
from runtime import telemetry
from runtime.memory import Memory
from schema.errors import described
from schema.execution.arguments import Unplanned
from schema.execution.messages import Params, Result
from schema.execution.plans import Answered, Plan, run
from schema.limits.profile import Profile
from schema.resolvers.context import Context

if TYPE_CHECKING:
    from schema.execution.stock import Stock

LOG = logging.getLogger("tally")

PLAN_FORMAT = "3"
"""Goes up with every change of what a plan says, or of what may be planned."""
LONGEST_TEXT = 10_000
MOST_KEPT = 200
"""So many plans one process writes at the most: queries that spell their values out would fill the ledger."""
REMEMBERED_BYTES = 8 * 1024 * 1024

_PHONE_NUMBER = re.compile(r"\d{7}|\+\d{1,3}[\d -]")
"""What may be one in a query's text: its plan holds the text's values, and all tenants' plans lie together."""


class Operations:
    """Answers operations; one object for the life of a process."""

    def __init__(self, plans: Plans, *, introspection: bool) -> None:
        self._plans = plans
        self._introspection = introspection
        self._stock: Stock | None = None
        self._known: Memory[str, Plan | None] = Memory(REMEMBERED_BYTES)
        self._kept = 0

    async def answer(self, params: Params, context: Context, *, read_only: bool) -> Result:
        """The result of one request; `read_only` refuses mutations.

        Raises:
            RefusedError: the document cannot be executed.
        """
        telemetry.note("operationHash", hashlib.sha256(params.query.encode(errors="surrogatepass")).hexdigest())
        digest = _digest(params)
        plan = self._known.recall(digest) or await self._kept_plan(digest)
        if plan is not None:
            _admit(plan.profile, params)
            answered = await _by_plan(plan, params, context)
            if answered is not None:
                telemetry.count("plan.run")
                return _result(answered, context)
        stock = self._stock or self._load()
        prepared = stock.prepared(params, read_only=read_only)
        _admit(prepared.profile(params.operation_name), params)
        async with self._learning(digest, params, stock) if plan is None else contextlib.nullcontext():
            return await stock.run(prepared, params, context)

    async def _kept_plan(self, digest: str) -> Plan | None:
        """The ledger's plan; only a process that would have to import graphql-core looks for it."""
        if self._stock is not None:
            return None
        body = await self._plans.get(digest)
        if body is None:
            return None
        try:
            plan = Plan.from_bytes(body)
        except (ValueError, LookupError, TypeError) as error:
            LOG.warning("a kept plan cannot be read, the query is planned anew: %s", error)
            return None
        self._known.remember(digest, plan, 4 * len(body))
        return plan

    @contextlib.asynccontextmanager
    async def _learning(self, digest: str, params: Params, stock: "Stock") -> AsyncIterator[None]:
        """Plan the query while it runs, and keep the plan here and in the ledger."""
        plan = stock.plan(params) if len(params.query) <= LONGEST_TEXT else None
        if plan is None:
            yield
            return
        body = plan.to_bytes()
        self._known.remember(digest, plan, 4 * len(body))
        self._kept += 1
        shared = self._kept <= MOST_KEPT and not _PHONE_NUMBER.search(params.query)
        keeping = asyncio.create_task(self._plans.keep(digest, body)) if shared else None
        try:
            yield
        finally:
            if keeping is not None:
                await keeping

    def _load(self) -> "Stock":
        """Import graphql-core and strawberry, now that they are needed, and keep the collector from looking at them."""
        gc.disable()
        try:
            from schema.execution.stock import Stock

            self._stock = Stock(introspection=self._introspection)
        finally:
            gc.freeze()
            gc.enable()
        telemetry.count("stock.loaded")
        return self._stock


async def _by_plan(plan: Plan, params: Params, context: Context) -> Answered | None:
    """What a plan comes to; None when the stock path has to answer, which then says what is wrong."""
    try:
        return await run(plan, params.variables, context)
    except Unplanned:
        return None
    except Exception:
        LOG.exception("a plan failed in request %s; answering without it", context.request_id)
        return None


def _admit(profile: Profile, params: Params) -> None:
    """Say what is asked for, and refuse what costs too much."""
    telemetry.note("operation", profile.name)
    telemetry.note("fields", profile.fields)
    telemetry.note("cost", profile.cost(params.variables))


def _result(answered: Answered, context: Context) -> Result:
    errors = [
        {
            "message": "",
            "locations": [{"line": line, "column": column} for line, column in failure.at],
            "path": list(failure.path),
            **described(failure.cause, context.request_id),
        }
        for failure in answered.failures
    ]
    return Result(answered.data, errors)


def _digest(params: Params) -> str:
    """What a plan depends on: this schema, this format of plans, the text and the operation's name."""
    text = f"{_schema_digest()}\0{params.operation_name or ''}\0{params.query}"
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


@cache
def _schema_digest() -> str:
    sdl = Path(__file__).parents[1].joinpath("schema.graphql").read_bytes()
    return hashlib.sha256(PLAN_FORMAT.encode() + sdl).hexdigest()
