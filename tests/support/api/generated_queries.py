"""Queries that a frontend might send, drawn from the schema: fragments, aliases, directives, variables, slips."""

import json
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    get_named_type,
)
from hypothesis import strategies as st

from schema.execution.stock import GRAPHQL

FROM, TO = "2019-11-01T00:00:00Z", "2019-11-04T00:00:00Z"
INSTANTS = (FROM, "2019-11-01T10:30:00Z", "2019-11-02T00:00:00+02:00", "2019-11-03T23:59:59Z", TO)
DAYS = ("2019-11-05", "2019-11-14", "2019-12-03")

ENUMS = ("SUCCESS", "FAILED", "JSON", "XLSX", "DAY", "HOUR", "NETWORK", "OUTCOME", "CURRENCY")

ARGUMENTS: dict[str, dict[str, tuple[str, tuple[Any, ...]]]] = {
    "reports": {
        "from": ("Date!", (*DAYS, "2019-13-01")),
        "to": ("Date!", DAYS),
        "format": ("ReportFormat", ("JSON", "XLSX", None)),
        "first": ("Int", (1, 3, 100, 0, None)),
        "after": ("String", ("garbage", None)),
    },
    "creditLog": {
        "from": ("DateTime!", (*INSTANTS, "2019-11-01T00:00:00")),
        "to": ("DateTime!", INSTANTS),
        "brand": ("String", ("MyBrand", 'quo"ted', None)),
        "where": (
            "CreditLogFilter",
            (
                {"outcome": ["SUCCESS", "FAILED"]},
                {"network": ["O2"], "minAmount": "1.5"},
                {"currency": "GBP", "maxAmount": 5},
                {"msisdn": "447700900001"},
                {},
                None,
            ),
        ),
        "first": ("Int", (1, 7, 100, 10_000, 10_001, None)),
        "after": ("String", ("garbage", None)),
    },
    "creditOutcome": {
        "from": ("DateTime!", INSTANTS),
        "to": ("DateTime!", INSTANTS),
        "brand": ("String", ("MyBrand", None)),
    },
    "summary": {"by": ("[CreditLogKey!]!", (["DAY"], ["HOUR", "NETWORK"], "OUTCOME", [], ["CURRENCY", "DAY"]))},
    "archiveUrl": {"expiresIn": ("Int", (0, None))},
}


@dataclass
class Drawn:
    """A document in the making."""

    draw: Any
    variables: dict[str, tuple[str, Any, bool]] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)

    def chance(self, percent: int) -> bool:
        return bool(self.draw(st.integers(0, 99)) >= 100 - percent)

    def arguments(self, name: str, definition: GraphQLField) -> str:
        given = []
        for argument, (type_, values) in ARGUMENTS.get(name, {}).items():
            if argument not in definition.args or (not type_.endswith("!") and self.chance(60)):
                continue
            value = self.draw(st.sampled_from(values))
            given.append(f"{argument}: {self.variable(type_, value) if self.chance(50) else literal(value)}")
        return f"({', '.join(given)})" if given else ""

    def variable(self, type_: str, value: Any) -> str:
        name = f"v{len(self.variables)}"
        if not type_.endswith("!") and self.chance(15):
            type_ += "!"  # an operation may ask for more than the field does
        self.variables[name] = (type_, value, self.chance(15))
        return f"${name}"

    def selection(self, parent: GraphQLObjectType, depth: int) -> str:
        names = self.draw(st.lists(st.sampled_from(sorted(parent.fields)), min_size=1, max_size=5))
        return "{ " + " ".join([self.field(parent, name, depth) for name in names] + self.extras(parent, depth)) + " }"

    def extras(self, parent: GraphQLObjectType, depth: int) -> list[str]:
        extra = ["__typename"] if self.chance(15) else []
        if self.chance(15) and depth < 5:
            extra.append(f"... on {parent.name} {self.selection(parent, depth + 1)}")
        if self.chance(15) and depth < 5:
            name = f"F{len(self.fragments)}"
            self.fragments.append("")
            self.fragments[int(name[1:])] = f"fragment {name} on {parent.name} {self.selection(parent, depth + 1)}"
            extra.append(f"...{name}")
        return extra

    def field(self, parent: GraphQLObjectType, name: str, depth: int) -> str:
        definition = parent.fields[name]
        inner = get_named_type(definition.type)
        arguments = self.arguments(name, definition)
        # Two places may ask for one key only with the same arguments, so what takes arguments gets a key of its own.
        unique = len(self.aliases)
        alias = f"a{unique}: " if arguments or self.chance(10) else ""
        self.aliases.append(name)
        directive = f" @include(if: {self.variable('Boolean!', self.chance(50))})" if self.chance(1) else ""
        below = self.selection(inner, depth + 1) if isinstance(inner, GraphQLObjectType) else ""
        return f"{alias}{name}{arguments}{directive} {below}"


@st.composite
def queries(draw: Any) -> tuple[str, dict[str, Any]]:
    """A query's text and its variables."""
    drawn = Drawn(draw)
    query = GRAPHQL.query_type
    assert query is not None
    roots = draw(st.lists(st.sampled_from(["reports", "creditLog", "creditOutcome"]), min_size=1, max_size=3))
    body = " ".join(drawn.field(query, name, 0) for name in roots)
    declared = ", ".join(
        f"${name}: {type_}{f' = {literal(value)}' if default and value is not None else ''}"
        for name, (type_, value, default) in drawn.variables.items()
    )
    text = f"query Q{f'({declared})' if declared else ''} {{ {body} }} {' '.join(drawn.fragments)}"
    return text, {name: value for name, (_, value, default) in drawn.variables.items() if not default}


def literal(value: Any) -> str:
    """A value in GraphQL's own notation."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return value if value in ENUMS else json.dumps(value)
