"""From a GraphQL request's parameters to its result: one way for every operation.

graphql-core on the printed schema (`bound_schema`), with lists completed by columns (`list_executor`). Documents are
parsed, checked and validated once and remembered (`documents`).
"""

import hashlib
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError, execute

from runtime import telemetry
from schema.errors import MutationByGet, error_entry
from schema.execution.bound_schema import bound_schema
from schema.execution.documents import Documents
from schema.execution.list_executor import ListExecutor
from schema.execution.messages import Params, Result
from schema.limits.cost import OperationCost
from schema.resolvers.context import Context


class Operations:
    """Executes operations; one object for the life of a process."""

    def __init__(self, *, introspection: bool) -> None:
        self._introspection = introspection
        self._schema = bound_schema()
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
        prepared = self._documents.prepare(params.query)
        context.changes = prepared.mutates(params.operation_name)
        if context.changes and read_only:
            raise MutationByGet("a mutation has to be sent by POST")
        _note(prepared.cost(params.operation_name), params)
        result = execute(
            self._schema,
            prepared.document,
            context_value=context,
            variable_values=params.variables,
            operation_name=params.operation_name,
            executor_class=ListExecutor,
            hide_suggestions=not self._introspection,
        )
        return _result(await result if isawaitable(result) else result, context.request_id)


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
