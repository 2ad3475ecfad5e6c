"""Answers of the simulated OpenMarket with other rows than the right ones."""

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from local.vendors.simulator import Fault, SimulatorResponse, csv_bytes

APPLIED = 5
"""The outcome report's column with the amount that was applied."""


def rewriting(change: Callable[[list[list[str]]], list[list[str]]]) -> Fault:
    """Answer with changed rows; the header stays."""

    def changed(correct: SimulatorResponse) -> SimulatorResponse:
        header, *rows = csv.reader(io.StringIO(correct.body.decode(), newline=""))
        return replace(correct, body=csv_bytes([header, *change(rows)]))

    return Fault(changed)


def plus_a_penny(rows: list[list[str]]) -> list[list[str]]:
    """An outcome report whose first row has 0.01 too much."""
    if not rows:
        return rows
    first, *rest = rows
    return [[*first[:APPLIED], str(Decimal(first[APPLIED]) + Decimal("0.01"))], *rest]
