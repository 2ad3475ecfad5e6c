"""What a warm process remembers: a map bounded in bytes, from which the least recently used entry is dropped first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable


class Memory[K: Hashable, T]:
    """A bounded map; `limit` is in bytes, and the caller gives each value's size."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._entries: OrderedDict[K, tuple[T, int]] = OrderedDict()
        self._bytes = 0

    def recall(self, key: K) -> T | None:
        """The value under a key; None when there is none, or not any more."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def remember(self, key: K, value: T, size: int) -> None:
        """Remember a value of that many bytes; one that is larger than the limit is not remembered."""
        self.forget(key)
        if size > self.limit:
            return
        self._entries[key] = (value, size)
        self._bytes += size
        while self._bytes > self.limit:
            _, (_, dropped) = self._entries.popitem(last=False)
            self._bytes -= dropped

    def forget(self, key: K) -> None:
        """Drop a value, if there is one."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry[1]

    def forget_where(self, matches: Callable[[K], bool]) -> None:
        """Drop every value whose key matches."""
        for key in [key for key in self._entries if matches(key)]:
            self.forget(key)
