"""What an operation may cost, in cells (rows times fields), worked out before anything is read.

The shape is worked out once for a document: fields are merged by response key as execution merges them, so a query that
is put together from fragments costs what it answers, not what it spells. What `@skip` or `@include` may leave out
counts. A request's variables then say how many rows and how many filtered days it asks for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    value_from_ast_untyped,
)

from schema.errors import TooComplex
from schema.limits.arguments import DEFAULT_PAGE, LARGEST_PAGE, LARGEST_PREVIEW, LONGEST_DAYS, PREVIEW_ROWS
from schema.scalar_values import parse_date_time

MOST_CELLS = 250_000
"""Two pages of 10,000 rows with every field pass, or one with edges as well; three do not."""
ROW = 2
"""Fixed cost of a row: reading, sorting and opening it, whatever fields are selected."""
SUMMARY = 500
"""A summary reads figures, not rows."""
FILTERED_DAY = 300
"""A filter reads every row of its period, whatever the page shows: two filtered years pass, three do not."""


FILE = 50
"""Opening what is known of one report's file: a read from S3."""
FILTERED_FILE = 2_000
"""A filter may read all rows of a report's file."""


class PageSize(NamedTuple):
    """How many rows a list field answers when `first` does not say, and at most."""

    usual: int
    most: int


LISTS = {"creditLog": PageSize(DEFAULT_PAGE, LARGEST_PAGE), "reports": PageSize(1_000, 1_000)}
"""Root fields that answer pages. A listing of reports is what the vendor has, rarely more than a few dozen."""
REPEATED = frozenset({"nodes", "edges"})
FILE_LISTS = {"preview": PageSize(PREVIEW_ROWS, LARGEST_PREVIEW), "rows": PageSize(DEFAULT_PAGE, LARGEST_PAGE)}
"""Fields of a report that answer rows of its file; how many columns these have is not known here."""
WITH_FILES = PageSize(50, 1_000)
"""Reports whose files are opened: as few as a listing usually has, unless `first` says more. How many a request opens
in the end is limited in `schema.resolvers.reports.contents`."""
WITH_REPORTS = frozenset({"reports", "node", "scheduledReport", "scheduleReport"})
"""Root fields below which there are reports."""


class FileCost(NamedTuple):
    """A field that answers rows of a report's file; `repeated`: once for each row of the root field's page."""

    page: PageSize
    arguments: Mapping[str, ValueNode]
    repeated: bool

    def cells(self, variables: Mapping[str, Any]) -> int:
        """The cells of one report's rows."""
        arguments = _Arguments(self.arguments, variables)
        return FILE + _rows(arguments["first"], self.page) + FILTERED_FILE * bool(arguments["where"])


class FieldCost(NamedTuple):
    """One root field: `once` cells for the answer, `each` for every row, and the arguments that decide the rest."""

    once: int
    each: int
    page: PageSize | None
    arguments: Mapping[str, ValueNode]
    files: Sequence[FileCost] = ()

    def cells(self, variables: Mapping[str, Any]) -> int:
        """The cells that a request with these variables asks for, at most."""
        once = self.once + sum(file.cells(variables) for file in self.files if not file.repeated)
        each_file = sum(file.cells(variables) for file in self.files if file.repeated)
        if self.page is None:
            return once + self.each + each_file
        arguments = _Arguments(self.arguments, variables)
        rows, files = _rows(arguments["first"], self.page), _rows(arguments["first"], WITH_FILES)
        return once + self.each * rows + each_file * files + FILTERED_DAY * _filtered_days(arguments)


class OperationCost(NamedTuple):
    """One operation, for the limits and the log; `name` is the client's text, `fields` are root fields."""

    name: str | None
    fields: Sequence[str]
    parts: Sequence[FieldCost]
    defaults: Mapping[str, Any]

    def cells(self, variables: Mapping[str, Any]) -> int:
        """How many cells a request asks for, at most.

        Raises:
            TooComplex: more than one request may.
        """
        values = {**self.defaults, **variables}
        cells = sum(part.cells(values) for part in self.parts)
        if cells > MOST_CELLS:
            raise TooComplex(
                f"the query asks for {cells} cells (rows times fields, {FILTERED_DAY} a day that a filter reads),"
                f" and {MOST_CELLS} is the most: ask for less by first or a shorter period, or use exportCreditLog"
            )
        return cells


class CostReader(NamedTuple):
    """Reads the costs of one document's operations."""

    fragments: Mapping[str, FragmentDefinitionNode]

    def cost(self, operation: OperationDefinitionNode) -> OperationCost:
        """An operation's cost, but for its variables."""
        roots = self._merged([operation.selection_set])
        return OperationCost(
            operation.name.value if operation.name else None,
            tuple(nodes[0].name.value for nodes in roots),
            tuple(self._field(nodes) for nodes in roots),
            {
                node.variable.name.value: value_from_ast_untyped(node.default_value)
                for node in operation.variable_definitions or ()
                if node.default_value
            },
        )

    def _field(self, nodes: Sequence[FieldNode]) -> FieldCost:
        once, each, files = 1, 0, list[FileCost]()
        for inner in self._below(nodes):
            name = inner[0].name.value
            if nodes[0].name.value in WITH_REPORTS:
                files += self._files(inner, repeated=name in REPEATED)
            if name in REPEATED:
                each += ROW + self._cells(inner)
            else:
                once += SUMMARY if name == "summary" else 1 + self._cells(inner)
        arguments = {argument.name.value: argument.value for argument in nodes[0].arguments or ()}
        return FieldCost(once, each, LISTS.get(nodes[0].name.value), arguments, tuple(files))

    def _files(self, nodes: Sequence[FieldNode], *, repeated: bool) -> Iterator[FileCost]:
        """The fields at and below these that answer rows of a report's file."""
        page = FILE_LISTS.get(nodes[0].name.value)
        if page is not None:
            arguments = {argument.name.value: argument.value for argument in nodes[0].arguments or ()}
            yield FileCost(page, arguments, repeated)
            return
        for inner in self._below(nodes):
            yield from self._files(inner, repeated=repeated)

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


class _Arguments:
    """A field's arguments as plain values, read when they are looked at; None for one that is not given."""

    def __init__(self, arguments: Mapping[str, ValueNode], variables: Mapping[str, Any]) -> None:
        self._arguments = arguments
        self._variables = variables

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - any JSON value
        node = self._arguments.get(name)
        if isinstance(node, VariableNode):
            return self._variables.get(node.name.value)
        return None if node is None else value_from_ast_untyped(node, {**self._variables})


def _rows(first: object, page: PageSize) -> int:
    """The rows of one page; a `first` that is not a number is refused elsewhere, and counts as the usual page."""
    number = first if isinstance(first, int | float) else page.usual
    return int(max(0, min(number, page.most)))


def _filtered_days(arguments: _Arguments) -> int:
    """The days that a filter has to read; 0 without one, and for a period that is refused elsewhere."""
    where = arguments["where"]
    if not isinstance(where, dict) or all(condition is None for condition in where.values()):
        return 0
    try:
        period = parse_date_time(arguments["to"]) - parse_date_time(arguments["from"])
    except ValueError:
        return 0
    return max(0, min(period.days + 1, LONGEST_DAYS))
