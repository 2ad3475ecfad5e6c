"""Why a file is not shown, and the limits that every reader keeps.

The limits are counted while bytes are read; sizes that a file states are not trusted. A reason goes to users and
logs, so it never holds a cell, a column's name or an entry's name.
"""

from typing import BinaryIO

MOST_FILE_BYTES = 256 * 1024 * 1024
"""Of an archived file: it is copied to the function's own disk, of 512 MB, before it is opened."""
MOST_TEXT_BYTES = 1024 * 1024 * 1024
"""Of what a file unpacks to."""
MOST_COLUMNS = 2_000
MOST_SHEETS = 100
MOST_CELL = 131_072
"""Characters of one cell; a spreadsheet allows 32,767."""
MOST_ROW = 1_048_576
"""Characters of one row."""
MOST_DEPTH = 64
"""Levels of nested values."""
MOST_NODES = 200_000
"""Values nested in one row."""


class Refusal(Exception):
    """A file that is not shown; the text says why."""


class TooLarge(Refusal):
    """It is, or unpacks to, more than is read."""


class Broken(Refusal):
    """It is not a whole file of its kind."""


class Unsupported(Refusal):
    """It is of a kind that is not read, or holds no table."""


class CountedBytes:
    """A binary stream that refuses to give more than a limit."""

    def __init__(self, stream: BinaryIO, limit: int = MOST_TEXT_BYTES) -> None:
        self._stream = stream
        self._left = limit

    def read(self, size: int) -> bytes:
        """The next bytes.

        Raises:
            TooLarge: the limit is passed.
        """
        piece = self._stream.read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise TooLarge("the file unpacks to more than is read")
        return piece
