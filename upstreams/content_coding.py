"""Content codings of an answer's body: gzip and deflate, read to their proven end (RFC 9110 §8.4.1, RFC 1950 to 1952).

An HTTP client's own decoder does not check that a compressed body is complete: a proxy ends HTTP properly although its
origin broke off, and half a report looks like a whole one. Here a body counts only when its coding has ended with the
right checksum, in every member of a gzip body. Output is bounded, so a small body cannot unpack beyond memory.
"""

import zlib

from upstreams.charsets import charset_codec

_PADDING = b"\0\r\n\t "
"""Allowed after the end of a coding; the gzip tools ignore it too. Any other byte has to begin a further member."""

_ZLIB_HEADER_BYTES = 2
_GZIP_BITS = 16 + zlib.MAX_WBITS
_GZIP_NAMES = frozenset({"gzip", "x-gzip"})
# Servers write these into Content-Encoding, or a charset or a media type, and send the body as it is.
_NOT_CODINGS = frozenset({"", "identity", "none", "null", "binary", "7bit", "8bit", "aws-chunked"})


class UnknownCodingError(Exception):
    """The body has a coding that we did not ask for, or several on top of each other."""


class BrokenCodingError(Exception):
    """The body is not what its coding says, or it ends before its coding does."""


class PlainBody:
    """A body without a coding: it cannot prove that it is complete."""

    proves_its_end = False

    def __init__(self) -> None:
        self._rest = b""

    def decode(self, chunk: bytes, room: int) -> bytes:
        """The next decoded bytes, at most `room` of them."""
        self._rest = chunk[room:]
        return chunk[:room]

    def more(self, room: int) -> bytes:
        """What the last chunk had beyond its `room`, at most `room` bytes of it."""
        return self.decode(self._rest, room)

    def finish(self) -> None:
        """Accept the end of the body wherever it is."""


class GzipBody:
    """A gzip body of one or more members."""

    def __init__(self) -> None:
        self._members = 0
        self._stream = self._next_member()
        self._rest = b""

    @property
    def proves_its_end(self) -> bool:
        """Whether nothing can be missing: a sender that writes several members might have had one more."""
        return self._stream.eof and self._members == 1

    def decode(self, chunk: bytes, room: int) -> bytes:
        """The next decoded bytes, at most `room` of them; with fewer than `room` the chunk is used up.

        Raises:
            BrokenCodingError: it is not gzip, or a checksum or length is wrong.
        """
        decoded: list[bytes] = []
        while room > 0 and ((chunk := self._without_padding(chunk)) or not (decoded or self._stream.eof)):
            if self._stream.eof:
                self._stream = self._next_member()
            piece = _inflated(self._stream, chunk, room)
            decoded.append(piece)
            room -= len(piece)
            chunk = self._stream.unused_data or self._stream.unconsumed_tail
        self._rest = chunk
        return b"".join(decoded)

    def more(self, room: int) -> bytes:
        """What the last chunk had beyond its `room`, at most `room` bytes of it.

        Raises:
            BrokenCodingError: as `decode`.
        """
        return self.decode(self._rest, room)

    def finish(self) -> None:
        """Accept the end of the body.

        Raises:
            BrokenCodingError: the last member is incomplete, or there is none.
        """
        _require_end(self._stream)

    def _next_member(self) -> "zlib._Decompress":
        self._members += 1
        return zlib.decompressobj(_GZIP_BITS)

    def _without_padding(self, chunk: bytes) -> bytes:
        return chunk.lstrip(_PADDING) if self._stream.eof else chunk


class DeflateBody:
    """A deflate body: in a zlib wrapper as RFC 9110 requires it, or bare as some servers send it."""

    proves_its_end = True

    def __init__(self) -> None:
        self._head = b""
        self._rest = b""
        self._stream: zlib._Decompress | None = None

    def decode(self, chunk: bytes, room: int) -> bytes:
        """The next decoded bytes, at most `room` of them; with fewer than `room` the chunk is used up.

        Raises:
            BrokenCodingError: it is not deflate, its checksum is wrong, or something follows its end.
        """
        if self._stream is None:
            self._head += chunk
            if len(self._head) < _ZLIB_HEADER_BYTES:
                return b""
            chunk = self._head
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if _has_zlib_header(chunk) else -zlib.MAX_WBITS)
        if self._stream.eof:
            piece, rest = b"", chunk
        else:
            piece = _inflated(self._stream, chunk, room)
            rest, self._rest = self._stream.unused_data, self._stream.unconsumed_tail
        if rest.strip(_PADDING):
            raise BrokenCodingError("bytes follow the end of the compressed body")
        return piece

    def more(self, room: int) -> bytes:
        """What the last chunk had beyond its `room`, at most `room` bytes of it.

        Raises:
            BrokenCodingError: as `decode`.
        """
        return b"" if self._stream is None else self.decode(self._rest, room)

    def finish(self) -> None:
        """Accept the end of the body.

        Raises:
            BrokenCodingError: the deflate stream is incomplete.
        """
        _require_end(self._stream)


type BodyDecoder = PlainBody | GzipBody | DeflateBody


def body_decoder(content_encoding: str) -> BodyDecoder:
    """The decoder for a `Content-Encoding` header, which may be empty, in any case, or name something else entirely.

    Raises:
        UnknownCodingError: it names a coding other than gzip and deflate, or two codings.
    """
    names = [name.strip().strip('"').lower() for name in content_encoding.split(",")]
    codings = [name for name in names if not _leaves_the_body_alone(name)]
    match codings:
        case []:
            return PlainBody()
        case [name] if name in _GZIP_NAMES:
            return GzipBody()
        case ["deflate"]:
            return DeflateBody()
        case _:
            raise UnknownCodingError


def _leaves_the_body_alone(name: str) -> bool:
    return name in _NOT_CODINGS or "/" in name or charset_codec(name) is not None


def _inflated(stream: "zlib._Decompress", chunk: bytes, room: int) -> bytes:
    try:
        return stream.decompress(chunk, room)
    except zlib.error as error:
        raise BrokenCodingError(str(error)) from error


def _require_end(stream: "zlib._Decompress | None") -> None:
    if stream is None or not stream.eof:
        raise BrokenCodingError("the body ends before its compression does")


def _has_zlib_header(head: bytes) -> bool:
    """Whether the first two bytes are a zlib header (RFC 1950 §2.2); a bare deflate stream never looks like one."""
    method, flags = head[0], head[1]
    return method & 0x8F == zlib.DEFLATED and (method << 8 | flags) % 31 == 0
