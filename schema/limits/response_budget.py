"""How large a response may be: what Lambda accepts, estimated before it is rendered and checked after.

The estimate goes by rows, so that a response that is far too large costs neither time nor memory; the check after
compression is exact and decides. Both messages say what to ask for instead.
"""

from schema.errors import ResultTooLarge

LAMBDA_BYTES = 6_291_556
"""The most that a function may return, as JSON."""
ENVELOPE = 8_192
"""Status, headers and JSON around the body."""
RENDERED_BYTES = 24_000_000
"""Limit before compression; rows shrink to a seventh or less."""
PLAIN_BYTES = 5_000_000
"""Limit for uncompressed responses: Lambda escapes each quotation mark."""

LOG_ROW, BUCKET, OUTCOME_ROW, REPORT, RECONCILIATION_ROW = 200, 130, 130, 250, 220
"""Bytes of a row with all its fields; a report's link is added to these."""
REPORT_CELL, REPORT_COLUMN = 4, 500
"""Bytes of a cell of a report's file, beside its text, and of a column with all its fields."""

ALTERNATIVES = "ask for less by first, a shorter period or fewer keys, or use exportCreditLog"


class ResponseBudget:
    """The bytes that one response may still take."""

    def __init__(self, *, compressed: bool) -> None:
        self._left = RENDERED_BYTES if compressed else PLAIN_BYTES

    def take(self, rows: int, each: int) -> None:
        """Reserve space for rows of so many bytes each.

        Raises:
            ResultTooLarge: that much is not left.
        """
        self._left -= rows * each
        if self._left < 0:
            raise ResultTooLarge(f"the answer would be larger than one response may be: {ALTERNATIVES}")


def refuse_beyond(body: bytes, *, compressed: bool) -> None:
    """Check a body as Lambda returns it: in base64 when it is compressed, else as a JSON string.

    Raises:
        ResultTooLarge: Lambda would not accept it.
    """
    size = (len(body) + 2) // 3 * 4 if compressed else _as_string(body)
    if size + ENVELOPE > LAMBDA_BYTES:
        raise ResultTooLarge(f"the answer is larger than one response may be: {ALTERNATIVES}")


def _as_string(body: bytes) -> int:
    """Upper bound for UTF-8 text inside a JSON string that escapes everything beyond ASCII."""
    if len(body) * 6 + ENVELOPE <= LAMBDA_BYTES:
        return len(body)
    beyond_ascii = len(body) - len(body.decode())
    return len(body) + body.count(b'"') + body.count(b"\\") + 4 * beyond_ascii
