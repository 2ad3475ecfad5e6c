"""Which fields of an object a query selects, for a resolver that reads ahead by it."""

from collections.abc import Iterator, Mapping

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, GraphQLResolveInfo, SelectionSetNode

from schema.resolvers.context import Context


def selected_names(info: GraphQLResolveInfo[Context]) -> frozenset[str]:
    """The names of the fields directly below the one that is resolved, those that a directive leaves out included."""
    below = (node.selection_set for node in info.field_nodes if node.selection_set)
    return frozenset(name for selection in below for name in _names(selection, info.fragments))


def _names(selection: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> Iterator[str]:
    for node in selection.selections:
        if isinstance(node, FieldNode):
            yield node.name.value
        elif isinstance(node, FragmentSpreadNode):
            yield from _names(fragments[node.name.value].selection_set, fragments)
        else:
            yield from _names(node.selection_set, fragments)  # type: ignore[attr-defined]  # an inline fragment
