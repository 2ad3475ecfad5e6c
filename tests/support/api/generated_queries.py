"""Operations that a frontend might send, drawn from the schema: fragments, aliases, directives, variables, slips."""

import json
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
)
from hypothesis import strategies as st

from schema.execution.bound_schema import bound_schema
from schema.resolvers.relay.node_ids import encode

SCHEMA = bound_schema()
NODE_ID = encode("CreditLogEntry", "2019-11-02T12:00:00Z", str(2**64 - 1), None)
Selectable = GraphQLObjectType | GraphQLInterfaceType
FROM, TO = "2019-11-01T00:00:00Z", "2019-11-04T00:00:00Z"
INSTANTS = (FROM, "2019-11-01T10:30:00Z", "2019-11-02T00:00:00+02:00", "2019-11-03T23:59:59Z", TO)
DAYS = ("2019-11-05", "2019-11-14", "2019-12-03")

ENUMS = frozenset(
    {"OLDEST_FIRST", "NEWEST_FIRST", "SUCCESS", "FAILED", "JSON", "XLSX", "CSV", "JSONL"}
    | {"HOUR", "DAY", "WEEK", "MONTH", "NETWORK", "OUTCOME", "AMOUNT", "CURRENCY"}
)

VALUES: dict[str, dict[str, tuple[Any, ...]]] = {
    "reports": {
        "from": (*DAYS, "2019-13-01"),
        "to": DAYS,
        "format": ("JSON", "XLSX", None),
        "first": (1, 3, 100, 0, None),
        "after": ("garbage", None),
    },
    "creditLog": {
        "from": (*INSTANTS, "2019-11-01T00:00:00"),
        "to": INSTANTS,
        "brand": ("MyBrand", 'quo"ted', None),
        "where": (
            {"outcome": ["SUCCESS", "FAILED"]},
            {"outcome": "SUCCESS", "network": ["O2", "Three"]},
            {"network": ["O2"], "minAmount": "1.5"},
            {"currency": "GBP", "maxAmount": 5},
            {"msisdn": "447700900001"},
            {"minAmount": "a lot"},
            {"creditId": str(2**64 - 1)},
            {"msisdn": "+44 7700 900001"},
            {},
            None,
        ),
        "order": ("OLDEST_FIRST", "NEWEST_FIRST"),
        "first": (1, 7, 100, 10_000, 10_001, None),
        "after": ("garbage", None),
    },
    "creditOutcome": {"from": INSTANTS, "to": INSTANTS, "brand": ("MyBrand", None)},
    "creditReconciliation": {"from": INSTANTS, "to": INSTANTS, "brand": ("MyBrand", None)},
    "node": {"id": ("nothing", "WyJDcmVkaXRMb2dFbnRyeSJd", NODE_ID, NODE_ID[:-4])},
    "creditLogExport": {"id": ("nothing", 7, "0" * 32)},
    "summary": {
        "by": (["DAY"], ["HOUR", "NETWORK"], "OUTCOME", [], ["CURRENCY", "WEEK"], ["MONTH", "AMOUNT"]),
        "timeZone": ("UTC", "Europe/London", "Asia/Kolkata", "nowhere"),
        "fill": (True, False),
    },
    "archiveUrl": {"expiresIn": (0, None)},
    "exportCreditLog": {
        "input": (
            {"from": FROM, "to": TO},
            {"from": FROM, "to": TO, "format": "JSONL", "brand": "MyBrand"},
            {"from": FROM, "to": TO, "order": "NEWEST_FIRST", "where": {"network": ["O2"], "minAmount": "1"}},
            {"from": TO, "to": FROM},
            {"from": FROM, "to": TO, "brand": None, "format": None},
        )
    },
    "scheduleReport": {
        "input": (
            {"name": "r", "format": "JSON", "startDate": FROM, "endDate": TO, "idempotencyKey": "one"},
            {"name": "", "format": "CSV", "startDate": FROM, "endDate": TO, "idempotencyKey": "two"},
            {"name": "r", "format": "CSV", "startDate": TO, "endDate": FROM, "customizationName": None},
            {"name": "other", "format": "JSON", "startDate": FROM, "endDate": TO, "idempotencyKey": "one"},
        )
    },
}
"""Values for arguments by field; some of them are slips."""


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
        for argument, values in VALUES.get(name, {}).items():
            if argument not in definition.args:
                continue  # another field of that name, such as an edge's node
            type_ = definition.args[argument].type
            if required(definition.args[argument]) or self.chance(40):
                given.append(f"{argument}: {self.value(type_, self.draw(st.sampled_from(values)))}")
        return f"({', '.join(given)})" if given else ""

    def value(self, type_: GraphQLInputType, value: Any) -> str:
        """A value as a variable, or as a literal that may hold variables."""
        if self.chance(40):
            return self.variable(str(type_), value)
        inner = get_nullable_type(type_)
        if isinstance(inner, GraphQLInputObjectType) and isinstance(value, dict):
            fields = [f"{name}: {self.value(inner.fields[name].type, item)}" for name, item in value.items()]
            return "{" + ", ".join(fields) + "}"
        return literal(value)

    def variable(self, type_: str, value: Any) -> str:
        name = f"v{len(self.variables)}"
        if not type_.endswith("!") and self.chance(15):
            type_ += "!"  # an operation may ask for more than the field does
        self.variables[name] = (type_, value, self.chance(15))
        return f"${name}"

    def selection(self, parent: Selectable, depth: int) -> str:
        names = self.draw(st.lists(st.sampled_from(sorted(parent.fields)), min_size=1, max_size=5))
        return "{ " + " ".join([self.field(parent, name, depth) for name in names] + self.extras(parent, depth)) + " }"

    def extras(self, parent: Selectable, depth: int) -> list[str]:
        extra = ["__typename"] if self.chance(15) else []
        if parent.name == "Node":
            entry = SCHEMA.type_map["CreditLogEntry"]
            assert isinstance(entry, GraphQLObjectType)
            extra.append(f"... on CreditLogEntry {self.selection(entry, depth + 1)}")
        if self.chance(15) and depth < 5:
            extra.append(f"... on {parent.name} {self.directive()} {self.selection(parent, depth + 1)}")
        if self.chance(15) and depth < 5:
            name = f"F{len(self.fragments)}"
            self.fragments.append("")
            self.fragments[int(name[1:])] = f"fragment {name} on {parent.name} {self.selection(parent, depth + 1)}"
            extra.append(f"...{name} {self.directive()}")
        return extra

    def directive(self) -> str:
        if not self.chance(10):
            return ""
        return f"@{self.draw(st.sampled_from(['include', 'skip']))}(if: {self.variable('Boolean!', self.chance(50))})"

    def field(self, parent: Selectable, name: str, depth: int) -> str:
        definition = parent.fields[name]
        inner = get_named_type(definition.type)
        arguments = self.arguments(name, definition)
        # Two places may ask for one key only with the same arguments, so what takes arguments gets a key of its own.
        unique = len(self.aliases)
        alias = f"a{unique}: " if arguments or self.chance(10) else ""
        self.aliases.append(name)
        below = self.selection(inner, depth + 1) if isinstance(inner, Selectable) else ""
        return f"{alias}{name}{arguments} {self.directive()} {below}"

    def operation(self, kind: str, root: GraphQLObjectType | None, names: list[str]) -> tuple[str, dict[str, Any]]:
        """The whole document, and its variables."""
        assert root is not None
        body = " ".join(self.field(root, name, 0) for name in names)
        declared = ", ".join(
            f"${name}: {type_}{f' = {literal(value)}' if default and value is not None else ''}"
            for name, (type_, value, default) in self.variables.items()
        )
        text = f"{kind} Q{f'({declared})' if declared else ''} {{ {body} }} {' '.join(self.fragments)}"
        return text, {name: value for name, (_, value, default) in self.variables.items() if not default}


@st.composite
def queries(draw: Any) -> tuple[str, dict[str, Any]]:
    """A query's text and its variables."""
    names = ["reports", "creditLog", "creditLog", "creditOutcome", "creditReconciliation", "creditLogExport", "node"]
    roots = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3))
    return Drawn(draw).operation("query", SCHEMA.query_type, roots)


@st.composite
def mutations(draw: Any) -> tuple[str, dict[str, Any]]:
    """A mutation's text and its variables."""
    names = ["scheduleReport", "exportCreditLog"]
    roots = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2))
    return Drawn(draw).operation("mutation", SCHEMA.mutation_type, roots)


def required(argument: GraphQLArgument | GraphQLInputField) -> bool:
    return str(argument.type).endswith("!")


def literal(value: Any) -> str:
    """A value in GraphQL's own notation."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return value if isinstance(value, str) and value in ENUMS else json.dumps(value)
