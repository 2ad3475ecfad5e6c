"""Opaque cursors for keyset pages: a row's place in its order, and which list it is a place in.

A cursor is bound to field, tenant, brand and filter; one from elsewhere is refused rather than read as some other
place. The binding is a digest, no secret: a forged cursor names a place, and a place gives nobody a row that a query
would not. A place's parts may hold any characters; they are not to be longer than a cursor that is taken.
"""

import base64
import binascii
import hashlib
from datetime import datetime

from schema.errors import BadUserInput

LONGEST = 4000
"""Characters; no list has places that need as many."""
_DIGEST = 9
_SEPARATOR = "\x1f"
_ESCAPE = "\x1b"
_ESCAPED = {_ESCAPE: _ESCAPE + "E", _SEPARATOR: _ESCAPE + "U"}


def encode(binding: tuple[str, ...], place: tuple[str, ...]) -> str:
    """A place in the list that `binding` names, as a cursor."""
    text = _SEPARATOR.join(place)
    if _ESCAPE in text or text.count(_SEPARATOR) >= len(place):
        text = _SEPARATOR.join(map(_escaped, place))
    body = text.encode()
    return base64.urlsafe_b64encode(_digest(binding, body) + body).decode().rstrip("=")


def decode(binding: tuple[str, ...], cursor: str) -> list[str]:
    """The place that a cursor of this list names.

    Raises:
        BadUserInput: it is none, or one of another list.
    """
    try:
        raw = base64.b64decode(cursor[:LONGEST] + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        digest, body = raw[:_DIGEST], raw[_DIGEST:]
        place = [_plain(part) for part in body.decode().split(_SEPARATOR)]
    except (ValueError, binascii.Error):
        raise BadUserInput("after is no cursor of this list") from None
    if digest != _digest(binding, body):
        raise BadUserInput("after is no cursor of this list")
    return place


def instant(text: str) -> datetime:
    """A place's time; whoever forges a cursor can spell any.

    Raises:
        ValueError: it is none, or has no offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment


def _escaped(part: str) -> str:
    """The part without the separator; one that has neither that nor the escape is its own spelling."""
    for character, spelled in _ESCAPED.items():
        part = part.replace(character, spelled)
    return part


def _plain(part: str) -> str:
    for character, spelled in reversed(_ESCAPED.items()):
        part = part.replace(spelled, character)
    return part


def _digest(binding: tuple[str, ...], body: bytes) -> bytes:
    return hashlib.sha256(repr(binding).encode() + b"\0" + body).digest()[:_DIGEST]
