"""How large an answer may be: what Lambda takes, counted before an answer is rendered and once more after.

The estimate goes by rows, so that a hopeless answer costs neither time nor memory; the count after compression is
exact and decides. Both name the way out.
"""

from schema.errors import ResultTooLarge

LAMBDA_BYTES = 6_291_556
"""The most that a function may hand back, as JSON."""
ENVELOPE = 8_192
"""Status, headers and braces around the body."""
RENDERED_BYTES = 24_000_000
"""An answer that is compressed may be so large before; rows shrink to a seventh or less."""
PLAIN_BYTES = 5_000_000
"""One that is not may be so large: each quotation mark in it is escaped on its way through Lambda."""

LOG_ROW, BUCKET, OUTCOME_ROW, REPORT = 200, 130, 130, 250
"""What a row with all its fields takes; a report's link comes on top."""

WAY_OUT = "ask for less by first, a shorter period or fewer keys, or use exportCreditLog"


class ResponseBudget:
    """What is left of one answer's space."""

    def __init__(self, *, compressed: bool) -> None:
        self._left = RENDERED_BYTES if compressed else PLAIN_BYTES

    def take(self, rows: int, each: int) -> None:
        """Set space aside for rows.

        Raises:
            ResultTooLarge: there is not so much left.
        """
        self._left -= rows * each
        if self._left < 0:
            raise ResultTooLarge(f"the answer would be larger than one response may be: {WAY_OUT}")


def refuse_beyond(body: bytes, *, compressed: bool) -> None:
    """Check a body as it goes out: in base64 when it is compressed, else as a string in JSON.

    Raises:
        ResultTooLarge: Lambda would not take it.
    """
    size = (len(body) + 2) // 3 * 4 if compressed else _as_string(body)
    if size + ENVELOPE > LAMBDA_BYTES:
        raise ResultTooLarge(f"the answer is larger than one response may be: {WAY_OUT}")


def _as_string(body: bytes) -> int:
    """The most that UTF-8 text takes inside a JSON string that escapes everything beyond ASCII."""
    if len(body) * 6 + ENVELOPE <= LAMBDA_BYTES:
        return len(body)
    beyond_ascii = len(body) - len(body.decode())
    return len(body) + body.count(b'"') + body.count(b"\\") + 4 * beyond_ascii
