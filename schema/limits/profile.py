"""What the limits and the log want to know of an operation: its name, its root fields, and what it may cost.

Worked out once from the document (`schema.weighing`) and kept with its plan, so that a known query is weighed without
graphql-core: a multiplication for each list it asks for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from schema.errors import TooComplex

MOST_CELLS = 250_000
"""Two pages of 10,000 rows with every field pass, or one with edges as well; three do not."""
ROW = 2
"""What a row costs beside its fields: it is read, ordered and begun whatever is asked of it."""


@dataclass(frozen=True, slots=True)
class RowLimit:
    """How many rows a list field asks for: by a variable where there is one, else `usual`; never more than `most`."""

    variable: str | None
    usual: int
    most: int

    def asked(self, variables: Mapping[str, Any]) -> int:
        """The rows, by the request's variables; what is no number is refused elsewhere, and counts as usual."""
        value = variables.get(self.variable, self.usual) if self.variable else self.usual
        number = value if isinstance(value, int | float) else self.usual
        return int(max(0, min(number, self.most)))


@dataclass(frozen=True, slots=True)
class Weight:
    """One root field: `once` cells for the answer, and `each` for every row."""

    once: int
    each: int = 0
    rows: RowLimit | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """One operation. Names in it are the client's, but for the root fields."""

    name: str | None
    fields: Sequence[str]
    weights: Sequence[Weight]

    @classmethod
    def of(cls, value: dict[str, Any]) -> Self:
        """A profile from JSON."""
        weights = [
            Weight(item["once"], item["each"], RowLimit(**item["rows"]) if item["rows"] else None)
            for item in value["weights"]
        ]
        return cls(value["name"], value["fields"], weights)

    def cost(self, variables: Mapping[str, Any]) -> int:
        """How many cells a request asks for at the most.

        Raises:
            TooComplex: more than one request may.
        """
        cells = sum(
            weight.once + (weight.each * weight.rows.asked(variables) if weight.rows else 0) for weight in self.weights
        )
        if cells > MOST_CELLS:
            raise TooComplex(
                f"the query asks for {cells} cells (rows times fields), and {MOST_CELLS} is the most:"
                " ask for less by first, or use exportCreditLog"
            )
        return cells
