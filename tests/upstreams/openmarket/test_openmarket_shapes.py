"""The shapes in which a CSV file comes: what has one meaning is read, and no row is dropped, doubled or changed."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.vendors.log_file import CELLS, HEADER, LINE, ROW, ROWS, SECOND, TWO
from upstreams.errors import UpstreamBadResponse
from upstreams.openmarket.csv import read_log
from upstreams.openmarket.rows import LogRow

NAMES = HEADER.strip().split(",")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_a_delimiter_is_known_by_the_header(delimiter: str, quote: str) -> None:
    lines = (NAMES, CELLS, SECOND)
    text = "\r\n".join(delimiter.join(f"{quote}{cell}{quote}" for cell in line) for line in lines)
    assert read_log(f"{text}\r\n".encode()) == ROWS


def test_other_delimiters_stay_part_of_a_name() -> None:
    for delimiter, name in ((";", "Three, UK"), (",", "Three; UK | 3"), ("\t", "Three, UK; | 3")):
        text = delimiter.join(NAMES) + "\n" + delimiter.join([*CELLS[:3], name, *CELLS[4:]]) + "\n"
        assert read_log(text.encode())[0].network == name


@pytest.mark.parametrize(
    "text",
    [
        TWO.replace("\r\n", "\r\n", 1).replace(LINE, LINE.replace(",", ";")),
        TWO.replace(",", ":"),
        TWO.replace(",", "  "),
        TWO.replace(",Network", ";Network"),
        TWO.replace("\n" + ",".join(SECOND), "\n" + ";".join(SECOND)),
    ],
    ids=["rows of another delimiter", "colons", "blanks", "two delimiters in the header", "a row of another delimiter"],
)
def test_a_delimiter_that_does_not_fit_everywhere_is_refused(text: str) -> None:
    with pytest.raises(UpstreamBadResponse):
        read_log(text.encode())


@pytest.mark.parametrize("blank", [" ", "\t", "  \t", "\t ", "\u00a0", "\u00a0 "])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_blanks_around_quotes_are_no_part_of_a_cell(blank: str, end: str) -> None:
    for before, after in (("", blank), (blank, ""), (blank, blank)):
        rows = [",".join(f'{before}"{cell}"{after}' for cell in line) for line in (NAMES, CELLS, SECOND)]
        assert read_log((end.join(rows) + end).encode()) == ROWS


@pytest.mark.parametrize("blank", [" ", "  ", "\t", "\u00a0", "\u2003", "\x0b", "\x0c", "\x1f", "\x85"])
@pytest.mark.parametrize("column", range(7))
def test_blanks_around_a_cell_are_no_part_of_it(blank: str, column: int) -> None:
    for before, after in (("", blank), (blank, ""), (blank, blank)):
        cells = [*CELLS[:column], f"{before}{CELLS[column]}{after}", *CELLS[column + 1 :]]
        for end in ("\r\n", "\n"):
            assert read_log(f"{HEADER}{','.join(cells)}{end}{','.join(SECOND)}{end}".encode()) == ROWS
        assert read_log(f"{HEADER}{','.join(SECOND)}\n{','.join(cells)}".encode()) == ROWS[::-1]


def test_blanks_around_quotes_leave_what_is_in_them() -> None:
    name = 'T-Mobile, ""the" ,"" one\r\nUK" '
    quoted = name.replace('"', '""')
    text = f'{HEADER}{",".join(CELLS[:3])}, "{quoted}" ,{",".join(CELLS[4:])}\r\n{",".join(SECOND)}\r\n'
    assert read_log(text.encode()) == [ROW._replace(network=name.strip()), ROWS[1]]


@pytest.mark.parametrize(
    "name", ['"O2 "Priority" UK"', '"O2 "Priority" UK" ', r'"O2 \"Priority\" UK"', '"O2" UK', '"O2']
)
def test_a_lone_quote_in_a_quoted_cell_is_refused(name: str) -> None:
    for line in (LINE, LINE.replace("SUCCESS", '"SUCCESS" ')):
        with pytest.raises(UpstreamBadResponse, match="line"):
            read_log((HEADER + line.replace("O2", name)).encode())


def test_a_quote_inside_an_unquoted_cell_stays() -> None:
    for text in (LINE, LINE.replace("SUCCESS", '"SUCCESS" ')):
        (row,) = read_log((HEADER + text.replace("O2", 'O2 "Priority" UK')).encode())
        assert row.network == 'O2 "Priority" UK'


@pytest.mark.parametrize("wrapped", [[0, 2], [0], [2], [0, 1, 2, 3, 4, 6]])
@pytest.mark.parametrize("quoted", [False, True])
def test_cells_wrapped_for_a_spreadsheet_are_unwrapped(wrapped: list[int], quoted: bool) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_MINIMAL) if quoted else None
    for line in (CELLS, SECOND):
        cells = [f'="{cell}"' if column in wrapped else cell for column, cell in enumerate(line)]
        if writer:
            writer.writerow(cells)
        else:
            file.write(",".join(cells) + "\r\n")
    assert read_log((HEADER + file.getvalue()).encode()) == ROWS


@pytest.mark.parametrize("cell", ['="1001', "=1001", '=""1001""', '="=1001"', '="4.47701E+11"', '="10""01"'])
def test_a_cell_that_is_wrapped_in_another_way_is_not_a_number(cell: str) -> None:
    with pytest.raises(UpstreamBadResponse, match="line 2"):
        read_log((HEADER + LINE.replace(CELLS[0], cell)).encode())


def test_single_quotes_around_every_cell_are_taken_off_and_around_some_refused() -> None:
    every = "\n".join(",".join(f"'{cell}'" for cell in line) for line in (NAMES, CELLS, SECOND))
    assert read_log(f"{every}\n".encode()) == ROWS
    rows = "\n".join(",".join(f"'{cell}'" for cell in line) for line in (CELLS, SECOND))
    some = LINE.replace("GBP", "'GBP'").replace("SUCCESS", "'SUCCESS'")
    for text in (HEADER + rows + "\n", HEADER + some, HEADER + LINE.replace(CELLS[0], f"'{CELLS[0]}'")):
        with pytest.raises(UpstreamBadResponse, match="line 2"):
            read_log(text.encode())


@pytest.mark.parametrize(
    "header", [HEADER.strip() + ",", HEADER.strip() + ", ,", HEADER.replace("Time", '"Time\n').strip()]
)
def test_a_header_with_empty_names_at_its_end_is_read_and_one_over_two_lines_refused(header: str) -> None:
    text = f"{header}\r\n{LINE}"
    if "\n" in header:
        with pytest.raises(UpstreamBadResponse, match="no column"):
            read_log(text.encode())
    else:
        assert read_log(text.encode()) == read_log(f"{header}\r\n{LINE.strip()},\r\n".encode()) == [ROW]


characters = st.sampled_from("ab£é☎ ,;|\t\"'=-#.:\u00a0") | st.characters(
    codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]
)


names = st.text(characters, min_size=1).map(str.strip).filter(lambda name: name and '="' not in name)


log_rows = st.lists(
    st.builds(
        LogRow,
        st.integers(0, 2**64 - 1),
        st.datetimes(timezones=st.just(ROW.time.tzinfo)),
        st.from_regex(r"[0-9]{8,15}", fullmatch=True),
        names,
        st.sampled_from(["SUCCESS", "failed", "on hold"]),
        st.decimals(0, 1000, places=4, allow_nan=False).map(str),
        st.sampled_from(["GBP", "EUR"]),
    ),
    max_size=4,
)


shapes = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t|"),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        "lineterminator": st.sampled_from(["\r\n", "\n", "\r"]),
        "order": st.permutations(range(7)),
        "extra": st.booleans(),
        "before": st.sampled_from(["", "sep=,", "Credit log", "Account: 12\n\nBrand: all"]),
        "after": st.sampled_from(["", "Total rows: {}", "({} rows)", "\nEnd of report"]),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
        "wrapped": st.booleans(),
    }
)


def file_of(rows: list[LogRow], shape: dict[str, Any]) -> bytes:
    order, end = shape["order"], shape["lineterminator"]
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=shape["delimiter"], quoting=shape["quoting"], lineterminator=end)
    for line in (NAMES, *rows):
        cells = [str(cell) for cell in line]
        if shape["wrapped"] and line is not NAMES:
            cells[0], cells[2] = f'="{cells[0]}"', f'="{cells[2]}"'
        writer.writerow([cells[column] for column in order] + ["note"] * shape["extra"])
    before, after = shape["before"].replace("\n", end), shape["after"].format(len(rows)).replace("\n", end)
    text = (before and before + end) + file.getvalue() + (after and after + end)
    return bytes(text.encode(shape["encoding"]))


@settings(deadline=None)
@given(log_rows, shapes)
def test_whatever_shape_a_file_has_its_rows_are_read_exactly(rows: list[LogRow], shape: dict[str, Any]) -> None:
    assert read_log(file_of(rows, shape)) == rows


@settings(deadline=None)
@given(log_rows, shapes, st.integers(0, 100_000))
def test_a_file_of_any_shape_that_is_cut_gives_no_row_that_is_not_in_it(
    rows: list[LogRow], shape: dict[str, Any], place: int
) -> None:
    body = file_of(rows, shape)
    try:
        read = read_log(body[: place % len(body)])
    except UpstreamBadResponse:
        return
    assert read == rows[: len(read)]
