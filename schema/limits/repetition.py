"""A document without repeated selections, for validation only.

Two selections in one place that are spelled alike select the same thing once. Validation compares every pair of them
and gives up after some hundreds: without this step a query within our limits would be refused, after a long wait.
"""

from graphql import DocumentNode, SelectionNode, SelectionSetNode, Visitor, visit


def without_repetitions(document: DocumentNode, text: str) -> DocumentNode:
    """The document parsed from `text` with each selection once in its place; valid exactly if the whole is valid."""
    shortened: DocumentNode = visit(document, _RepetitionRemover(text))
    return shortened


class _RepetitionRemover(Visitor):
    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def enter_selection_set(self, node: SelectionSetNode, *_: object) -> SelectionSetNode | None:
        by_spelling: dict[str, SelectionNode] = {}
        for selection in node.selections:
            by_spelling.setdefault(self._spelling(selection), selection)
        if len(by_spelling) == len(node.selections):
            return None
        return SelectionSetNode(selections=tuple(by_spelling.values()), loc=node.loc)

    def _spelling(self, selection: SelectionNode) -> str:
        if selection.loc is None:
            raise ValueError("the document was parsed without locations")
        return self._text[selection.loc.start : selection.loc.end]
