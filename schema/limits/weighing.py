"""Works out an operation's profile from its document: which lists it asks for, and how much of each row.

Fields are merged by response key as execution merges them, so a query that is put together from fragments weighs what
it answers, not what it spells. What `@skip` or `@include` may leave out counts.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

from schema.limits.arguments import LARGEST_PAGE
from schema.limits.profile import ROW, Profile, RowLimit, Weight

LISTS = {"creditLog": RowLimit(None, 100, LARGEST_PAGE), "reports": RowLimit(None, 1_000, 1_000)}
"""Root fields that answer pages. A listing of reports is what the vendor has, rarely more than a few dozen."""
REPEATED = frozenset({"nodes", "edges"})
SUMMARY = 500
"""What a summary counts for: it reads figures, not rows."""


@dataclass(frozen=True, slots=True)
class Weigher:
    """Weighs the operations of one document."""

    fragments: dict[str, FragmentDefinitionNode]

    def profile(self, operation: OperationDefinitionNode) -> Profile:
        """The operation's profile."""
        roots = self._merged([operation.selection_set])
        defaults = {
            node.variable.name.value: node.default_value.value
            for node in operation.variable_definitions or ()
            if isinstance(node.default_value, IntValueNode)
        }
        return Profile(
            operation.name.value if operation.name else None,
            tuple(nodes[0].name.value for nodes in roots),
            tuple(self._weight(nodes, defaults) for nodes in roots),
        )

    def _weight(self, nodes: Sequence[FieldNode], defaults: dict[str, str]) -> Weight:
        once, each = 1, 0
        for inner in self._below(nodes):
            name = inner[0].name.value
            if name in REPEATED:
                each += ROW + self._cells(inner)
            else:
                once += SUMMARY if name == "summary" else 1 + self._cells(inner)
        listed = LISTS.get(nodes[0].name.value)
        if listed is None:
            return Weight(once + each)
        return Weight(once, each, _rows(nodes[0], listed, defaults))

    def _cells(self, nodes: Sequence[FieldNode]) -> int:
        """The fields below, however deep."""
        return sum(1 + self._cells(inner) for inner in self._below(nodes))

    def _below(self, nodes: Iterable[FieldNode]) -> list[list[FieldNode]]:
        return self._merged([node.selection_set for node in nodes if node.selection_set])

    def _merged(self, selections: Iterable[SelectionSetNode]) -> list[list[FieldNode]]:
        """The fields of one object, those with one response key together."""
        merged: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for selection in selections:
            for node in self._flat(selection, seen):
                merged.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
        return list(merged.values())

    def _flat(self, selection: SelectionSetNode, seen: set[str]) -> Iterator[FieldNode]:
        """A selection's fields with its fragments put in, each fragment once, as execution does."""
        for node in selection.selections:
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self._flat(node.selection_set, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                yield from self._flat(self.fragments[node.name.value].selection_set, seen)


def _rows(node: FieldNode, listed: RowLimit, defaults: dict[str, str]) -> RowLimit:
    """The rows of one list; only an `Int`'s default is read as a number, an `ID`'s may have any digits."""
    value = next((argument.value for argument in node.arguments or () if argument.name.value == "first"), None)
    if isinstance(value, IntValueNode):
        return RowLimit(None, int(value.value), listed.most)
    if isinstance(value, VariableNode):
        name = value.name.value
        return RowLimit(name, int(defaults.get(name, listed.usual)), listed.most)
    return listed
