"""What a warm process remembers: bounded in bytes, the least recently used goes first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Memory[K: Hashable, T]:
    """A bounded map; `limit` is in bytes, and whoever remembers something says what it weighs."""

    limit: int
    _entries: OrderedDict[K, tuple[T, int]] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def recall(self, key: K) -> T | None:
        """What was remembered under a key, if it still is."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def remember(self, key: K, value: T, size: int) -> None:
        """Keep a value of that many bytes; too large a one is not kept at all."""
        self.forget(key)
        if size > self.limit:
            return
        self._entries[key] = (value, size)
        self._bytes += size
        while self._bytes > self.limit:
            _, (_, gone) = self._entries.popitem(last=False)
            self._bytes -= gone

    def forget(self, key: K) -> None:
        """Drop a value, if there is one."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry[1]

    def forget_where(self, matches: Callable[[K], bool]) -> None:
        """Drop every value whose key matches."""
        for key in [key for key in self._entries if matches(key)]:
            self.forget(key)
