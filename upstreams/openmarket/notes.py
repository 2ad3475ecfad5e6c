"""The lines of a CSV file before its header and after its rows: what they say has to be understood, or true.

Lines before the header are a title or repeat what was asked for, and are skipped. After the rows any text could be a
row that was cut off, so only what is known counts: a number of rows, an end mark, a date of origin, a sentence about no
data. A line that says that something is missing (an error, a limit, "page 1 of 3") makes the file unusable, and so does
one by which its times or amounts mean something else than they look like ("all times are BST", "amounts in pence").
"""

import re
from collections.abc import Callable

LONGEST_NOTE = 300
MOST_CELLS_AFTER = 3

_SEPARATOR_LINE = re.compile(r"[\"']?sep=(?:[,;|\t]|\\t)?[\"',;|\t ]*", re.IGNORECASE)
_ROWS = r"(?:rows?|records?|credits?|entries|transactions?|lines|items)"
_NOT_A_DIGIT = re.compile(r"[^0-9]")
_DONE = r"(?:returned|found|exported|selected|reported|listed)"
_NUMBER = r"([0-9]{1,3}(?:[ ,.'][0-9]{3})+|[0-9]{1,10})"
_COUNT = re.compile(
    rf"(?:(?:the )?(?:total )?(?:number |count )?(?:of )?)?{_ROWS}(?: (?:count|total))?(?: {_DONE})?[ :=]+{_NUMBER}"
    rf"|(?:total[ :]+)?{_NUMBER} {_ROWS}(?: (?:in )?total)?(?: {_DONE})?"
)
_END = re.compile(r"end of (?:the )?(?:report|file|data|log|export|list)")
_ORIGIN = re.compile(
    r"(?:(?:the )?(?:report|file|data) )?(?:was )?(?:generated|created|produced|exported|downloaded|printed)"
    r"(?: (?:at|on|by|from))?[ :]+[0-9]{1,4}[-/. ][0-9a-z]{1,9}[-/. ][0-9]{1,4}(?:[ t,]+[0-9:.]+)?"
    r"(?: ?[a-z]{1,5}| ?[+-][0-9:]+)?"
)
_TROUBLE = (
    r"errors?(?!\W+0\b)|warnings?(?!\W+0\b)|exceptions?|failures?|fail(?:s|ed) to",
    r"(?:has|have|was|were|query|request|report|export|job) (?:failed|cancell?ed)",
    r"incomplete|partial\w*|truncat\w*|abort\w*|interrupted|continued|missing|cut (?:off|short)|sample|preview",
    r"timed? ?-?out|denied|unauthori[sz]ed|forbidden|unavailable|invalid|unable|cannot|could not|sorry",
    r"limit(?:ed|s)?|exceed\w*|maximum|max|(?:next|previous) page|(?:page|part|file) [0-9]+|[0-9]+ (?:out )?of [0-9]+",
    rf"not all|capped|cap (?:was |has been )?reached|{_ROWS} [0-9 ,.'-]+(?: ?/ ?| to |-)[0-9]+",
    rf"more {_ROWS}|(?:only|first|last|top) (?:the )?(?:first )?[0-9]+ {_ROWS}",
)
# What would make the figures mean something else: the table's times are UTC and its amounts whole units.
_OTHER_MEANING = re.compile(
    r"\blocal times?\b|\btime ?zone\W+(?!utc\b|gmt\b|z\b)\w"
    r"|\btimes? (?:is|are|in)[\w ]* (?:bst|cest|cet|edt|est|ist|pdt|pst)\b"
    r"|\bamounts?\b.*\b(?:in|of) (?:pence|cents?|minor units|hundreds|thousands|millions)\b"
)
_INCOMPLETE = re.compile(rf"\b(?:{'|'.join(_TROUBLE)})\b")


class Notes:
    """The lines around a table; `says_no_data` recognises a sentence that stands for no rows."""

    def __init__(self, says_no_data: Callable[[str], bool]) -> None:
        self._says_no_data = says_no_data
        self._stated_rows: list[int] = []

    def before(self, cells: list[str], columns: int) -> bool:
        """Whether a line before the header can be skipped: text, but not a row of the table or a sign of trouble."""
        filled = _filled(cells)
        text = " ".join(filled)
        if not text or _SEPARATOR_LINE.fullmatch(text):
            return True
        if len(filled) >= columns or len(text) > LONGEST_NOTE or text[0] in "<{":
            return False
        return self._states_rows(text) or not _says_trouble(text)

    def after(self, cells: list[str]) -> bool:
        """Whether a line after the rows is understood."""
        filled = _filled(cells)
        text = " ".join(filled)
        if len(filled) > MOST_CELLS_AFTER or len(text) > LONGEST_NOTE:
            return False
        return self._states_rows(text) or any(known.fullmatch(_plain(text)) for known in (_END, _ORIGIN))

    def agree_with(self, rows: int) -> bool:
        """Whether every stated number of rows is the number that was read."""
        return all(stated == rows for stated in self._stated_rows)

    def _states_rows(self, text: str) -> bool:
        if self._says_no_data(text):
            self._stated_rows.append(0)
        elif match := _COUNT.fullmatch(_plain(text)):
            self._stated_rows.append(int(_NOT_A_DIGIT.sub("", match[1] or match[2])))
        else:
            return False
        return True


def _filled(cells: list[str]) -> list[str]:
    return [cell.strip() for cell in cells if cell.strip()]


def _says_trouble(text: str) -> bool:
    text = text.casefold()
    return _INCOMPLETE.search(text) is not None or _OTHER_MEANING.search(text) is not None


def _plain(text: str) -> str:
    return " ".join(text.casefold().strip(" \t#*-=()[]<>.!\"'").split())
