"""Global ids: opaque text by which `node(id:)` finds an object again, and by which clients cache it.

An id holds the type and what the ledger needs to find the object: base64url of a JSON list. It is stable as long as
these parts are. It is not a secret: a forged one finds only what its sender could query anyway.
"""

import base64
import binascii

import orjson

from schema.errors import BadUserInput

LONGEST_NODE_ID = 4000
NOT_VALID = "`id` is not a valid node id"


def encode(kind: str, *parts: str | None) -> str:
    """The id of an object of a GraphQL type."""
    return base64.urlsafe_b64encode(orjson.dumps([kind, *parts])).decode().rstrip("=")


def decode(node_id: str) -> list[str | None]:
    """The type's name and the parts of an id.

    Raises:
        BadUserInput: `encode` has not made it.
    """
    try:
        body = base64.b64decode(node_id[:LONGEST_NODE_ID] + "=" * (-len(node_id) % 4), altchars=b"-_", validate=True)
        parts = orjson.loads(body)
    except (ValueError, binascii.Error):
        raise BadUserInput(NOT_VALID) from None
    if not isinstance(parts, list) or not parts or not all(isinstance(part, str | None) for part in parts):
        raise BadUserInput(NOT_VALID)
    return parts
