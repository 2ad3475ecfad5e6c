"""How large a query may be (README, "Limits"), measured on the parsed document before it is validated.

Each fragment is measured once and its figures are reused, so a bomb of fragments costs no more than its text. Within
these limits, validation and execution may follow fragments as often as they are spread.
"""

from typing import NamedTuple, cast

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
"""Not counting comments and white space. The lexer walks character by character, also through long strings."""
DEPTH = 12
ROOT_FIELDS = 15
ALIASES = 30
DIRECTIVES = 50
DIRECTIVES_AT_ONE_PLACE = 5
PARTS = 1_000
"""Fields and spreads with every fragment expanded: a thousand tokens can spell an astronomical number of them."""

_INTROSPECTION = frozenset({"__schema", "__type"})


class DocumentSize(NamedTuple):
    """The size of a selection with its fragments expanded; `parts` counts fields and spreads."""

    depth: int = 0
    parts: int = 0
    roots: int = 0
    aliases: int = 0
    directives: int = 0
    introspects: bool = False


def check(document: DocumentNode, *, introspection: bool) -> None:
    """Check a document against the limits.

    Raises:
        TooComplex: it exceeds a limit; the message says which.
        BadUserInput: it queries the schema while introspection is off.
    """
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    measure = _Measure(fragments)
    for node in document.definitions:
        _directives(node)
        if isinstance(node, OperationDefinitionNode):
            size = measure.size(node.selection_set)
            if size.introspects and not introspection:
                raise BadUserInput("introspection is switched off")
            _refuse_beyond(size._replace(directives=size.directives + _directives(node)))


def _directives(node: Node) -> int:
    """Number of directives on one node.

    Raises:
        TooComplex: more than DIRECTIVES_AT_ONE_PLACE.
    """
    directives = len(getattr(node, "directives", None) or ())
    if directives > DIRECTIVES_AT_ONE_PLACE:
        raise TooComplex(f"the query has more than {DIRECTIVES_AT_ONE_PLACE} directives at one place")
    return directives


def _refuse_beyond(size: DocumentSize) -> None:
    for figure, limit, what in (
        (size.depth, DEPTH, "levels"),
        (size.parts, PARTS, "fields, fragments expanded"),
        (size.roots, ROOT_FIELDS, "root fields"),
        (size.aliases, ALIASES, "aliases"),
        (size.directives, DIRECTIVES, "directives"),
    ):
        if figure > limit:
            raise TooComplex(f"the query has more than {limit} {what}")


class _Measure:
    """Measures selections; a fragment is measured once at the root and once anywhere below it."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[tuple[str, bool], DocumentSize] = {}
        self._open: set[tuple[str, bool]] = set()

    def size(self, selections: SelectionSetNode, *, top: bool = True) -> DocumentSize:
        """The size of a selection set; introspection is exempt from the depth limit."""
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
        return inner._replace(parts=inner.parts + 1)

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
        """The size of a fragment; one that spreads itself counts once here, and validation refuses it."""
        key = (name, top)
        if key in self._open or name not in self._fragments:
            return DocumentSize()
        if key not in self._known:
            self._open.add(key)
            self._known[key] = self.size(self._fragments[name].selection_set, top=top)
            self._open.discard(key)
        return self._known[key]
