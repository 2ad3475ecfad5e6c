"""The parts of a page, by Relay's names."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageInfo:
    """Where a page lies in the whole list."""

    has_next_page: bool
    end_cursor: str | None
    has_previous_page: bool
    start_cursor: str | None


@dataclass(frozen=True, slots=True)
class Edge[T]:
    """A node and its place in the list."""

    cursor: str
    node: T
