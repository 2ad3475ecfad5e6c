"""Measured values, and the page that shows them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.contenders.programs import TEXTBOOK

Cells = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit that must be reached, and perhaps a better one to aim for after it."""

    what: str
    unit: str
    figure: float
    must: float
    then: float | None = None
    at_most: bool = True

    def __post_init__(self) -> None:
        if self.then is not None and (self.then > self.must if self.at_most else self.then < self.must):
            raise ValueError(f"{self.what}: the second limit is easier than the first")

    @property
    def cells(self) -> Cells:
        """The goal's line: what, measured, must, then, verdict."""
        sign = "≤" if self.at_most else "≥"
        then = f"{sign} {self.then:g}{self.unit}" if self.then is not None else "-"
        return self.what, f"{number(self.figure)}{self.unit}", f"{sign} {self.must:g}{self.unit}", then, self._verdict

    @property
    def _verdict(self) -> str:
        if not self._reaches(self.must):
            return "**missed**"
        return "beyond" if self.then is not None and self._reaches(self.then) else "met"

    def _reaches(self, limit: float) -> bool:
        return self.figure <= limit if self.at_most else self.figure >= limit


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the page: what it shows, how it was measured, its goals, and what could not be measured."""

    title: str
    method: str
    head: Cells
    rows: Sequence[Cells]
    goals: Sequence[Goal] = ()
    missing: Sequence[str] = ()


@dataclass(slots=True)
class Timings:
    """Rounds of several contenders; the figure that counts is the median."""

    rounds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, figure: float) -> None:
        """Add one round's figure."""
        self.rounds.setdefault(name, []).append(figure)

    def median(self, name: str) -> float:
        """A contender's median."""
        return median(self.rounds[name])

    def best(self, name: str) -> float:
        """A contender's fastest round."""
        return min(self.rounds[name])

    def ratio(self, name: str, to: str = TEXTBOOK) -> float | None:
        """A contender's median as a multiple of another's; None when that one was not measured."""
        return self.median(name) / self.median(to) if to in self.rounds else None

    def speedup(self, name: str) -> float:
        """How many times faster than the textbook a contender is, by medians of durations."""
        return self.median(TEXTBOOK) / self.median(name)

    def spread(self, name: str) -> str:
        """The lowest and the highest of the rounds."""
        return f"{number(min(self.rounds[name]))}, {number(max(self.rounds[name]))}"


def number(value: float | None) -> str:
    """A figure with three significant digits; a dash for None."""
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def page(sections: Sequence[Section], machine: Sequence[str], versions: Sequence[Cells], how: str) -> str:
    """The whole page in Markdown."""
    goals = [goal.cells for section in sections for goal in section.goals]
    missing = [name for section in sections for name in section.missing]
    parts = [
        "# Tally beside its peers",
        how,
        *([f"**Not measured in this run: {', '.join(dict.fromkeys(missing))}.**"] if missing else []),
        "## Against the goals",
        table(("what", "measured", "must", "then go for", ""), goals) if goals else "Nothing was measured.",
    ]
    for section in sections:
        parts += [f"## {section.title}", section.method, table(section.head, section.rows)]
        if section.missing:
            parts.append(f"Not installed, so not measured: {', '.join(section.missing)}.")
    parts += ["## Machine", "\n".join(f"- {line}" for line in machine), "## Versions"]
    parts.append(table(("what", "version"), versions))
    return "\n\n".join(parts) + "\n"


def table(head: Cells, rows: Sequence[Cells]) -> str:
    """A Markdown table; all columns but the first are figures."""
    lines = [head, ("---", *["---:"] * (len(head) - 1)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
