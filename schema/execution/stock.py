"""The stock path: any operation, on strawberry's schema and graphql-core, without strawberry's per-request machinery.

Strawberry's extensions, parser and result wrappers cost more than all resolvers of a small query; nothing of them is
used. Importing this module imports both libraries, most of a cold start: `schema.operations` does so when it has to.
"""

from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, execute

from schema.errors import MutationByGet, described
from schema.execution.documents import Documents, PreparedDocument
from schema.execution.messages import Params, Result
from schema.execution.planning import plan_of
from schema.execution.plans import Plan
from schema.resolvers.context import Context
from schema.types.root import SCHEMA

GRAPHQL: GraphQLSchema = SCHEMA._schema  # noqa: SLF001 - strawberry has no public name for it; a test holds it


class Stock:
    """graphql-core on our schema."""

    def __init__(self, *, introspection: bool) -> None:
        self._documents = Documents(GRAPHQL, introspection=introspection)

    def prepared(self, params: Params, *, read_only: bool) -> PreparedDocument:
        """The document to execute.

        Raises:
            RefusedError: it cannot be executed, or not by this method.
        """
        prepared = self._documents.prepare(params.query)
        if prepared.mutates(params.operation_name) and read_only:
            raise MutationByGet("a mutation has to be sent by POST")
        return prepared

    def plan(self, params: Params) -> Plan | None:
        """The operation's plan, if it can have one."""
        return plan_of(self._documents.prepare(params.query), params.operation_name, GRAPHQL)

    async def run(self, prepared: PreparedDocument, params: Params, context: Context) -> Result:
        """Execute one operation; the root fields of a query run at the same time."""
        context.changes = prepared.mutates(params.operation_name)
        result = execute(
            GRAPHQL,
            prepared.document,
            context_value=context,
            variable_values=dict(params.variables),
            operation_name=params.operation_name,
            hide_suggestions=not self._documents.introspection,
        )
        return _result(await result if isawaitable(result) else result, context.request_id)


def _result(result: ExecutionResult, request_id: str) -> Result:
    errors = result.errors or []
    refused = result.data is None and bool(errors) and all(error.path is None for error in errors)
    return Result(result.data, [error_of(error, request_id) for error in errors], executed=not refused)


def error_of(error: GraphQLError, request_id: str, code: str = "BAD_USER_INPUT") -> dict[str, Any]:
    """One of graphql-core's errors in the form of the response; `code` is for errors of its own."""
    formatted: dict[str, Any] = dict(error.formatted)
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError):
        extensions = {**(error.extensions or {}), "requestId": request_id, "code": code}
        return {**formatted, "extensions": extensions}
    return {**formatted, **described(cause, request_id)}
