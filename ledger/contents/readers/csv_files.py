"""CSV: the delimiter is the one by which the first records have one constant width."""

import csv
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from itertools import islice

from ledger.contents.readers.refusals import MOST_CELL, MOST_ROW, Broken, TooLarge
from ledger.contents.readers.sheets import ColumnNames, Row, Sheet, row_of
from ledger.contents.readers.text import Opener, encoding_of, text_of

DELIMITERS = ",;\t|"
SAMPLE_CHARACTERS = 65_536
SAMPLE_RECORDS = 200
_SAYS_SO = "sep="
"""How a spreadsheet program begins a file to name its delimiter."""


def sheets_of(open_file: Opener) -> Iterator[Sheet]:
    """The one table of a CSV file.

    Raises:
        Refusal: it is not text, or larger than is read; also while rows are read.
    """
    encoding = encoding_of(open_file)
    with open_file() as stream:
        lines = _lines(text_of(stream, encoding))
        sample = _sample(lines)
        delimiter = _named(sample) or delimiter_of(sample)
        records = csv.reader(_joined(sample, lines), delimiter=delimiter)
        columns = ColumnNames.of(_header(records))
        yield Sheet(None, columns, _rows(records, columns))


def delimiter_of(sample: list[str]) -> str:
    """The delimiter with the widest constant width; where none is constant, the one whose width is so most often."""
    scores = {delimiter: _score(sample, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: scores[delimiter])
    return best if scores[best] > (0.0, 0) else ","


def _score(sample: list[str], delimiter: str) -> tuple[float, int]:
    """How constant the width is (1.0: always) and what it is; nothing where it is one column."""
    try:
        records = list(islice(csv.reader(sample, delimiter=delimiter), SAMPLE_RECORDS))
    except csv.Error:
        return 0.0, 0
    widths = Counter(len(record) for record in records if record)
    if not widths:
        return 0.0, 0
    width, often = max(widths.items(), key=lambda item: (item[1], item[0]))
    return (often / widths.total(), width) if width > 1 else (0.0, 0)


def _named(sample: list[str]) -> str | None:
    """The delimiter that the first line names; the line is taken out."""
    first = sample[0].strip() if sample else ""
    if first.lower().startswith(_SAYS_SO) and len(first) == len(_SAYS_SO) + 1:
        del sample[0]
        return first[-1]
    return None


def _header(records: Iterator[list[str]]) -> list[str]:
    for record in _read(records):
        if any(record):
            return record
    return []


def _rows(records: Iterator[list[str]], columns: ColumnNames) -> Iterator[Row]:
    for record in _read(records):
        if (row := row_of(record, columns)) is not None:
            yield row


def _read(records: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        yield from records
    except csv.Error as error:
        if "field limit" in str(error):
            raise TooLarge(f"a cell has more than {MOST_CELL:,} characters") from None
        raise Broken("the file is not CSV") from None


def _sample(lines: Iterator[str]) -> list[str]:
    """The first lines, up to some size."""
    sample, size = [], 0
    for line in lines:
        sample.append(line)
        size += len(line)
        if size > SAMPLE_CHARACTERS:
            break
    return sample


def _joined(sample: list[str], lines: Iterator[str]) -> Iterator[str]:
    yield from sample
    yield from lines


def _lines(pieces: Iterator[str]) -> Iterator[str]:
    """Lines with their endings: line feeds, carriage returns or both, and nothing else that Unicode has.

    Raises:
        TooLarge: a line is longer than a row may be.
    """
    rest = ""
    for piece in pieces:
        lines = StringIO(rest + piece, newline="").readlines()
        rest = lines.pop() if lines and not lines[-1].endswith("\n") else ""  # after `\r` a `\n` may follow
        if len(rest) > MOST_ROW:
            raise TooLarge("a line is longer than is read")
        yield from lines
    if rest:
        yield rest
