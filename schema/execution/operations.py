"""From a GraphQL request's parameters to its result: one way for every operation.

graphql-core on the printed schema (`bound_schema`), with lists completed by columns (`list_executor`). Documents are
parsed, checked, validated and prepared once, and remembered (`documents`, `prepared_operations`).
"""

import hashlib
from inspect import isawaitable
from typing import Any, cast

from graphql import ExecutionResult, GraphQLError, default_field_resolver, default_type_resolver
from graphql.execution.values import VariableValues

from runtime import telemetry
from schema.errors import MutationByGet, error_entry
from schema.execution.bound_schema import bound_schema
from schema.execution.documents import Documents
from schema.execution.list_executor import ListExecutor
from schema.execution.messages import Params, Result
from schema.execution.prepared_operations import PreparedOperation
from schema.limits.cost import OperationCost
from schema.resolvers.context import Context


class Operations:
    """Executes operations; one object for the life of a process."""

    def __init__(self, *, introspection: bool) -> None:
        self._introspection = introspection
        self._schema = bound_schema(described=False)
        self._documents = Documents(self._schema, introspection=introspection)

    async def answer(self, params: Params, context: Context, *, read_only: bool) -> Result:
        """The result of one request; the root fields of a query run at the same time.

        Args:
            params: the request's document, operation name and variables.
            context: the caller, the ledger and what the response may still hold.
            read_only: refuse mutations.

        Raises:
            RefusedError: the document cannot be executed, or not by this method, or costs too much.
        """
        telemetry.note("operationHash", hashlib.sha256(params.query.encode(errors="surrogatepass")).hexdigest())
        operation = self._documents.prepare(params.query).operation(params.operation_name)
        context.changes = operation.is_mutation
        if context.changes and read_only:
            raise MutationByGet("a mutation has to be sent by POST")
        _note(operation.cost, params)
        variables = operation.variables(params.variables, hide_suggestions=not self._introspection)
        if isinstance(variables, list):
            return _result(ExecutionResult(None, variables), context.request_id)
        return _result(await self._execute(operation, variables, context), context.request_id)

    async def _execute(
        self, operation: PreparedOperation, variables: VariableValues, context: Context
    ) -> ExecutionResult:
        """What graphql-core's `execute` does, with what the operation's requests have in common prepared."""
        executor = ListExecutor(
            schema=bound_schema() if operation.introspects else self._schema,
            fragment_definitions=operation.fragment_definitions,
            fragments=operation.fragments,
            root_value=None,
            context_value=context,
            operation=operation.node,
            variable_values=variables,
            field_resolver=default_field_resolver,
            type_resolver=default_type_resolver,
            subscribe_field_resolver=default_field_resolver,
            hide_suggestions=not self._introspection,
            selections=operation.selections,
        )
        try:
            result = executor.execute_operation()
            return cast("ExecutionResult", await result if isawaitable(result) else result)
        finally:
            # It refers back to the executor: with it, all of a request would wait for the garbage collector.
            del executor.async_helpers


def _note(cost: OperationCost, params: Params) -> None:
    """Note for the log what a request asks for, and refuse one that costs too much."""
    telemetry.note_all({"operation": cost.name, "fields": cost.fields})
    telemetry.note("cost", cost.cells(params.variables))


def _result(result: ExecutionResult, request_id: str) -> Result:
    errors = result.errors or []
    refused = result.data is None and bool(errors) and all(error.path is None for error in errors)
    return Result(result.data, [error_of(error, request_id) for error in errors], executed=not refused)


def error_of(error: GraphQLError, request_id: str) -> dict[str, Any]:
    """An error in the form of the response; one of graphql-core's own is about the caller's input."""
    formatted: dict[str, Any] = dict(error.formatted)
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError):
        extensions = {**(error.extensions or {}), "requestId": request_id, "code": "BAD_USER_INPUT"}
        return {**formatted, "extensions": extensions}
    return {**formatted, **error_entry(cause, request_id)}
