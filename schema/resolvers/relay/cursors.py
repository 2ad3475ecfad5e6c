"""Opaque cursors for keyset pages: a row's sort key, and which list it belongs to.

A cursor is bound to its field, tenant, brand and filter; one from another list is refused rather than read as a
position in this one. The binding is a digest, not a secret: a forged cursor names a position, and a position does
not give a row that a query would not.
"""

import base64
import binascii
import hashlib
from datetime import datetime

import orjson

from schema.errors import BadUserInput

LONGEST_CURSOR = 4000
"""Characters of a cursor that are read; no list has longer ones."""
_DIGEST = 9

NOT_VALID = "`after` is not a valid cursor for this list"


def encode(binding: tuple[str, ...], position: tuple[str, ...]) -> str:
    """The cursor of a position in the list that `binding` names."""
    body = orjson.dumps(position)
    return base64.urlsafe_b64encode(_digest(binding, body) + body).decode().rstrip("=")


def decode(binding: tuple[str, ...], cursor: str) -> list[str]:
    """The position that a cursor of this list names.

    Raises:
        BadUserInput: it is not a cursor, or one of another list.
    """
    try:
        raw = base64.b64decode(cursor[:LONGEST_CURSOR] + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise BadUserInput(NOT_VALID) from None
    digest, body = raw[:_DIGEST], raw[_DIGEST:]
    if digest != _digest(binding, body):
        raise BadUserInput(NOT_VALID)
    try:
        position = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadUserInput(NOT_VALID) from None
    if not isinstance(position, list) or not all(isinstance(part, str) for part in position):
        raise BadUserInput(NOT_VALID)
    return [*position]


def instant(text: str) -> datetime:
    """A position's time, as `rfc3339` wrote it.

    Raises:
        ValueError: a forged one that is not a time, or has no offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment


def _digest(binding: tuple[str, ...], body: bytes) -> bytes:
    return hashlib.sha256(repr(binding).encode() + b"\0" + body).digest()[:_DIGEST]
