"""The parts of a zip file, opened only after its directory has been looked at.

Limits on the directory's own size, on the number of entries, on the sum of their sizes and on each one's ratio are
checked before anything is inflated; zipfile then never inflates an entry beyond the size that its directory states. An
archive within the archive is not opened.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ledger.contents.readers.refusals import MOST_TEXT_BYTES, Broken, TooLarge, Unsupported

MOST_DIRECTORY_BYTES = 2 * 1024 * 1024
MOST_ENTRIES = 10_000
MOST_RATIO = 500
RATIO_COUNTS_FROM = 4 * 1024 * 1024
"""Bytes: a small entry may compress as well as it likes."""
ENCRYPTED = 0x1
_END, _END_BYTES, _LONGEST_COMMENT = b"PK\x05\x06", 22, 65_535
_LOCATOR, _LOCATOR_BYTES = b"PK\x06\x07", 20
_END_64 = b"PK\x06\x06"
_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, struct.error, ValueError)


class ZipParts:
    """A zip file whose directory is within the limits."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = {entry.filename.lower(): entry for entry in archive.infolist()}

    def __contains__(self, name: str) -> bool:
        """Whether there is such an entry; Office names are the same in any case."""
        return name.lower() in self._names

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """An entry's bytes, inflated as they are read.

        Raises:
            Refusal: there is no such entry, it is encrypted, or it is not what its directory says; also while it is
                read.
        """
        entry = self._names.get(name.lower())
        if entry is None:
            raise Broken("a part of the workbook is missing")
        with _faults_as_refusals(), self._archive.open(entry) as stream:
            yield stream  # type: ignore[misc]  # zipfile's own class is a binary stream


@contextmanager
def zip_parts(path: Path) -> Iterator[ZipParts]:
    """The parts of a zip file.

    Raises:
        Refusal: its directory is not whole, or states more than is read.
    """
    with path.open("rb") as file:
        _refuse_long_directory(file)
        with _faults_as_refusals(), zipfile.ZipFile(file) as archive:
            _refuse_large(archive.infolist())
            yield ZipParts(archive)


def _refuse_large(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MOST_ENTRIES:
        raise TooLarge(f"the zip file has more than {MOST_ENTRIES:,} entries")
    if sum(entry.file_size for entry in entries) > MOST_TEXT_BYTES:
        raise TooLarge("the file unpacks to more than is read")
    if any(entry.file_size > max(RATIO_COUNTS_FROM, entry.compress_size * MOST_RATIO) for entry in entries):
        raise TooLarge(f"a part of the zip file unpacks to more than {MOST_RATIO} times its size")
    if any(entry.flag_bits & ENCRYPTED for entry in entries):
        raise Broken("the file is encrypted")
    if any(entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for entry in entries):
        raise Unsupported("the zip file is compressed in a way that is not read")


def _refuse_long_directory(file: BinaryIO) -> None:
    """Refuse a directory that would fill the memory, before zipfile reads all of it."""
    size = file.seek(0, 2)
    tail_at = max(0, size - _END_BYTES - _LONGEST_COMMENT)
    file.seek(tail_at)
    tail = file.read()
    end = tail.rfind(_END)
    if end < 0 or len(tail) < end + _END_BYTES:
        raise Broken("the zip file is cut off")
    (directory,) = struct.unpack_from("<I", tail, end + 12)
    locator = tail_at + end - _LOCATOR_BYTES
    if locator >= 0:
        file.seek(locator)
        found = file.read(_LOCATOR_BYTES)
        if found.startswith(_LOCATOR):
            file.seek(min(struct.unpack_from("<Q", found, 8)[0], size))
            record = file.read(56)
            if len(record) < 56 or not record.startswith(_END_64):  # noqa: PLR2004 - the record's length
                raise Broken("the zip file is cut off")
            directory = max(directory, struct.unpack_from("<Q", record, 40)[0])
    if directory > MOST_DIRECTORY_BYTES:
        raise TooLarge("the zip file's directory is larger than is read")
    file.seek(0)


@contextmanager
def _faults_as_refusals() -> Iterator[None]:
    try:
        yield
    except _FAULTS as error:
        raise Broken(f"the zip file is damaged: {type(error).__name__}") from None
    except RuntimeError:
        raise Broken("the file is encrypted") from None
