"""What must never be read anywhere, and the one function that takes it out of a text.

Types that hold secrets do not print them; this is the second line, for what a library puts into an exception. Secrets
that were read go by their value, everything else by its shape: authorization, tokens, a link's query, phone numbers.
"""

import json
import re
from collections.abc import Callable
from urllib.parse import quote

SHORTEST = 4
"""Shorter values are not looked for: taking them out would leave no text readable."""
TAKEN_OUT = "[...]"

_PARAMETERS = "sig|signature|token|password|secret|code|key|x-amz-[a-z-]+|s[a-z]?[a-z]"
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\b(Bearer|Basic)(\s+|%20)[\w.~+/%-]{4,}=*", re.IGNORECASE), rf"\1 {TAKEN_OUT}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]*(\.[\w-]*)*"), TAKEN_OUT),
    (re.compile(r"(https?://)[^\s/@\"'<>]+@", re.IGNORECASE), r"\1"),
    (re.compile(r"(https?://[^\s?\"'<>]*)\?[^\s\"'<>]*", re.IGNORECASE), rf"\1?{TAKEN_OUT}"),
    (re.compile(rf"([?&]({_PARAMETERS})=)[^\s&\"'<>]*", re.IGNORECASE), rf"\1{TAKEN_OUT}"),
    (re.compile(r"(?<!\d)\d{9,15}(?!\d)"), TAKEN_OUT),
)


class _Known:
    """The secrets that this process has read, and the pattern that finds them."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: str) -> None:
        for written in (value, quote(value, safe=""), json.dumps(value)[1:-1], repr(value)[1:-1]):
            if len(written) >= SHORTEST and written not in self._values:
                self._values.add(written)
                self._pattern = None

    def taken_out(self, text: str) -> str:
        if not self._values:
            return text
        if self._pattern is None:
            # The longest first: one secret may begin with another.
            self._pattern = re.compile("|".join(map(re.escape, sorted(self._values, key=len, reverse=True))))
        return self._pattern.sub(TAKEN_OUT, text)


_known = _Known()
conceal: Callable[[str], None] = _known.add
"""Tell a secret that was just read; from now on no text that passes `redacted` holds it."""


def redacted(text: str) -> str:
    """The text without secrets, tokens, signatures and anything that may be a phone number."""
    text = _known.taken_out(text)
    for pattern, instead in _SHAPES:
        text = pattern.sub(instead, text)
    return text
