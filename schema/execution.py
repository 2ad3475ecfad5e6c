"""Executes a prepared document on graphql-core: strawberry's schema, without strawberry's per-request machinery.

Its extensions, parser and result wrappers cost more than all resolvers of a small query; nothing of them is used here.
"""

from collections.abc import Mapping
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLSchema, execute

from schema.context import Context
from schema.documents import Prepared
from schema.root import SCHEMA

GRAPHQL: GraphQLSchema = SCHEMA._schema  # noqa: SLF001 - strawberry has no public name for it; a test holds it


async def run(
    prepared: Prepared, variables: Mapping[str, Any] | None, operation_name: str | None, context: Context
) -> ExecutionResult:
    """The result of one operation; the root fields of a query run at the same time."""
    result = execute(
        GRAPHQL,
        prepared.document,
        context_value=context,
        variable_values=dict(variables or {}),
        operation_name=operation_name,
    )
    return await result if isawaitable(result) else result
