"""Turns a valid query into a plan: plain data that says which resolvers to call and which attributes to read.

Flattened fragments, merged fields, leaves with the way they are written, all worked out once. A query that needs more
than that (directives, introspection, a mutation) has no plan and takes graphql-core's own path.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    Node,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_location,
    value_from_ast_untyped,
)
from graphql.pyutils import camel_to_snake

from schema.execution.arguments import ARGUMENTS, Unplanned
from schema.execution.documents import PreparedDocument
from schema.execution.plans import LEAVES, RESOLVERS, Field, Plan


def plan_of(prepared: PreparedDocument, operation_name: str | None, schema: GraphQLSchema) -> Plan | None:
    """The plan of an operation, or None when it has to take the stock path."""
    operation = prepared.operation(operation_name)
    if operation.operation is not OperationType.QUERY or schema.query_type is None:
        return None
    planning = _Planning(schema, prepared)
    try:
        fields = planning.fields(schema.query_type, [operation.selection_set])
        return Plan(_variables(operation), _never_null(operation), fields, prepared.profile(operation_name))
    except Unplanned:
        return None


@dataclass(frozen=True, slots=True)
class _Planning:
    schema: GraphQLSchema
    prepared: PreparedDocument

    def fields(self, parent: GraphQLObjectType, selections: Sequence[SelectionSetNode]) -> tuple[Field, ...]:
        """The fields of one object, merged by response key in the order in which they first appear."""
        merged: dict[str, list[FieldNode]] = {}
        for selection in selections:
            for node in self._flat(selection):
                merged.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
        return tuple(self._field(parent, key, nodes) for key, nodes in merged.items())

    def _field(self, parent: GraphQLObjectType, key: str, nodes: Sequence[FieldNode]) -> Field:
        name = nodes[0].name.value
        if name == "__typename":
            return Field(key, "", "const", const=parent.name)
        if name.startswith("__"):
            raise Unplanned(name)
        type_, nullable = _nullable(parent.fields[name].type)
        of_list = isinstance(type_, GraphQLList)
        if of_list:
            type_, item_nullable = _nullable(type_.of_type)
            if item_nullable:
                raise Unplanned(name)
        inner = type_ if isinstance(type_, GraphQLObjectType) else None
        return Field(
            key,
            camel_to_snake(name),
            "object" if inner else _leaf(type_),
            nullable=nullable,
            of_list=of_list,
            fields=self.fields(inner, [n.selection_set for n in nodes if n.selection_set]) if inner else (),
            signature=self._signature(parent, name),
            arguments={argument.name.value: _value(argument.value) for argument in nodes[0].arguments or ()},
            at=tuple(_place(node) for node in nodes),
        )

    def _signature(self, parent: GraphQLObjectType, name: str) -> str:
        """The field's name among the arguments that plans know; empty if it takes none."""
        root = parent is self.schema.query_type
        signature = name if root else f"{parent.name}.{name}"
        arguments = set(parent.fields[name].args)
        if (root and name not in RESOLVERS) or set(ARGUMENTS.get(signature, ())) != arguments:
            raise Unplanned(signature)
        return signature if arguments else ""

    def _flat(self, selection: SelectionSetNode) -> Iterator[FieldNode]:
        """A selection's fields with its fragments put in; every type is concrete, so every condition holds."""
        for node in selection.selections:
            _without_directives(node)
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self._flat(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                yield from self._flat(self._fragment(node.name.value))

    def _fragment(self, name: str) -> SelectionSetNode:
        for node in self.prepared.document.definitions:
            if isinstance(node, FragmentDefinitionNode) and node.name.value == name:
                return node.selection_set
        raise Unplanned(name)


def _variables(operation: OperationDefinitionNode) -> dict[str, list[Any] | None]:
    _without_directives(operation)
    declared: dict[str, list[Any] | None] = {}
    for node in operation.variable_definitions or ():
        _without_directives(node)
        default = node.default_value
        declared[node.variable.name.value] = None if default is None else [value_from_ast_untyped(default)]
    return declared


def _never_null(operation: OperationDefinitionNode) -> list[str]:
    declared = operation.variable_definitions or ()
    return [node.variable.name.value for node in declared if isinstance(node.type, NonNullTypeNode)]


def _nullable(type_: Any) -> tuple[Any, bool]:
    return (type_.of_type, False) if isinstance(type_, GraphQLNonNull) else (type_, True)


def _leaf(type_: Any) -> str:
    kind = "Enum" if isinstance(type_, GraphQLEnumType) else type_.name
    if kind not in LEAVES:
        raise Unplanned(kind)
    return str(kind)


def _without_directives(node: Node) -> None:
    if getattr(node, "directives", None):
        raise Unplanned("directives")


def _place(node: FieldNode) -> list[int]:
    if node.loc is None:
        raise Unplanned("a document without locations")
    return list(get_location(node.loc.source, node.loc.start))


def _value(node: ValueNode) -> list[Any]:
    """A literal as `["const", value]`, a variable as `["variable", name]`; one inside of a literal has no plan."""
    if isinstance(node, VariableNode):
        return ["variable", node.name.value]
    if node.loc is None or "$" in node.loc.source.body[node.loc.start : node.loc.end]:
        raise Unplanned("a variable inside of a literal")
    return ["const", value_from_ast_untyped(node)]
