"""Reads the stored rows of days piece by piece, for work in a thread that must not have a whole large day in memory."""

from collections.abc import Coroutine
from io import BufferedReader, RawIOBase
from typing import IO, TYPE_CHECKING, Any, Protocol

from ledger.days.day_store import DayStore
from ledger.days.versions import SETTLED_ROWS
from ledger.lake.month_files import SettledDay
from ledger.storage.bucket import PART_BYTES
from ledger.storage.store import LedgerUnavailable, Store

if TYPE_CHECKING:
    from collections.abc import Buffer


class Wait(Protocol):
    """Does work on the event loop, and has the thread wait for it."""

    def __call__[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for the result."""
        ...


class StoredDays:
    """The settled days of one log; an object of more than `piece` bytes is read in pieces of that size."""

    def __init__(self, store: Store, days: DayStore, piece: int = PART_BYTES) -> None:
        self._store = store
        self._days = days
        self._piece = piece

    def body(self, day: SettledDay, wait: Wait) -> bytes | IO[bytes]:
        """A day's rows as they are stored; those of a large day as a file.

        Raises:
            LedgerUnavailable: S3 could not serve, here or while the file is read; the day has been deleted.
        """
        if day.size is not None and day.size > self._piece:
            key = self._days.key(day.version.day, SETTLED_ROWS)
            return BufferedReader(_Pieces(self._store, key, day.size, self._piece, wait), self._piece)
        body = wait(self._days.stored_rows(day.version))
        if body is None:
            raise LedgerUnavailable(f"{day.version.day} has been deleted in the meantime")
        return body


class _Pieces(RawIOBase):
    """An object as a file that asks S3 for each piece when it is read."""

    def __init__(self, store: Store, key: str, size: int, piece: int, wait: Wait) -> None:
        super().__init__()
        self._store = store
        self._key = key
        self._size = size
        self._piece = piece
        self._wait = wait
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "Buffer") -> int:
        """Fill the buffer with the next bytes; their number, 0 at the end."""
        view = memoryview(buffer)
        end = min(self._at + min(len(view), self._piece), self._size)
        if end == self._at:
            return 0
        piece = self._wait(self._store.get_range(self._key, self._at, end))
        if piece is None:
            raise LedgerUnavailable(f"{self._key} has been deleted or replaced in the meantime")
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)
