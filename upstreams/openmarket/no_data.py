"""Recognises a sentence that replaces an empty report, such as "No data found for the requested period".

Only what is understood counts, since days are settled on it: the sentence in the setting `OPENMARKET_NO_DATA`, or one
short line of `text/plain` without separators whose every word belongs to such a sentence. An error message never does.
"""

import functools
import re

from upstreams.bodies import Body
from upstreams.errors import UpstreamBadResponse
from upstreams.openmarket.text import as_utf8

_LONGEST = 300
_SEPARATORS = re.compile(r"[,;|\t]")
_OPENING = re.compile(
    r"(?:sorry )?(?:there (?:is|are|was|were) |(?:(?:your|the|this) )?(?:(?:requested|selected|specified) )?"
    r"(?:search|query|request|report|period) (?:returned|has|had|contains|produced|matched) )?"
)
_WHICH = re.compile(r"matching|credit|crediting|log|outcome|report|mobile|such")
_NOUN = re.compile(r"data|rows?|records?|results?|credits?|transactions?|entr(?:y|ies)|items?|match(?:es)?")
_AFTER_CREDITS = re.compile(r"found|returned|recorded|reported|exist|in|for|within|during|were")
_DATE = r"[0-9]{1,4}(?:[-/.:t][0-9]{1,2}){0,5}(?:z|\+[0-9:]{2,5})?"
_REST = re.compile(
    rf"{_NOUN.pattern}|{_DATE}|was|were|is|are|has|have|been|exists?|matched|returned|found|available|present|recorded|"
    r"reported|selected|to|display|show|return|export|for|in|within|during|matching|between|from|and|or|on|with|of|by|"
    r"at|the|this|that|your|these|those|given|requested|specified|chosen|supplied|provided|search|time|dates?|"
    r"reporting|report|period|range|criteria|query|request|parameters?|account|brand|interval|days?|filters?|window|"
    r"utc|gmt|bst"
)


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
    return not _SEPARATORS.search(line.strip()) and _says_none(_OPENING.sub("", text, count=1).split())


def says_no_data(body: Body, content_type: str | None, own: re.Pattern[str]) -> bool:
    """Whether a whole answer is such a sentence; the usual words count as `text/plain` only."""
    size = len(body) if isinstance(body, bytes) else body.size
    if not size or size > _LONGEST:
        return False
    try:
        lines = as_utf8(body, content_type).open().read().strip().splitlines()
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
        case [noun, "not", *rest] if _NOUN.fullmatch(noun):
            pass
        case ["no" | "0" | "zero", *rest] if _begins_with_a_noun(rest := _without_which(rest)):
            pass
        case _:
            return False
    return all(_REST.fullmatch(word) for word in rest)


def _without_which(words: list[str]) -> list[str]:
    """The words from the noun on: "crediting log data found" speaks of data."""
    while len(words) > 1 and _WHICH.fullmatch(words[0]) and (_NOUN.fullmatch(words[1]) or _WHICH.fullmatch(words[1])):
        words = words[1:]
    return words


def _begins_with_a_noun(words: list[str]) -> bool:
    """Whether the words speak of rows; "no credits available" speaks of a balance."""
    match words:
        case ["credit" | "credits", *rest]:
            return bool(rest) and _AFTER_CREDITS.fullmatch(rest[0]) is not None
        case [noun, *_]:
            return _NOUN.fullmatch(noun) is not None
        case _:
            return False


def _normalised(line: str) -> str:
    """Lower case, single spaces, and no separators: below a header a sentence comes in the cells of a row."""
    return " ".join(_SEPARATORS.sub(" ", line).casefold().strip("\"' \t\r\n\ufeff").rstrip(".! ").split())
