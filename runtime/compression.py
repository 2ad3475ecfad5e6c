"""gzip by isal: ten times as fast as zlib at the same size. Imported when first used."""

from collections.abc import Iterator

FAST = 1
STORED = 2
CHUNK = 64 * 1024
PIECE = 256 * 1024
"""So much of a file of several members is given to the decompressor at a time; it copies what it does not use."""
SMALL = 1024 * 1024


class CorruptGzipError(Exception):
    """The bytes are not one whole gzip member."""


def pack(body: bytes, level: int = STORED) -> bytes:
    """Compress to gzip without a time stamp; equal input does not always give equal bytes."""
    from isal import igzip_lib

    return igzip_lib.compress(body, level, igzip_lib.COMP_GZIP)


def unpack(body: bytes) -> bytes:
    """Decompress gzip.

    Raises:
        CorruptGzipError: the bytes are not gzip, or cut off.
    """
    from isal import isal_zlib

    try:
        if 0 < len(body) <= SMALL:  # most often one member, and `igzip` with Python's `gzip` takes 2 ms to import
            member = isal_zlib.decompressobj(wbits=31)
            text = member.decompress(body)
            if member.eof and not member.unused_data:
                return text
        from isal import igzip

        unpacked: bytes = igzip.decompress(body)  # type: ignore[no-untyped-call]
    except (OSError, EOFError, isal_zlib.error) as error:  # type: ignore[misc]  # isal's stubs do not know its error
        raise CorruptGzipError(f"not a whole gzip member: {type(error).__name__}") from error
    return unpacked


def first_member(body: bytes) -> tuple[bytes, int]:
    """The content of the first gzip member of some bytes, and the offset at which it ends.

    Raises:
        CorruptGzipError: the bytes do not begin with a whole one.
    """
    from isal import isal_zlib

    member = isal_zlib.decompressobj(wbits=31)
    try:
        content = member.decompress(body)
    except isal_zlib.error as error:  # type: ignore[misc]  # as above
        raise CorruptGzipError(f"not a whole gzip member: {type(error).__name__}") from error
    if not member.eof:
        raise CorruptGzipError("not a whole gzip member: it is cut off")
    return content, len(body) - len(member.unused_data)


def members(body: bytes) -> Iterator[tuple[bytes, int]]:
    """The contents of the gzip members of some bytes, one after the other, each with the offset at which it ends.

    Raises:
        CorruptGzipError: while they are read: the bytes are not gzip, or cut off.
    """
    from isal import isal_zlib

    at, whole = 0, memoryview(body)
    while at < len(body):
        member, content = isal_zlib.decompressobj(wbits=31), list[bytes]()
        try:
            while not member.eof:
                if at >= len(body):
                    raise CorruptGzipError("not a whole gzip member: it is cut off")
                content.append(member.decompress(whole[at : at + PIECE]))
                at += PIECE
        except isal_zlib.error as error:  # type: ignore[misc]  # as above
            raise CorruptGzipError(f"not a whole gzip member: {type(error).__name__}") from error
        at = min(at, len(body)) - len(member.unused_data)
        yield b"".join(content), at


def have_equal_text(one: bytes, other: bytes) -> bool:
    """Whether the members of two gzip files have the same text together; little of it is in memory at once.

    Raises:
        CorruptGzipError: one of them is not gzip, or cut off.
    """
    from io import BytesIO

    from isal import igzip, isal_zlib

    try:
        with igzip.open(BytesIO(one)) as first, igzip.open(BytesIO(other)) as second:  # type: ignore[no-untyped-call]
            while (text := first.read(CHUNK)) == second.read(CHUNK):
                if not text:
                    return True
    except (OSError, EOFError, isal_zlib.error) as error:  # type: ignore[misc]  # as above
        raise CorruptGzipError(f"not a whole gzip file: {type(error).__name__}") from error
    return False
