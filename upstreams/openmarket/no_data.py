"""Recognises a sentence that stands for an empty report, such as "No data found for the requested period".

Only what is understood counts, since days are settled on it: the sentence in the setting `OPENMARKET_NO_DATA`, or one
short line of `text/plain` without separators whose every word belongs to such a sentence. An error message never does.
"""

import functools
import re

from upstreams.errors import UpstreamBadResponse
from upstreams.openmarket.text import as_utf8

_LONGEST = 300
_SEPARATORS = re.compile(r"[,;|\t]")
_OPENINGS = ("", "sorry ", "there is ", "there are ", "there was ", "there were ")
_NONE = frozenset({"no", "0", "zero"})
_WHICH = frozenset({"matching", "credit", "crediting", "log", "outcome", "report", "mobile", "such"})
_NOUNS = frozenset(
    {"data", "row", "rows", "record", "records", "result", "results", "credit", "credits", "transaction"}
    | {"transactions", "entry", "entries", "item", "items", "match", "matches"}
)
_REST = (
    _NOUNS
    | {
        "was",
        "were",
        "is",
        "are",
        "has",
        "have",
        "been",
        "exist",
        "exists",
        "matched",
        "returned",
        "found",
        "available",
    }
    | {
        "present",
        "recorded",
        "reported",
        "selected",
        "to",
        "display",
        "show",
        "return",
        "export",
        "for",
        "in",
        "within",
    }
    | {"during", "matching", "between", "from", "and", "or", "on", "with", "of", "by", "at", "the", "this", "that"}
    | {"your", "these", "those", "given", "requested", "specified", "chosen", "supplied", "provided", "search", "time"}
    | {"date", "dates", "reporting", "report", "period", "range", "criteria", "query", "request", "parameter", "brand"}
    | {"parameters", "account", "interval", "day", "days", "filter", "filters", "window", "utc", "gmt", "bst"}
)
_DATE = re.compile(r"[0-9]{1,4}(?:[-/.:t][0-9]{1,2}){0,5}(?:z|\+[0-9:]{2,5})?")


@functools.cache
def sentence_pattern(sentence: str) -> re.Pattern[str]:
    """A vendor's own sentence, in any case and spacing; `*` stands for any text. An empty one matches nothing."""
    words = _normalised(sentence)
    return re.compile(".*".join(map(re.escape, words.split("*"))) if words.strip("* ") else r"(?!)")


def is_no_data(line: str, own: re.Pattern[str]) -> bool:
    """Whether a line says that there are no rows, in the vendor's own words or in the usual ones."""
    text = _normalised(line)
    if own.fullmatch(text):
        return True
    return not _SEPARATORS.search(text) and any(
        text.startswith(opening) and _says_none(text[len(opening) :].split()) for opening in _OPENINGS
    )


def says_no_data(body: bytes, content_type: str | None, own: re.Pattern[str]) -> bool:
    """Whether a whole answer is such a sentence; the usual words count as `text/plain` only."""
    if not body or len(body) > _LONGEST:
        return False
    try:
        lines = as_utf8(body, content_type).decode().strip().splitlines()
    except UpstreamBadResponse:
        return False  # The reader of the report meets the same bytes, and says what is wrong with them.
    if len(lines) != 1:
        return False
    plain = (content_type or "").partition(";")[0].strip().lower() == "text/plain"
    return own.fullmatch(_normalised(lines[0])) is not None or (plain and is_no_data(lines[0], own))


def _says_none(words: list[str]) -> bool:
    match words:
        case ["nothing", *rest]:
            pass
        case [noun, "not", *rest] if noun in _NOUNS:
            pass
        case [none, *rest] if none in _NONE:
            while rest and rest[0] in _WHICH and rest[1:] and rest[1] in _NOUNS | _WHICH:
                rest = rest[1:]
            if not rest or rest[0] not in _NOUNS:
                return False
        case _:
            return False
    return all(word in _REST or _DATE.fullmatch(word) for word in rest)


def _normalised(line: str) -> str:
    return " ".join(line.casefold().strip("\"' \t\r\n\ufeff").rstrip(".! ").split())
