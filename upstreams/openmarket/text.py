"""The text of an answer as UTF-8, whichever encoding it came in.

A byte order mark counts first, then the declared charset. Without either, the text is UTF-8 if it can be, else
Windows-1252, which is what spreadsheets in the UK write. Text that mixes both, or contradicts its declaration, is
refused: a name must never change silently. No character is ever replaced.

A body on disk is decoded piece by piece, each time that it is read; what has to be known of the whole before its first
row is read, such as whether there are quotes in it, is collected beforehand.
"""

import codecs
import io
import re
from collections.abc import Buffer, Callable, Iterator
from typing import Protocol

from upstreams.bodies import Body
from upstreams.charsets import charset_codec
from upstreams.errors import OPENMARKET, UpstreamBadResponse

NO_BREAK_SPACE = "\u00a0".encode()
SOUGHT = (b'"', b"'", b'" ', b"' ", b"\t", NO_BREAK_SPACE, b"=", b'="')
"""What a reader may ask `Text.has` about."""
LONGEST_LINE = 2**20
"""In bytes, of a body on disk: a row is in memory as a whole."""

_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s"';,]+)""", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LONGEST_MARK = 4
# Windows-1252 has printable characters where Latin-1 has control characters; senders mean the former by both names.
_WINDOWS_LATIN = frozenset({"iso8859-1", "cp1252"})
_UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_LONGEST_SEQUENCE = 4
_NOT_IN_ASCII_TEXT = (b"\0", b"\x1b")
"""They belong to encodings that need no byte above 127, such as UTF-16 and ISO-2022."""
_BLANKS = b" \t"
_WHITE_SPACE = b" \t\n\r\f\v"
_LONGEST_SOUGHT = max(map(len, SOUGHT))
_CHUNK = 2**16

type Pieces = Callable[[], Iterator[bytes]]
"""The pieces of a body from its beginning, at every call."""


class Text(Protocol):
    """An answer as UTF-8, a byte order mark perhaps before it; it may be read several times."""

    @property
    def end(self) -> bytes:
        """The last bytes, without the blanks after them."""
        ...

    def open(self) -> io.TextIOWrapper:
        """The text without a byte order mark, with its own line ends."""
        ...

    def has(self, sought: bytes) -> bool:
        """Whether one of `SOUGHT` occurs in it."""
        ...

    def begins_with_tag(self) -> bool:
        """Whether its first character, but for white space, opens a tag, as in HTML."""
        ...


class TextInMemory:
    """A text of some MiB."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    @property
    def end(self) -> bytes:
        """See `Text`."""
        return self._body.rstrip(_BLANKS)[-_LONGEST_SOUGHT:]

    def open(self) -> io.TextIOWrapper:
        """See `Text`."""
        # Decoded as it is read: a large file as one text, in a StringIO, is five times its own size more.
        return io.TextIOWrapper(io.BytesIO(self._body), "utf-8-sig", newline="")

    def has(self, sought: bytes) -> bool:
        """See `Text`."""
        return sought in self._body

    def begins_with_tag(self) -> bool:
        """See `Text`."""
        return _opens_a_tag(lambda: iter((self._body,)))


class TextOnDisk:
    """A text of any size.

    Raises:
        UpstreamBadResponse: it has a line that is too long to be a row.
    """

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._found: set[bytes] = set()
        self.end = b""
        self._collect()

    def _collect(self) -> None:
        before, line_bytes = b"", 0
        for piece in self._pieces():
            window = before + piece
            self._found.update(sought for sought in SOUGHT if sought not in self._found and sought in window)
            self.end = (self.end + piece).rstrip(_BLANKS)[-_LONGEST_SOUGHT:]
            before = window[1 - _LONGEST_SOUGHT :]
            has_end = b"\n" in piece or b"\r" in piece
            line_bytes = 0 if has_end else line_bytes + len(piece)
            if line_bytes > LONGEST_LINE:
                raise UpstreamBadResponse(OPENMARKET, "a line of the answer is too long")

    def open(self) -> io.TextIOWrapper:
        """See `Text`."""
        return io.TextIOWrapper(io.BufferedReader(_PieceReader(self._pieces()), _CHUNK), "utf-8-sig", newline="")

    def has(self, sought: bytes) -> bool:
        """See `Text`."""
        return sought in self._found

    def begins_with_tag(self) -> bool:
        """See `Text`."""
        return _opens_a_tag(self._pieces)


class _PieceReader(io.RawIOBase):
    """A file of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        room = memoryview(buffer)
        count = min(len(room), len(self._rest))
        room[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def as_utf8(body: Body, content_type: str | None) -> Text:
    """The text of a body.

    Raises:
        UpstreamBadResponse: the body is not text in its encoding.
    """
    if isinstance(body, bytes):
        return TextInMemory(b"".join(_utf8_pieces(lambda: iter((body,)), content_type)()))
    return TextOnDisk(_utf8_pieces(body.pieces, content_type))


def _utf8_pieces(pieces: Pieces, content_type: str | None) -> Pieces:
    """The same text as UTF-8: the pieces themselves if they are that already."""
    if all(piece.isascii() and not any(byte in piece for byte in _NOT_IN_ASCII_TEXT) for piece in pieces()):
        return pieces
    head = _head(pieces)
    mark, codec = next(((mark, codec) for mark, codec in _MARKS if head.startswith(mark)), (b"", None))
    if codec is None:
        declared = _CHARSET.search(content_type or "")
        codec = _codec(pieces, charset_codec(declared[1]) if declared else "ascii")
    try:
        for _ in _transcoded(pieces(), codec, len(mark)):  # All of it has to be valid before any of it is used.
            pass
    except UnicodeDecodeError as error:
        raise UpstreamBadResponse(OPENMARKET, f"the answer is not {codec.upper()} text") from error
    return pieces if codec == "utf-8" else lambda: _transcoded(pieces(), codec, len(mark))


def _codec(pieces: Pieces, declared: str | None) -> str:
    """The codec of a body without a byte order mark; `declared` is `ascii` if no charset is, None if it is unknown."""
    if declared in _WINDOWS_LATIN:
        return "cp1252"
    if declared in {"utf-16", "utf-32"}:
        # The first character is ASCII in every CSV file, and the zeros around it show the byte order.
        return f"{declared}-be" if _head(pieces).startswith(b"\0") else f"{declared}-le"
    if declared is None or declared == "utf-8" or (declared == "ascii" and _is_utf8(pieces)):
        return "utf-8"
    if declared != "ascii":
        return declared
    if _has_utf8_sequence(pieces()):
        raise UpstreamBadResponse(OPENMARKET, "the answer mixes UTF-8 with another encoding")
    return "cp1252"


def _is_utf8(pieces: Pieces) -> bool:
    try:
        for _ in _transcoded(pieces(), "utf-8", 0):
            pass
    except UnicodeDecodeError:
        return False
    return True


def _has_utf8_sequence(pieces: Iterator[bytes]) -> bool:
    before = b""
    for piece in pieces:
        if _UTF8_SEQUENCE.search(before + piece):
            return True
        before = (before + piece)[1 - _LONGEST_SEQUENCE :]
    return False


def _head(pieces: Pieces) -> bytes:
    """The first bytes, as many as a byte order mark has."""
    head = b""
    for piece in pieces():
        head += piece[:_LONGEST_MARK]
        if len(head) >= _LONGEST_MARK:
            break
    return head


def _opens_a_tag(pieces: Pieces) -> bool:
    skipped = len(codecs.BOM_UTF8) if _head(pieces).startswith(codecs.BOM_UTF8) else 0
    for piece in pieces():
        if text := piece[skipped:].lstrip(_WHITE_SPACE):
            return text.startswith(b"<")
        skipped = max(0, skipped - len(piece))
    return False


def _transcoded(pieces: Iterator[bytes], codec: str, skipped: int) -> Iterator[bytes]:
    """Pieces from `codec` to UTF-8, chunk by chunk: as one text they would take several times their own size.

    The first `skipped` bytes are left out.
    """
    decoder = codecs.getincrementaldecoder(codec)()
    for piece in pieces:
        for at in range(skipped, len(piece), _CHUNK):
            yield decoder.decode(piece[at : at + _CHUNK]).encode()
        skipped = max(0, skipped - len(piece))
    yield decoder.decode(b"", final=True).encode()
