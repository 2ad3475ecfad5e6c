"""The fields of each selection of an operation, collected once.

graphql-core collects them again for each request and knows a selection by the identity of its list of field nodes. Here
the lists of the first request stay, so that later requests of the same operation find what was collected for it.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Any, NamedTuple

from graphql import GraphQLObjectType, GraphQLOutputType
from graphql.execution.collect_fields import CollectedFields, FieldDetails

type FieldDetailsList = list[FieldDetails]
type SelectionPlace = tuple[GraphQLObjectType, int]
"""An object's type, and the identity of the list of the field nodes that select it."""


class SelectedField(NamedTuple):
    """One field of plain objects: its key in the response, its attribute (None: `__typename`), its type and nodes."""

    key: str
    attribute: str | None
    type: GraphQLOutputType
    details: FieldDetailsList


class SelectedFields:
    """The selected fields of plain objects."""

    def __init__(self, columns: list[SelectedField]) -> None:
        self.columns = columns
        self.keys = tuple([column.key for column in columns])
        self.attributes = [column.attribute for column in columns if column.attribute is not None]
        self._read = attrgetter(*self.attributes) if self.attributes else None

    def values(self, items: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """The values of each column that has an attribute, without a Python call for an item.

        Raises:
            AttributeError: an item is not such an object.
        """
        if self._read is None:
            return iter(())
        read = list(map(self._read, items))
        return iter((read,)) if len(self.attributes) == 1 else zip(*read, strict=True)

    def objects(self, columns: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        """The objects of a list, from one column for each selected field."""
        rows = zip(*columns, strict=True)
        write = DISPLAYS.get(len(self.keys))
        return write(rows, *self.keys) if write else list(map(dict, map(zip, repeat(self.keys), rows)))


DISPLAYS: dict[int, Callable[..., list[dict[str, Any]]]] = {
    1: lambda rows, p: [{p: a} for (a,) in rows],
    2: lambda rows, p, q: [{p: a, q: b} for a, b in rows],
    3: lambda rows, p, q, r: [{p: a, q: b, r: c} for a, b, c in rows],
    4: lambda rows, p, q, r, s: [{p: a, q: b, r: c, s: d} for a, b, c, d in rows],
    5: lambda rows, p, q, r, s, t: [{p: a, q: b, r: c, s: d, t: e} for a, b, c, d, e in rows],
    6: lambda rows, p, q, r, s, t, u: [{p: a, q: b, r: c, s: d, t: e, u: f} for a, b, c, d, e, f in rows],
}
"""Objects by their number of fields: a display takes a third of the time of `dict(zip(keys, row))`."""


class Selections:
    """What was collected by place; the lists of field nodes are kept, so that no other list gets their identity."""

    def __init__(self) -> None:
        self.root_fields: dict[str, FieldDetailsList] | None = None
        self.collected: dict[SelectionPlace, tuple[FieldDetailsList, CollectedFields]] = {}
        self.columns: dict[SelectionPlace, tuple[FieldDetailsList, SelectedFields]] = {}
