"""A GraphQL request's parameters and its result, as plain values; HTTP's own are in `schema.http.requests`."""

from typing import Any


class Params:
    """A GraphQL request's parameters; `document_id` names a persisted query. Its repr shows no text and no values."""

    __slots__ = ("document_id", "extensions", "operation_name", "query", "variables")

    def __init__(
        self,
        query: str,
        operation_name: str | None = None,
        variables: dict[str, Any] | None = None,
        extensions: dict[str, Any] | None = None,
        document_id: str | None = None,
    ) -> None:
        self.query = query
        self.operation_name = operation_name
        self.variables = variables or {}
        self.extensions = extensions or {}
        self.document_id = document_id


class Result:
    """A GraphQL result; one that was not `executed` was refused before execution and has no data entry."""

    __slots__ = ("data", "errors", "executed")

    def __init__(
        self, data: dict[str, Any] | None, errors: list[dict[str, Any]] | None = None, *, executed: bool = True
    ) -> None:
        self.data = data
        self.errors = errors or []
        self.executed = executed
