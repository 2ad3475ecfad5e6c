"""The body of an answer as it arrives: in memory, or on disk once it is too large for that.

What lies on disk is compressed, in a file without a name: it is deleted with the process at the latest, also when that
is killed. It has to fit into the 512 MB that a function's `/tmp` has, beside what is made of it.
"""

import os
from collections.abc import Iterator
from typing import IO

PIECE = 2**18
"""About how many bytes of a body on disk are in memory at a time."""
LARGEST_SPOOL = 192 * 2**20
"""Size limit in bytes of one body on disk, compressed."""


class BodyTooLargeError(Exception):
    """There is no room for the body; its text says where."""


class SpooledBody:
    """A decoded body of `size` bytes on disk, which can be read several times. Its reader closes it."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self.size = size

    def pieces(self) -> Iterator[bytes]:
        """The body from its beginning, in pieces of at most some hundred thousand bytes."""
        from isal import isal_zlib

        inflate, at = isal_zlib.decompressobj(wbits=31), 0
        while packed := os.pread(self._file.fileno(), PIECE // 4, at):
            at += len(packed)
            while packed:
                if piece := inflate.decompress(packed, PIECE):
                    yield piece
                packed = inflate.unconsumed_tail
        if piece := inflate.flush():
            yield piece

    def close(self) -> None:
        """Delete the body."""
        self._file.close()


type Body = bytes | SpooledBody


class BodyWriter:
    """Takes a body piece by piece; beyond `in_memory` bytes it goes to disk, beyond `max_bytes` it is refused."""

    def __init__(self, in_memory: int, max_bytes: int) -> None:
        self._in_memory = in_memory
        self._max_bytes = max_bytes
        self._body = bytearray()
        self._file: _CompressedFile | None = None
        self.size = 0

    def write(self, piece: bytes) -> None:
        """Take the next piece.

        Raises:
            BodyTooLargeError: the body is larger than allowed, or the disk is full.
        """
        self.size += len(piece)
        self.check(self.size)
        if self._file is None and self.size > self._in_memory:
            self._file = _CompressedFile()
            self._file.write(bytes(self._body))
            self._body.clear()
        if self._file is None:
            self._body += piece
        else:
            self._file.write(piece)

    def check(self, size: int) -> None:
        """Compare a number of bytes, such as those that were received, with the limit.

        Raises:
            BodyTooLargeError: there are more than allowed.
        """
        if size > self._max_bytes:
            raise BodyTooLargeError(f"is larger than {self._max_bytes} bytes")

    def finish(self) -> Body:
        """The whole body; the caller closes one that is on disk.

        Raises:
            BodyTooLargeError: the disk is full.
        """
        if self._file is None:
            return bytes(self._body)
        spooled, self._file = SpooledBody(self._file.finish(), self.size), None
        return spooled

    def drop(self) -> None:
        """Delete what has come of a body that was not finished."""
        if self._file is not None:
            self._file.close()


class _CompressedFile:
    def __init__(self) -> None:
        from isal import isal_zlib

        self._packer = isal_zlib.compressobj(level=1, wbits=31)
        self._size = 0
        try:
            import tempfile  # 5 ms, and most bodies are small

            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by its reader
        except OSError as error:
            raise _no_room(error) from error

    def write(self, piece: bytes) -> None:
        self._write(self._packer.compress(piece))

    def finish(self) -> IO[bytes]:
        self._write(self._packer.flush())
        return self._file

    def close(self) -> None:
        self._file.close()

    def _write(self, packed: bytes) -> None:
        self._size += len(packed)
        if self._size > LARGEST_SPOOL:
            raise BodyTooLargeError(f"is larger than {LARGEST_SPOOL} bytes even when compressed")
        try:
            write_all(self._file, packed)
        except OSError as error:
            raise _no_room(error) from error


def write_all(file: IO[bytes], content: bytes) -> None:
    """Write to an unbuffered file, which may take a part of the bytes at a time.

    Raises:
        OSError: the disk is full.
    """
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]


def _no_room(error: OSError) -> BodyTooLargeError:
    return BodyTooLargeError(f"does not fit on the disk ({error.strerror})")
