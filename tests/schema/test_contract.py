"""The schema that is checked in is the one that is served, and it keeps what frontends rely on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
    find_breaking_changes,
    is_specified_scalar_type,
    parse,
    print_ast,
)

from schema.types.sdl import sdl
from tests.support.repository import ROOT

CHECKED_IN = ROOT / "schema" / "schema.graphql"
CONTRACT = Path(__file__).with_name("contract.graphql")


@pytest.fixture
def contract() -> GraphQLSchema:
    return build_schema(CONTRACT.read_text())


@pytest.fixture
def served() -> GraphQLSchema:
    return build_schema(CHECKED_IN.read_text())


def test_the_checked_in_schema_is_the_one_that_is_served() -> None:
    assert CHECKED_IN.read_text() == sdl(), "it is old: make schema"


def test_nothing_that_frontends_rely_on_is_broken(contract: GraphQLSchema, served: GraphQLSchema) -> None:
    assert [change.description for change in find_breaking_changes(contract, served)] == []


def test_names_types_nullability_and_defaults_are_exactly_the_contract(
    contract: GraphQLSchema, served: GraphQLSchema
) -> None:
    """Also what breaks no client today: a root field that stops being nullable takes the others' data along."""
    promised = [type_ for type_ in contract.type_map.values() if not is_built_in(type_)]
    missing = {line for type_ in promised for line in spelled(type_) - spelled(served.type_map.get(type_.name))}
    assert missing == set()


def test_an_input_asks_for_no_more_than_the_contract(contract: GraphQLSchema, served: GraphQLSchema) -> None:
    for name, type_ in contract.type_map.items():
        added = set(inputs_of(served.type_map[name])) - set(inputs_of(type_))
        assert not any(str(inputs_of(served.type_map[name])[field].type).endswith("!") for field in added)


def test_everything_has_a_description(served: GraphQLSchema) -> None:
    ours = [type_ for type_ in served.type_map.values() if not is_built_in(type_)]
    bare = [name for type_ in ours for name, described in parts_of(type_) if not described]
    assert bare == []
    assert served.description


def test_every_scalar_of_ours_names_its_specification(served: GraphQLSchema) -> None:
    scalars = [type_ for type_ in served.type_map.values() if isinstance(type_, GraphQLScalarType)]
    ours = [scalar for scalar in scalars if not is_specified_scalar_type(scalar)]
    assert {scalar.name for scalar in ours} == {"Date", "DateTime", "Decimal"}
    assert all(scalar.specified_by_url for scalar in ours)


def parts_of(type_: GraphQLNamedType) -> Iterator[tuple[str, str | None]]:
    """A type and its fields, arguments and values by name, with their descriptions."""
    yield type_.name, type_.description
    for name, value in getattr(type_, "values", getattr(type_, "fields", {})).items():
        yield f"{type_.name}.{name}", value.description
        for argument, definition in getattr(value, "args", {}).items():
            yield f"{type_.name}.{name}({argument}:)", definition.description


def test_the_contract_itself_is_written_as_the_printer_writes_it() -> None:
    text = CONTRACT.read_text()
    comment, _, rest = text.partition("\n\n")
    assert comment.startswith("#")
    assert rest == print_ast(parse(text)) + "\n"


def is_built_in(type_: GraphQLNamedType) -> bool:
    return type_.name.startswith("__") or is_specified_scalar_type(type_)


def inputs_of(type_: GraphQLNamedType) -> dict[str, GraphQLInputField]:
    return type_.fields if isinstance(type_, GraphQLInputObjectType) else {}


def spelled(type_: GraphQLNamedType | None) -> set[str]:
    """Everything that a type promises, a line each."""
    if type_ is None:
        return set()
    lines = {f"{type(type_).__name__} {type_.name}"}
    if isinstance(type_, GraphQLEnumType):
        lines |= {f"{type_.name}.{value}" for value in type_.values}
    for name, given in inputs_of(type_).items():
        lines.add(f"{type_.name}.{name}: {argument(given)}")
    if isinstance(type_, GraphQLObjectType):
        for name, field in type_.fields.items():
            lines.add(f"{type_.name}.{name}: {field.type}")
            lines |= {f"{type_.name}.{name}({key}: {argument(arg)})" for key, arg in field.args.items()}
    return lines


def argument(given: GraphQLArgument | GraphQLInputField) -> str:
    node = given.ast_node
    default = node.default_value if node else None
    return f"{given.type} = {print_ast(default)}" if default else str(given.type)
