"""The printed schema with resolvers bound to it: what a function executes, without importing Strawberry.

The schema is written in Strawberry (`schema.types`) and printed to `schema.graphql`. Building it from the print takes
4 ms; importing Strawberry and its schema takes as long as graphql-core itself (docs/decisions/printed-schema.md).
Descriptions are half of the print, and only introspection shows them: without them it is built in half the time.
"""

import keyword
import os
import re
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, cast

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
)
from graphql.pyutils import camel_to_snake

from schema.execution.scalars import SCALARS
from schema.execution.selected_names import selected_names
from schema.resolvers.context import Context
from schema.resolvers.fields import MUTATIONS, QUERIES, RootField

SDL = os.path.join(os.path.dirname(__file__), "..", "schema.graphql")  # noqa: PTH118, PTH120 - pathlib takes 3 ms to import
_DESCRIPTIONS = re.compile(r'"""(?:[^"]|"(?!""))*"""')
ATTRIBUTE = "attribute"
"""Key in a field's `extensions`: the attribute of the source object that holds the field's value."""


@cache
def bound_schema(*, described: bool = True) -> GraphQLSchema:
    """The schema that is ready to execute, one for the process; `tests/schema` compares it with the written one.

    Without its descriptions it executes every operation but introspection.
    """
    with open(SDL, encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes 3 ms to import
        sdl = file.read()
    schema = build_schema(sdl if described else _DESCRIPTIONS.sub("", sdl), assume_valid=True, no_location=True)
    roots = {"Query": QUERIES, "Mutation": MUTATIONS}
    for name, type_ in schema.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(type_, GraphQLObjectType):
            _bind_object(type_, roots.get(name, {}))
        elif isinstance(type_, GraphQLInterfaceType):
            type_.resolve_type = _type_of
        elif isinstance(type_, GraphQLInputObjectType):
            _name_arguments(type_.fields)
        elif isinstance(type_, GraphQLEnumType):
            _bind_enum(type_)
        elif isinstance(type_, GraphQLScalarType) and name in SCALARS:
            _bind_scalar(type_)
    return schema


def attribute_of(source: object, name: str) -> object:
    """A field's value: an attribute of the source object, called where it has to be computed."""
    value = getattr(source, name)
    return value() if callable(value) else value


def _type_of(value: Any, *_: object) -> str:
    """The name of the GraphQL type of a value behind an interface."""
    return str(value.graphql_type)


def _bind_object(type_: GraphQLObjectType, root_fields: dict[str, RootField]) -> None:
    for name, field in type_.fields.items():
        _name_arguments(field.args)
        attribute = camel_to_snake(name)
        if attribute in root_fields:
            field.resolve = _root_resolver(root_fields[attribute])
        else:
            _bind_attribute(field, attribute)


def _root_resolver(root_field: RootField) -> Callable[..., Any]:
    def resolve(_root: None, info: GraphQLResolveInfo[Context], **arguments: Any) -> Any:
        if root_field.looks_ahead:
            arguments["selected"] = selected_names(info)
        return root_field.resolve(info.context, **arguments)

    return resolve


def _bind_attribute(field: GraphQLField, attribute: str) -> None:
    def resolve(source: object, _info: GraphQLResolveInfo[Context], **arguments: Any) -> Any:
        value = getattr(source, attribute)
        return value(**arguments) if callable(value) else value

    field.resolve = resolve
    if not field.args:
        field.extensions[ATTRIBUTE] = attribute


def _name_arguments(arguments: dict[str, GraphQLArgument] | dict[str, GraphQLInputField]) -> None:
    """Have arguments passed under their Python names: `minAmount` as `min_amount`, `from` as `from_`."""
    for name, argument in arguments.items():
        argument.out_name = f"{name}_" if keyword.iskeyword(name) else camel_to_snake(name)


def _bind_enum(type_: GraphQLEnumType) -> None:
    """Write a member of a Python enum by its name; in arguments a value is its name already."""
    bound = cast("Any", type_)  # graphql-core types what may be set as methods
    bound.serialize = bound.coerce_output_value = attrgetter("name")


def _bind_scalar(type_: GraphQLScalarType) -> None:
    scalar, bound = SCALARS[type_.name], cast("Any", type_)
    bound.serialize = bound.coerce_output_value = scalar.serialize
    bound.parse_value = bound.coerce_input_value = scalar.parse_value
    bound.parse_literal = scalar.parse_literal
