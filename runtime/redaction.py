"""What may never appear in a log line or an answer, and the one function that takes it out of a text.

Types that hold secrets do not print them; this is the second line of defence, for what a library puts into an
exception. Secrets that were read are found by their value, everything else by its shape: authorization headers, tokens,
a link's query, phone numbers. A line takes as long with thousands of known secrets as with one: only those are looked
for whose first characters occur in the text.
"""

import json
import math
import re
import time
from functools import cache
from urllib.parse import quote

SHORTEST = 4
"""Shorter values are not looked for: taking them out would leave no text readable."""
TAKEN_OUT = "[...]"

_PARAMETERS = "sig|signature|token|password|secret|code|key|x-amz-[a-z-]+|s[a-z]?[a-z]"
_BETWEEN_DIGITS = "[ \u00a0()\u2010-\u2015-]{0,2}"
_SHAPES = (
    (r"(?i)\b(Bearer|Basic)(\s+|%20)[\w.~+/%-]{4,}=*", rf"\1 {TAKEN_OUT}"),
    (r"\beyJ[\w-]+\.[\w-]*(\.[\w-]*)*", TAKEN_OUT),
    (r"(?i)(https?://)[^\s/@\"'<>]+@", r"\1"),
    (r"(?i)(https?://[^\s?\"'<>]*)\?[^\s\"'<>]*", rf"\1?{TAKEN_OUT}"),
    (rf"(?i)([?&]({_PARAMETERS})=)[^\s&\"'<>]*", rf"\1{TAKEN_OUT}"),
    (r"(?<!\d)\d{9,15}(?!\d)", TAKEN_OUT),
    # The same with spaces, hyphens or brackets between the digits; but a date stays, with what follows it.
    (rf"(?<![\d-])(?!\d{{4}}-\d\d-\d\d(?!\d))\d(?:{_BETWEEN_DIGITS}\d){{8,14}}(?!\d)", TAKEN_OUT),
)


@cache
def _shapes() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The shapes, compiled with the first text: most cold starts have none."""
    return tuple((re.compile(pattern), instead) for pattern, instead in _SHAPES)


class _KnownSecrets:
    """The secrets that this process has read, by their first characters, each until it is worthless."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._by_start: dict[str, list[str]] = {}
        self._most = 64

    def add(self, value: str, seconds: float) -> None:
        if len(self._until) >= self._most:
            self._drop_worthless()
        until = time.monotonic() + seconds
        for written in (value, quote(value, safe=""), json.dumps(value)[1:-1], repr(value)[1:-1]):
            if len(written) < SHORTEST:
                continue
            if written not in self._until:
                self._by_start.setdefault(written[:SHORTEST], []).append(written)
            self._until[written] = max(until, self._until.get(written, 0.0))

    def taken_out(self, text: str) -> str:
        starts = {text[at : at + SHORTEST] for at in range(len(text) - SHORTEST + 1)} if self._by_start else set()
        found = [value for start in self._by_start.keys() & starts for value in self._by_start[start] if value in text]
        if not found:
            return text
        # The longest first: one secret may begin with another.
        pattern = "|".join(map(re.escape, sorted(found, key=len, reverse=True)))
        return re.sub(pattern, TAKEN_OUT, text)

    def _drop_worthless(self) -> None:
        now = time.monotonic()
        self._until = {value: until for value, until in self._until.items() if until > now}
        self._by_start = {}
        for value in self._until:
            self._by_start.setdefault(value[:SHORTEST], []).append(value)
        self._most = max(64, 2 * len(self._until))


_known = _KnownSecrets()


def conceal(value: str, seconds: float = math.inf) -> None:
    """Take a secret that was just read out of every text from now on, for as long as it is worth something."""
    _known.add(value, seconds)


def redacted(text: str) -> str:
    """The text without secrets, tokens, signatures and anything that may be a phone number."""
    text = _known.taken_out(text)
    for pattern, instead in _shapes():
        text = pattern.sub(instead, text)
    return text
