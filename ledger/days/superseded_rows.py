"""Finds the rows of an answer that a later one with the same credit id replaces, in 12 bytes of memory a row.

A set of all ids would take ten times as much. Ids are kept as numbers in arrays instead, apart by their remainder, and
one array at a time is looked at closely.
"""

from array import array
from collections.abc import Iterable

PARTS = 61


class SupersededRows:
    """The credit ids of an answer's rows, in file order."""

    def __init__(self) -> None:
        self._ids = [array("Q") for _ in range(PARTS)]
        self._places = [array("I") for _ in range(PARTS)]
        self._count = 0

    def add(self, credit_ids: Iterable[int]) -> None:
        """Take the ids of the next rows."""
        ids, places = self._ids, self._places
        place = self._count - 1
        for place, credit_id in enumerate(credit_ids, self._count):
            part = credit_id % PARTS
            ids[part].append(credit_id)
            places[part].append(place)
        self._count = place + 1

    def found(self) -> bytearray | None:
        """For each row 0 if it counts, or 1 if it is superseded; None when all rows count."""
        superseded = None
        for ids, places in zip(self._ids, self._places, strict=True):
            last = dict(zip(ids, places, strict=True))
            if len(last) == len(ids):
                continue
            superseded = superseded or bytearray(self._count)
            for credit_id, place in zip(ids, places, strict=True):
                if last[credit_id] != place:
                    superseded[place] = 1
        return superseded
