"""Rounds and sizes of a full run, and of a quick one that only shows that everything still works."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Rounds and sizes."""

    name: str
    cold_rounds: int
    warm_rounds: int
    warm_calls: int
    row_rounds: int
    http_rounds: int
    http_seconds: int
    year_rounds: int
    year_rows: int
    export_rows_a_day: int
    far_rounds: int
    growth_rounds: int
    growth_rows: tuple[int, ...]


SIZES = (1_000, 4_000, 10_000, 100_000, 400_000, 1_000_000)
FULL = Pace("full", 15, 9, 200, 9, 3, 2, 9, 1000, 100_000, 20, 5, SIZES)
QUICK = Pace("quick: too few rounds to quote", 3, 2, 30, 3, 1, 1, 3, 100, 10_000, 3, 1, SIZES[:2])


def pace() -> Pace:
    """The pace that the environment sets: quick with `QUICK=1`, else full."""
    return QUICK if os.environ.get("QUICK") else FULL
