"""What a warm process remembers: bounded in bytes, the least recently used goes first."""

from collections import OrderedDict
from dataclasses import dataclass, field


@dataclass(slots=True)
class Memory[T]:
    """A bounded map; `limit` is in bytes, and whoever remembers something says what it weighs."""

    limit: int
    _entries: OrderedDict[str, tuple[T, int]] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def recall(self, key: str) -> T | None:
        """What was remembered under a key, if it still is."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def remember(self, key: str, value: T, size: int) -> None:
        """Keep a value of that many bytes; too large a one is not kept at all."""
        self.forget(key)
        if size > self.limit:
            return
        self._entries[key] = (value, size)
        self._bytes += size
        while self._bytes > self.limit:
            _, (_, gone) = self._entries.popitem(last=False)
            self._bytes -= gone

    def forget(self, key: str) -> None:
        """Drop a value, if there is one."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry[1]

    def forget_below(self, prefix: str) -> None:
        """Drop every value whose key begins with a prefix."""
        for key in [key for key in self._entries if key.startswith(prefix)]:
            self.forget(key)
