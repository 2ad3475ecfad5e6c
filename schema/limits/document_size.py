"""What one query may ask for (README, "Limits"), measured on the parsed document before it is validated.

Fragments are followed, each once with its depth and figures remembered, so a bomb of fragments costs no more than its
text. What comes after may then follow them as often as they are spread.
"""

from dataclasses import dataclass, field, replace
from typing import cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from schema.errors import BadUserInput, TooComplex

TOKENS = 1_000
CHARACTERS = 20_000
"""Beside comments and white space; each is read one by one, those of a long string as well."""
DEPTH = 12
ROOT_FIELDS = 15
ALIASES = 30
DIRECTIVES = 50
DIRECTIVES_AT_ONE_PLACE = 5
PARTS = 1_000
"""Fields and spreads with every fragment put in: a thousand tokens can spell more of them than there are atoms."""

_INTROSPECTION = frozenset({"__schema", "__type"})


@dataclass(frozen=True, slots=True)
class DocumentSize:
    """What a selection comes to, fragments put in wherever they are spread; `parts` are its fields and spreads."""

    depth: int = 0
    parts: int = 0
    roots: int = 0
    aliases: int = 0
    directives: int = 0
    introspects: bool = False


def check(document: DocumentNode, *, introspection: bool) -> None:
    """Refuse a document that asks for more than one request may.

    Raises:
        TooComplex: it goes beyond a limit; the message says which.
        BadUserInput: it asks about the schema where that is switched off.
    """
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    measure = _Measure(fragments)
    for node in document.definitions:
        _directives(node)
        if isinstance(node, OperationDefinitionNode):
            size = measure.size(node.selection_set)
            if size.introspects and not introspection:
                raise BadUserInput("introspection is switched off")
            _refuse_beyond(replace(size, directives=size.directives + _directives(node)))


def _directives(node: Node) -> int:
    """How many directives stand at one place, in a row of no more than a few."""
    directives = len(getattr(node, "directives", None) or ())
    if directives > DIRECTIVES_AT_ONE_PLACE:
        raise TooComplex(f"the query has more than {DIRECTIVES_AT_ONE_PLACE} directives at one place")
    return directives


def _refuse_beyond(size: DocumentSize) -> None:
    for figure, limit, what in (
        (size.depth, DEPTH, "levels"),
        (size.parts, PARTS, "fields, its fragments put in"),
        (size.roots, ROOT_FIELDS, "root fields"),
        (size.aliases, ALIASES, "aliases"),
        (size.directives, DIRECTIVES, "directives"),
    ):
        if figure > limit:
            raise TooComplex(f"the query has more than {limit} {what}")


@dataclass(slots=True)
class _Measure:
    """Adds selections up; a fragment is measured once for the root and once for everywhere else."""

    fragments: dict[str, FragmentDefinitionNode]
    known: dict[tuple[str, bool], DocumentSize] = field(default_factory=dict)
    open: set[tuple[str, bool]] = field(default_factory=set)

    def size(self, selections: SelectionSetNode, *, top: bool = True) -> DocumentSize:
        """Add a selection set up; what is below the schema's introspection is exempt from depth."""
        sizes = [self._part(node, top=top) for node in selections.selections]
        return DocumentSize(
            max((size.depth for size in sizes), default=0),
            sum(size.parts for size in sizes),
            sum(size.roots for size in sizes),
            sum(size.aliases for size in sizes),
            sum(size.directives for size in sizes) + sum(map(_directives, selections.selections)),
            any(size.introspects for size in sizes),
        )

    def _part(self, node: SelectionNode, *, top: bool) -> DocumentSize:
        if isinstance(node, FieldNode):
            return self._field(node, top=top)
        if isinstance(node, InlineFragmentNode):
            inner = self.size(node.selection_set, top=top)
        else:
            inner = self._spread(cast("FragmentSpreadNode", node).name.value, top=top)
        return replace(inner, parts=inner.parts + 1)

    def _field(self, node: FieldNode, *, top: bool) -> DocumentSize:
        inner = self.size(node.selection_set, top=False) if node.selection_set else DocumentSize()
        about_schema = top and node.name.value in _INTROSPECTION
        return DocumentSize(
            1 if about_schema else 1 + inner.depth,
            1 + inner.parts,
            int(top),
            inner.aliases + (node.alias is not None),
            inner.directives,
            about_schema or inner.introspects,
        )

    def _spread(self, name: str, *, top: bool) -> DocumentSize:
        """A fragment; validation refuses one that spreads itself, here it is only not followed for ever."""
        key = (name, top)
        if key in self.open or name not in self.fragments:
            return DocumentSize()
        if key not in self.known:
            self.open.add(key)
            self.known[key] = self.size(self.fragments[name].selection_set, top=top)
            self.open.discard(key)
        return self.known[key]
