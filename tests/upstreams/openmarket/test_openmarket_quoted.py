"""The reader that takes blanks around quoted cells reads everything else as the standard library's does."""

import csv
import io
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from upstreams.openmarket.quoted import TolerantReader

if TYPE_CHECKING:
    import _csv

pieces = st.lists(st.sampled_from(['"', '""', ",", ";", "\t", "\r\n", "\n", "\r", " ", "a", "b c", "é"]), max_size=25)


class Trickle(io.StringIO):
    """A file that gives two characters at a time."""

    def read(self, size: int | None = -1, /) -> str:
        return super().read(2 if size else 0)


def stripped(reader: "TolerantReader | _csv.Reader") -> list[tuple[int, list[str]]]:
    """The rows and their lines, without blank ones."""
    rows = [(reader.line_num, [cell.strip(" \t") for cell in row]) for row in reader]
    return [(line, row) for line, row in rows if row not in ([], [""])]


@settings(deadline=None, max_examples=500)
@given(pieces.map("".join), st.sampled_from([",", ";", "\t"]), st.sampled_from(['"', "'"]))
def test_what_the_standard_reader_takes_is_read_alike(text: str, delimiter: str, quote: str) -> None:
    text = text.replace('"', quote)
    file = io.StringIO(text, newline="")
    try:
        expected = stripped(csv.reader(file, delimiter=delimiter, quotechar=quote, strict=True, skipinitialspace=True))
    except csv.Error:
        return
    if delimiter != "\t" and re.search(rf"\t[ \t]*{quote}", text):
        return  # The standard reader takes a tab before a quote as part of an unquoted cell.
    assert stripped(TolerantReader(io.StringIO(text, newline=""), delimiter, quote)) == expected
    assert stripped(TolerantReader(Trickle(text, newline=""), delimiter, quote)) == expected


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('"a" ,"b"\t, "c"\n', [["a", "b", "c"]]),
        ('\t"a"\u00a0,b\r\n"c" \r\n', [["a", "b"], ["c"]]),
        ('"a, ""b"" ,c" ,\n', [['a, "b" ,c', ""]]),
        ('"a\n\nb" ,c', [["a\n\nb", "c"]]),
        ("a,\n\n,b", [["a", ""], [], ["", "b"]]),
        ("", []),
    ],
)
def test_blanks_around_quotes_are_skipped(text: str, rows: list[list[str]]) -> None:
    assert list(TolerantReader(io.StringIO(text, newline=""), ",", '"')) == rows
    assert list(TolerantReader(Trickle(text, newline=""), ",", '"')) == rows


@pytest.mark.parametrize("text", ['"a" b', '"a"b"', 'x,"a', '"a""', '"a" "b"', ' "a"x', '"a" \t b,c'])
def test_a_quoted_cell_that_does_not_end_where_it_should_is_an_error(text: str) -> None:
    for file in (io.StringIO(text, newline=""), Trickle(text, newline="")):
        with pytest.raises(csv.Error):
            list(TolerantReader(file, ",", '"'))
