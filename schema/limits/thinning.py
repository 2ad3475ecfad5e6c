"""A document with one of the selections that are spelled alike in one place, for validation only.

Two such selections say no more than one of them, and always merge. Validation compares every pair, and gives up at some
hundreds: a query within our limits would be refused for that, and late.
"""

from graphql import DocumentNode, SelectionNode, SelectionSetNode, Visitor, visit


def thinned(document: DocumentNode, text: str) -> DocumentNode:
    """The document of a text; what is left of it is valid if, and only if, the whole is."""
    thin: DocumentNode = visit(document, _Thin(text))
    return thin


class _Thin(Visitor):
    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def enter_selection_set(self, node: SelectionSetNode, *_: object) -> SelectionSetNode | None:
        one_each: dict[str, SelectionNode] = {}
        for selection in node.selections:
            one_each.setdefault(self._spelled(selection), selection)
        if len(one_each) == len(node.selections):
            return None
        return SelectionSetNode(selections=tuple(one_each.values()), loc=node.loc)

    def _spelled(self, selection: SelectionNode) -> str:
        if selection.loc is None:
            raise ValueError("the document was parsed without locations")
        return self._text[selection.loc.start : selection.loc.end]
