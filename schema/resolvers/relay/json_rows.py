"""A list that writes its objects as JSON text by itself; the executor knows such a list without knowing its rows."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import orjson


class JsonRows[T](Sequence[T]):
    """Objects of one type, which can also be read one by one."""

    @abstractmethod
    def json(self, fields: Sequence[tuple[str, str | None]]) -> "orjson.Fragment | None":
        """A JSON array of objects; each field is a response key and an attribute (None: `__typename`).

        The result is None when a value is none that its field may have: the executor says so, object by object.
        """
