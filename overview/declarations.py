"""Prints `operations.d.ts`, what each query takes and answers, by the schema: `python -m overview.declarations`.

The page's code is checked against it by `tsc`, so a change of the schema breaks the check and not the page. A query
that does not fit the schema is refused here.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    build_schema,
    get_named_type,
    is_composite_type,
    is_object_type,
    is_required_input_field,
    parse,
    type_from_ast,
    validate,
)

HERE = Path(__file__).parent
QUERIES = HERE / "queries"
SCHEMA = HERE.parent / "schema" / "schema.graphql"
DECLARATIONS = HERE / "operations.d.ts"
HEADER = "// Printed by `make schema` from schema.graphql and the queries: each query's variables and answer."
NUMBERS = {"Int": "number", "Float": "number", "Boolean": "boolean"}
"""Scalars that are not text in JSON; Decimal, Date and DateTime are."""


type Inputs = dict[str, GraphQLInputObjectType]


class InvalidQueryError(Exception):
    """A query does not fit the schema; the message names it and says why."""


def declarations(schema: GraphQLSchema, queries: Mapping[str, str]) -> str:
    """The declarations for query texts by the name of their file.

    Raises:
        InvalidQueryError: one of them does not fit the schema.
    """
    inputs: Inputs = {}
    lines, table = [HEADER, ""], []
    for name, text in sorted(queries.items()):
        document = parse(text)
        if errors := validate(schema, document):
            raise InvalidQueryError(f"{name}: {errors[0].message}")
        declared = _Declared(schema, document, inputs)
        lines.extend(declared.lines())
        table.append(f"{name.removesuffix('.graphql')}: [{declared.name}Variables, {declared.name}];")
    by_file = "export interface Queries { " + " ".join(table) + " }"
    return "\n".join([*lines, *_inputs(inputs), "", by_file]) + "\n"


class _Declared:
    """What the operation of a document takes and answers."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, inputs: Inputs) -> None:
        self._schema = schema
        self._document = document
        self._inputs = inputs
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }

        (self._operation,) = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
        self.name = self._operation.name.value if self._operation.name else ""

    def lines(self) -> Iterator[str]:
        root = self._schema.get_root_type(self._operation.operation)
        yield f"export interface {self.name}Variables {self._variables(self._operation)}"
        yield f"export interface {self.name} {self._object(root, [self._operation.selection_set])}"  # type: ignore[arg-type]  # validated
        yield ""

    def _variables(self, operation: OperationDefinitionNode) -> str:
        parts = []
        for definition in operation.variable_definitions or ():
            kind = type_from_ast(self._schema, definition.type)
            optional = "" if isinstance(kind, GraphQLNonNull) and not definition.default_value else "?"
            parts.append(f"{definition.variable.name.value}{optional}: {_input(kind, self._inputs)};")  # type: ignore[arg-type]  # validated
        return "{ " + " ".join(parts) + " }"

    def _object(self, kind: GraphQLOutputType, selections: list[SelectionSetNode]) -> str:
        fields: dict[str, list[FieldNode]] = {}
        narrowed: dict[str, bool] = {}
        for selection in selections:
            for node, certain in self._flat(selection):
                key = node.alias.value if node.alias else node.name.value
                fields.setdefault(key, []).append(node)
                narrowed[key] = narrowed.get(key, False) or certain
        parts = []
        for key, nodes in fields.items():
            of = self._field_type(kind, nodes[0])
            parts.append(f"{key}{'' if narrowed[key] else '?'}: {self._output(of, nodes)};")
        return "{ " + " ".join(parts) + " }"

    def _field_type(self, kind: GraphQLOutputType, node: FieldNode) -> GraphQLOutputType:
        """The type of a field, also of one that only some object of an interface has."""
        candidates = [kind, *self._schema.get_possible_types(kind)] if not is_object_type(kind) else [kind]  # type: ignore[arg-type]  # composite
        return next(of.fields[node.name.value].type for of in candidates if node.name.value in of.fields)  # type: ignore[union-attr,no-any-return]  # composite

    def _flat(self, selection: SelectionSetNode, *, certain: bool = True) -> Iterator[tuple[FieldNode, bool]]:
        """The fields of a selection, and whether an answer always has them."""
        for node in selection.selections:
            is_certain = certain and not node.directives
            if isinstance(node, FieldNode):
                yield node, is_certain
            elif isinstance(node, InlineFragmentNode):
                yield from self._flat(node.selection_set, certain=is_certain and node.type_condition is None)
            else:
                yield from self._flat(self._fragments[node.name.value].selection_set, certain=is_certain)  # type: ignore[attr-defined]  # a spread

    def _output(self, kind: GraphQLOutputType, nodes: list[FieldNode], *, nullable: bool = True) -> str:
        if isinstance(kind, GraphQLNonNull):
            return self._output(kind.of_type, nodes, nullable=False)
        if isinstance(kind, GraphQLList):
            written = f"{_bracketed(self._output(kind.of_type, nodes))}[]"
        elif is_composite_type(kind):
            written = self._object(kind, [node.selection_set for node in nodes if node.selection_set])
        else:
            written = _leaf(kind)
        return f"{written} | null" if nullable else written


def _input(kind: GraphQLInputType, inputs: Inputs, *, nullable: bool = True) -> str:
    if isinstance(kind, GraphQLNonNull):
        return _input(kind.of_type, inputs, nullable=False)
    if isinstance(kind, GraphQLList):
        written = f"{_bracketed(_input(kind.of_type, inputs))}[]"
    elif isinstance(kind, GraphQLInputObjectType):
        inputs[kind.name] = kind
        written = kind.name
    else:
        written = _leaf(kind)
    return f"{written} | null" if nullable else written


def _inputs(inputs: Inputs) -> Iterator[str]:
    """The input types that variables name, and those that these name in turn."""
    written: dict[str, str] = {}
    while waiting := inputs.keys() - written.keys():
        kind = inputs[min(waiting)]
        parts = [
            f"{field}{'' if is_required_input_field(of) else '?'}: {_input(of.type, inputs)};"
            for field, of in kind.fields.items()
        ]
        written[kind.name] = f"export interface {kind.name} {{ {' '.join(parts)} }}"
    yield from (written[name] for name in sorted(written))


def _leaf(kind: object) -> str:
    named = get_named_type(kind)  # type: ignore[call-overload]  # a scalar or an enum
    if isinstance(named, GraphQLEnumType):
        return " | ".join(f'"{value}"' for value in named.values)
    return NUMBERS.get(named.name, "string")


def _bracketed(written: str) -> str:
    return f"({written})" if "|" in written and not written.startswith("{") else written


if __name__ == "__main__":
    texts = {path.name: path.read_text(encoding="utf-8") for path in QUERIES.glob("*.graphql")}
    sys.stdout.write(declarations(build_schema(SCHEMA.read_text(encoding="utf-8")), texts))
