"""Bytes as text: UTF-8, UTF-16 or Windows-1252, found by the byte order mark, else by what the whole file allows."""

import codecs
from collections.abc import Callable, Iterator
from typing import BinaryIO

from ledger.contents.readers.refusals import Broken, CountedBytes

CHUNK = 1 << 18
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WITHOUT_MARK = {b"<\x00": "utf-16-le", b"\x00<": "utf-16-be", b"{\x00": "utf-16-le", b"\x00{": "utf-16-be"}

type Opener = Callable[[], BinaryIO]
"""Opens the file's plain bytes from the beginning."""


def encoding_of(open_file: Opener) -> str:
    """The encoding in which the whole file can be read; it is read once for that.

    Raises:
        TooLarge: it unpacks to more than is read.
    """
    with open_file() as stream:
        counted = CountedBytes(stream)
        head = counted.read(CHUNK)
        by_mark = marked(head)
        if by_mark:
            return by_mark
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while head:
                decoder.decode(head)
                head = counted.read(CHUNK)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


def marked(head: bytes) -> str | None:
    """The encoding that a file's first bytes say; UTF-16 also by its zeros."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if known := _WITHOUT_MARK.get(head[:2]):
        return known
    sample = head[:512]
    zeros = sample.count(0)
    if zeros * 3 > len(sample) and zeros:
        return "utf-16-le" if sample[1::2].count(0) > sample[::2].count(0) else "utf-16-be"
    return None


def text_of(stream: BinaryIO, encoding: str) -> Iterator[str]:
    """The file's text, piece by piece.

    Raises:
        Broken: the bytes are not text in this encoding.
        TooLarge: they are more than is read.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    counted = CountedBytes(stream)
    try:
        while chunk := counted.read(CHUNK):
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise Broken(f"the file is not text: it has bytes that {encoding} does not") from None
