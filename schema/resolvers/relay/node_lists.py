"""A list whose nodes are made when they are looked at; most queries ask only for what the stored objects have."""

from abc import abstractmethod
from collections.abc import Collection, Sequence


class NodeList[T](Sequence[T]):
    """Nodes of one type."""

    @abstractmethod
    def plain(self, attributes: Collection[str]) -> Sequence[object]:
        """For each node an object with these attributes of it: what it is made of if that has them, else itself."""
