"""Opaque cursors for keyset pages: a row's place in its order, and which list it is a place in.

A cursor is bound to field, tenant, brand and filter; one from elsewhere is refused rather than read as some other
place. The binding is a digest, no secret: a forged cursor names a place, and a place gives nobody a row that a query
would not.
"""

import base64
import binascii
import hashlib
from datetime import datetime

from schema.errors import BadUserInput

LONGEST = 2000
_DIGEST = 9
_SEPARATOR = "\x1f"


def encode(binding: tuple[str, ...], place: tuple[str, ...]) -> str:
    """A place in the list that `binding` names, as a cursor."""
    body = _SEPARATOR.join(place).encode()
    return base64.urlsafe_b64encode(_digest(binding, body) + body).decode().rstrip("=")


def decode(binding: tuple[str, ...], cursor: str) -> list[str]:
    """The place that a cursor of this list names.

    Raises:
        BadUserInput: it is none, or one of another list.
    """
    try:
        raw = base64.b64decode(cursor[:LONGEST] + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        digest, body = raw[:_DIGEST], raw[_DIGEST:]
        place = body.decode().split(_SEPARATOR)
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


def _digest(binding: tuple[str, ...], body: bytes) -> bytes:
    return hashlib.sha256(repr(binding).encode() + b"\0" + body).digest()[:_DIGEST]
