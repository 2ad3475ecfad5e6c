"""JSON that is read while it comes: one value after the other out of a window of bounded size.

The standard library's scanner decodes a value once all of its text is in the window.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from ledger.contents.readers.nested_values import Number
from ledger.contents.readers.refusals import Broken, TooLarge

LONGEST_VALUE = 8 * 1024 * 1024
"""Characters of one value that is decoded whole: a row, or what stands beside the rows."""
NEAR_THE_END = 16
"""Characters: an error that is further from the window's end is not one of a value that goes on."""
BROKEN = "the file is not JSON, or ends early"
_BLANKS = re.compile(r"[ \t\n\r]*")


class JsonText:
    """A position in JSON text; every method raises `Broken` where the text is not JSON or ends early."""

    def __init__(self, pieces: Iterator[str], longest: int = LONGEST_VALUE) -> None:
        """`longest`: the most characters that one value may have."""
        self._pieces = pieces
        self._longest = longest
        self._text = ""
        self._at = 0
        self._ended = False
        decoder = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_refuse_constant)
        self._scan = decoder.raw_decode

    def peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            found = _BLANKS.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._read_on()

    def take(self, expected: str) -> str:
        """Go beyond the next character, which has to be one of the expected ones."""
        character = self.peek()
        if not character or character not in expected:
            raise Broken(BROKEN)
        self._at += 1
        return character

    def value(self) -> Any:  # noqa: ANN401 - any JSON value
        """The next value, decoded; numbers in the file's spelling.

        Raises:
            TooLarge: it is longer, or nested more deeply, than is read.
        """
        self.peek()
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except ValueError as error:
                if self._ended or self._is_wrong(error):
                    raise Broken(BROKEN) from None
            except RecursionError:
                raise TooLarge("a value is nested more deeply than is read") from None
            else:
                if self._ended or end < len(self._text) or self._text[end - 1] in '"]}':  # else a number may go on
                    self._at = end
                    return value
            self._read_on()

    def _is_wrong(self, error: ValueError) -> bool:
        """Whether an error of the scanner's is one that more text cannot mend."""
        if not isinstance(error, json.JSONDecodeError):
            return True  # a number that JSON does not have
        return "Unterminated string" not in error.msg and error.pos + NEAR_THE_END < len(self._text)

    def _read_on(self) -> None:
        """Have more of the text in the window, twice as much each time, so that a long value is not scanned often."""
        rest = self._text[self._at :]
        if len(rest) > self._longest:
            raise TooLarge("a value is longer than is read")
        pieces, size = [rest], 0
        for piece in self._pieces:
            pieces.append(piece)
            size += len(piece)
            if size > len(rest):
                break
        else:
            self._ended = True
        self._text, self._at = "".join(pieces), 0


def _refuse_constant(_: str) -> None:
    raise ValueError("JSON has no such number")
