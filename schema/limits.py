"""What one query may ask for (design.md §2, "HTTP"), measured on the parsed document before it is validated.

Fragments are followed, each once with its depth and figures remembered, so a bomb of fragments costs no more than its
text.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from schema.errors import BadUserInput, TooComplex

BODY_BYTES = 100_000
TOKENS = 1_000
DEPTH = 12
ROOT_FIELDS = 15
ALIASES = 30
DIRECTIVES = 50

_INTROSPECTION = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class Size:
    """What a selection comes to, fragments included."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0


def check(document: DocumentNode, *, introspection: bool) -> None:
    """Refuse a document that asks for more than one request may.

    Raises:
        TooComplex: it goes beyond a limit; the message says which.
        BadUserInput: it asks about the schema where that is switched off.
    """
    measure = _Measure(document)
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            if not introspection and measure.asks_about_schema(node.selection_set):
                raise BadUserInput("introspection is switched off")
            _refuse_beyond(measure.size(node.selection_set), len(node.directives or ()))
            roots = measure.roots(node.selection_set)
            if roots > ROOT_FIELDS:
                raise TooComplex(f"the query has more than {ROOT_FIELDS} root fields")


def _refuse_beyond(size: Size, directives: int) -> None:
    for figure, limit, what in (
        (size.depth, DEPTH, "levels"),
        (size.aliases, ALIASES, "aliases"),
        (size.directives + directives, DIRECTIVES, "directives"),
    ):
        if figure > limit:
            raise TooComplex(f"the query has more than {limit} {what}")


@dataclass(slots=True)
class _Measure:
    document: DocumentNode
    known: dict[str, Size] = field(default_factory=dict)
    open: set[str] = field(default_factory=set)

    @property
    def fragments(self) -> dict[str, FragmentDefinitionNode]:
        """The document's fragments by name."""
        return {node.name.value: node for node in self.document.definitions if isinstance(node, FragmentDefinitionNode)}

    def size(self, selections: SelectionSetNode, *, top: bool = True) -> Size:
        """Add a selection set up; the introspection of the schema is exempt from depth."""
        depth = aliases = directives = fields = 0
        for node in selections.selections:
            directives += len(node.directives or ())
            inner = Size()
            if isinstance(node, FieldNode):
                fields += 1
                aliases += node.alias is not None
                if node.selection_set is not None:
                    inner = self.size(node.selection_set, top=False)
                exempt = top and node.name.value in _INTROSPECTION
                depth = max(depth, 1 + (0 if exempt else inner.depth))
            else:
                inner = self.fragment(node, top=top)
                depth = max(depth, inner.depth)
            aliases += inner.aliases
            directives += inner.directives
            fields += inner.fields
        return Size(depth, fields, aliases, directives)

    def fragment(self, node: InlineFragmentNode | FragmentSpreadNode | object, *, top: bool) -> Size:
        """Add a fragment up; validation refuses one that spreads itself, here it is only not followed for ever."""
        if isinstance(node, InlineFragmentNode):
            return self.size(node.selection_set, top=top)
        if not isinstance(node, FragmentSpreadNode) or node.name.value in self.open:
            return Size()
        name = node.name.value
        if name not in self.known and (fragment := self.fragments.get(name)):
            self.open.add(name)
            self.known[name] = self.size(fragment.selection_set, top=top)
            self.open.discard(name)
        return self.known.get(name, Size())

    def roots(self, selections: SelectionSetNode) -> int:
        """How many fields an operation has at its root, fragments followed."""
        return sum(1 for _ in self._root_fields(selections, frozenset()))

    def asks_about_schema(self, selections: SelectionSetNode) -> bool:
        """Whether an operation asks for `__schema` or `__type`."""
        return any(node.name.value in _INTROSPECTION for node in self._root_fields(selections, frozenset()))

    def _root_fields(self, selections: SelectionSetNode, seen: frozenset[str]) -> Iterator[FieldNode]:
        for node in selections.selections:
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from self._root_fields(node.selection_set, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                fragment = self.fragments.get(node.name.value)
                if fragment is not None:
                    yield from self._root_fields(fragment.selection_set, seen | {node.name.value})
