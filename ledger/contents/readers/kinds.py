"""Tells what a file is by its bytes, whatever its name, and opens it with the reader of its kind."""

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from ledger.contents.readers import csv_files, json_files, xml_files
from ledger.contents.readers.refusals import Broken, CountedBytes, Unsupported
from ledger.contents.readers.sheets import Sheet
from ledger.contents.readers.text import marked
from ledger.contents.readers.xlsx import workbooks

HEAD_BYTES = 65_536
GZIP, ZIP, OFFICE_97 = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""The stream in which an encrypted workbook lies."""
_OTHER_KINDS = (
    codecs.BOM_UTF32_LE,
    codecs.BOM_UTF32_BE,
    b"%PDF",
    b"PK\x05\x06",
    b"PAR1",
    b"BZh",
    b"\xfd7zXZ",
    b"7z\xbc\xaf",
    b"Rar!",
    b"{\\rtf",
    b"\x7fELF",
)
_JSON = re.compile(r'\{\s*(?:["}]|$)|\[\s*(?:[\[\]{"0-9-]|true\b|false\b|null\b|$)').match
"""A header such as `[Customer],amount` begins like JSON as well."""
_BLANK = "\ufeff \t\r\n"


def sheets_of(path: Path) -> Iterator[Sheet]:
    """The tables of a file, one after the other; each is read to its end before the next.

    Raises:
        Refusal: the file cannot be shown; also while rows are read.
    """
    with _faults_as_refusals():
        yield from _sheets(path)


def _sheets(path: Path) -> Iterator[Sheet]:
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(ZIP):
        return workbooks.sheets_of(path)
    if head.startswith(OFFICE_97):
        raise _refusal_of_office_97(path)

    def open_plain() -> BinaryIO:
        return cast("BinaryIO", gzip.open(path)) if head.startswith(GZIP) else path.open("rb")

    with open_plain() as stream:
        inner = CountedBytes(stream).read(HEAD_BYTES)
    if inner.startswith((GZIP, ZIP)):
        raise Unsupported("the file is an archive within an archive")
    if inner.startswith(_OTHER_KINDS) or (b"\0" in inner and marked(inner) is None):
        raise Unsupported("the file is of a kind that is not read")
    begins = inner.decode(marked(inner) or "utf-8", errors="ignore").lstrip(_BLANK)
    if _JSON(begins):
        return json_files.sheets_of(open_plain)
    if begins.startswith("<"):
        return xml_files.sheets_of(open_plain)
    return csv_files.sheets_of(open_plain)


def _refusal_of_office_97(path: Path) -> Exception:
    with path.open("rb") as file:
        rest = b""
        while piece := file.read(1 << 20):
            if ENCRYPTED in rest + piece:
                return Broken("the file is encrypted")
            rest = piece[-len(ENCRYPTED) :]
    return Unsupported("the file is of a kind that is not read")


@contextmanager
def _faults_as_refusals() -> Iterator[None]:
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Broken(f"the file's compression is damaged or ends early: {type(error).__name__}") from None
    except RecursionError:
        raise Broken("the file is nested more deeply than is read") from None
