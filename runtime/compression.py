"""gzip by isal: ten times zlib's speed at its size. Imported when first used."""

FAST = 1
STORED = 2


class CorruptGzipError(Exception):
    """The bytes are no whole gzip member."""


def pack(body: bytes, level: int = STORED) -> bytes:
    """Compress to gzip, with no time stamp; isal gives equal input now and then other, equally good, bytes."""
    from isal import igzip

    return igzip.compress(body, compresslevel=level, mtime=0)


def unpack(body: bytes) -> bytes:
    """Decompress gzip.

    Raises:
        CorruptGzipError: the bytes are no gzip, or cut off.
    """
    from isal import igzip, isal_zlib

    try:
        unpacked: bytes = igzip.decompress(body)  # type: ignore[no-untyped-call]
    except (OSError, EOFError, isal_zlib.error) as error:  # type: ignore[misc]  # isal's stubs do not know its error
        raise CorruptGzipError(f"no whole gzip: {type(error).__name__}") from error
    return unpacked
