"""From a query's text to a document that may be executed: parsed, within the limits and valid.

Limits come before validation, because some validation rules take quadratic time over what the limits refuse. Documents
are remembered by their text, refusals too.
"""

import re
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    Node,
    ObjectFieldNode,
    OperationDefinitionNode,
    ValueNode,
    VariableDefinitionNode,
    Visitor,
    parse,
    validate,
    visit,
)

from runtime.memory import Memory
from schema.errors import BadUserInput, Invalid, ParseFailed, RefusedError, TooComplex
from schema.execution.prepared_operations import PreparedOperation
from schema.limits.document_size import CHARACTERS, TOKENS, check
from schema.limits.repetition import without_repetitions

CACHE_BYTES = 32 * 1024 * 1024
REMEMBERED_TEXT = 10_000
BYTES_A_CHARACTER = 100
"""Memory that a document takes for each character of its text."""
MOST_ERRORS = 20
LONG_TEXT = 1_000
"""From this length on, repeated selections are left out before validation."""

_COMMENT = re.compile("#.*")
_NO_SPACE = str.maketrans("", "", " \t\r\n,")


class PreparedDocument:
    """A valid document."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._document = document
        self._operations: dict[str | None, PreparedOperation] = {}

    def operation(self, name: str | None) -> PreparedOperation:
        """The operation to execute, prepared at its first request.

        Raises:
            BadUserInput: no operation has that name, or there are several and no name was given.
        """
        known = self._operations.get(name)
        if known is None:
            known = PreparedOperation(self._schema, self._document, self._node(name))
            self._operations[name] = known
        return known

    def _node(self, name: str | None) -> OperationDefinitionNode:
        nodes = [node for node in self._document.definitions if isinstance(node, OperationDefinitionNode)]
        if name is None and len(nodes) == 1:
            return nodes[0]
        if name is None:
            raise BadUserInput("the document has several operations: name one in operationName")
        named = next((node for node in nodes if node.name and node.name.value == name), None)
        if named is None:
            raise BadUserInput("the document has no operation of that name")
        return named


class Documents:
    """Prepares documents for one schema; the most recently used are remembered."""

    def __init__(self, schema: GraphQLSchema, *, introspection: bool) -> None:
        self._schema = schema
        self.introspection = introspection
        self._known: Memory[str, PreparedDocument | RefusedError] = Memory(CACHE_BYTES)

    def prepare(self, text: str) -> PreparedDocument:
        """A document for a text.

        Raises:
            ParseFailed: the text is not GraphQL.
            TooComplex: it exceeds a limit.
            Invalid: it does not fit the schema.
        """
        known = self._known.recall(text)
        if known is None:
            known = self._prepare(text)
            if len(text) <= REMEMBERED_TEXT:
                self._known.remember(text, known, (1 + len(text)) * BYTES_A_CHARACTER)
        if isinstance(known, Exception):
            raise known.with_traceback(None)
        return known

    def _prepare(self, text: str) -> PreparedDocument | RefusedError:
        if len(text) > CHARACTERS and len(_COMMENT.sub("", text).translate(_NO_SPACE)) > CHARACTERS:
            return TooComplex(
                f"the document has more than {CHARACTERS} characters not counting comments and white space"
            )
        try:
            document = parse(text, max_lexical_tokens=TOKENS, allow_empty_selection_sets=False)
            check(document, introspection=self.introspection)
        except GraphQLSyntaxError as error:
            if f"more than {TOKENS} tokens" in error.message:
                return TooComplex(f"the document has more than {TOKENS} tokens")
            if "nested too deeply" in error.message:
                return TooComplex("the document is nested too deeply")
            return ParseFailed(error.message)
        except RefusedError as refused:
            return refused
        errors = validate(
            self._schema,
            without_repetitions(document, text) if len(text) > LONG_TEXT else document,
            max_errors=MOST_ERRORS,
            hide_suggestions=not self.introspection,
        )
        return (
            Invalid([_described(error, document) for error in errors])
            if errors
            else PreparedDocument(self._schema, document)
        )


def _described(error: GraphQLError, document: DocumentNode) -> dict[str, Any]:
    """A validation error as the response shows it; one about a literal says which argument it was written for."""
    formatted: dict[str, Any] = dict(error.formatted)
    node = error.nodes[0] if error.nodes else None
    if isinstance(node, ValueNode) and node.loc is not None:
        names = _ArgumentFinder.path_to(node.loc.start, document)
        formatted["message"] = f"{'.'.join(names)}: {error.message}"
    return formatted


class _ArgumentFinder(Visitor):
    """Collects the names of the argument, input fields or variable around one offset in a document."""

    def __init__(self, offset: int) -> None:
        super().__init__()
        self._offset = offset
        self.names: list[str] = []

    @classmethod
    def path_to(cls, offset: int, document: DocumentNode) -> list[str]:
        finder = cls(offset)
        visit(document, finder)
        return finder.names

    def enter_argument(self, node: ArgumentNode, *_: object) -> None:
        self._enter(node, node.name.value)

    def enter_object_field(self, node: ObjectFieldNode, *_: object) -> None:
        self._enter(node, node.name.value)

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: object) -> None:
        self._enter(node, f"${node.variable.name.value}")

    def _enter(self, node: Node, name: str) -> None:
        if node.loc is not None and node.loc.start <= self._offset < node.loc.end:
            self.names.append(name)
