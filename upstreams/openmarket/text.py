"""The text of an answer as UTF-8, whichever encoding it came in.

A byte order mark counts first, then the declared charset. Without either, the text is UTF-8 if it can be, else
Windows-1252, which is what spreadsheets in the UK write. Text that mixes both, or contradicts its declaration, is
refused: a name must never change silently. No character is ever replaced.
"""

import codecs
import re
from collections.abc import Iterator

from upstreams.charsets import charset_codec
from upstreams.errors import OPENMARKET, UpstreamBadResponse

_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s"';,]+)""", re.IGNORECASE)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Windows-1252 has printable characters where Latin-1 has control characters; senders mean the former by both names.
_WINDOWS_LATIN = frozenset({"iso8859-1", "cp1252"})
_UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_NOT_IN_ASCII_TEXT = (b"\0", b"\x1b")
"""They belong to encodings that need no byte above 127, such as UTF-16 and ISO-2022."""
_CHUNK = 2**16


def as_utf8(body: bytes, content_type: str | None) -> bytes:
    """The body as UTF-8, a byte order mark perhaps before it; the same object, not a copy, if it was that already.

    Raises:
        UpstreamBadResponse: the body is not text in its encoding.
    """
    if body.isascii() and not any(byte in body for byte in _NOT_IN_ASCII_TEXT):
        return body
    mark, codec = next(((mark, codec) for mark, codec in _MARKS if body.startswith(mark)), (b"", None))
    if codec is None:
        declared = _CHARSET.search(content_type or "")
        codec = _codec(body, charset_codec(declared[1]) if declared else "ascii")
    try:
        if codec != "utf-8":
            return b"".join(_transcoded(body.removeprefix(mark), codec))
        for _ in _transcoded(body, codec):  # It only has to be valid.
            pass
    except UnicodeDecodeError as error:
        raise UpstreamBadResponse(OPENMARKET, f"the answer is not {codec.upper()} text") from error
    return body


def _codec(body: bytes, declared: str | None) -> str:
    """The codec of a body without a byte order mark; `declared` is `ascii` if no charset is, None if it is unknown."""
    if declared in _WINDOWS_LATIN:
        return "cp1252"
    if declared in {"utf-16", "utf-32"}:
        # The first character is ASCII in every CSV file, and the zeros around it show the byte order.
        return f"{declared}-be" if body.startswith(b"\0") else f"{declared}-le"
    if declared is None or declared == "utf-8" or (declared == "ascii" and _is_utf8(body)):
        return "utf-8"
    if declared != "ascii":
        return declared
    if _UTF8_SEQUENCE.search(body):
        raise UpstreamBadResponse(OPENMARKET, "the answer mixes UTF-8 with another encoding")
    return "cp1252"


def _is_utf8(body: bytes) -> bool:
    try:
        for _ in _transcoded(body, "utf-8"):
            pass
    except UnicodeDecodeError:
        return False
    return True


def _transcoded(body: bytes, codec: str) -> Iterator[bytes]:
    """The body from `codec` to UTF-8, piece by piece: as one text it would take several times its own size."""
    decoder = codecs.getincrementaldecoder(codec)()
    for at in range(0, len(body), _CHUNK):
        yield decoder.decode(body[at : at + _CHUNK]).encode()
    yield decoder.decode(b"", final=True).encode()
