"""The shapes in which a CSV file comes: what has one meaning is read, and no row is dropped, doubled or changed."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.vendors.log_file import CELLS, HEADER, LINE, ROW
from upstreams.errors import UpstreamBadResponse
from upstreams.openmarket.csv import read_log, read_outcome
from upstreams.openmarket.rows import LogRow, OutcomeRow

NAMES = HEADER.strip().split(",")
SECOND = ["1002", "2013-09-20 10:11:13", "447700900002", "Three", "FAILED", "2.50", "GBP"]
TWO = HEADER + LINE + ",".join(SECOND) + "\r\n"
ROWS = [ROW, LogRow(1002, ROW.time.replace(second=13), "447700900002", "Three", "FAILED", "2.50", "GBP")]


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


@pytest.mark.parametrize(
    "before",
    [
        "sep=,\r\n",
        "SEP=,\n",
        '"sep=,"\n',
        "\ufeffsep=,\n",
        "sep=;\n",
        "Crediting Log View\r\n",
        "OpenMarket\r\nCrediting Log View\r\n\r\n",
        "Account: 1234\r\nFrom: 2013-09-20 00:00:00 UTC\r\nTo: 2013-09-21 00:00:00 UTC\r\nBrand: all\r\n\r\n",
        "Account,1234,,,,,\r\n,,,,,,\r\nPeriod,2013-09-20,2013-09-21,,,,\r\n",
        "# generated 2013-09-20 10:11:12\n# by OpenMarket\n",
        "Report date 20/09/2013\n",
        "Time zone: UTC\nAll times are in UTC\nAmounts in GBP\n",
        "Generated 2013-09-20 10:11:12 BST\nEast Coast Times, 50 Cent\n",
        "Outcomes: SUCCESS, FAILED, PENDING\nSuccessful credits only\n",
        "Failed: 1\nErrors: 0\nCut-off time 23:59\n",
        "sep=,\nTotal rows: 2\n",
        "Rows,2\n",
        '"Log of ""MyBrand"", all networks"\n',
        'a title with one " quote\n',
    ],
)
def test_lines_before_the_header_are_skipped(before: str) -> None:
    assert read_log((before + TWO).encode()) == ROWS


@pytest.mark.parametrize(
    "before",
    [
        LINE,
        "Error: the log could not be read\n",
        "Warning: the result is incomplete\n",
        "PARTIAL DATA\n",
        "Page 1 of 3\n",
        "rows 1-100 of 250\n",
        "Showing 1,000 out of 5,000\n",
        "Rows 1 to 1000 / 5000\n",
        "Records 1-1000\n",
        "Not all rows are shown\n",
        "Results capped at 1000\n",
        "Row cap reached\n",
        "Time zone: Europe/London\n",
        "All times are BST\n",
        "Times are in local time\n",
        "Amounts in pence\n",
        "Amounts are in thousands\n",
        "Result limited to 10000 rows\n",
        "Query timed out\n",
        "Truncated\n",
        "Showing first 100 rows\n",
        "Only the first 100 records\n",
        "The export has failed\n",
        "Failed to read 3 rows\n",
        "<b>Notice</b>: undefined index\n",
        "{}\n",
        "x" * 500 + "\n",
        "line\n" * 40,
        "Total rows: 3\n",
        "0 records\n",
        "No data found\n",
    ],
)
def test_lines_before_the_header_that_mean_trouble_are_refused(before: str) -> None:
    with pytest.raises(UpstreamBadResponse):
        read_log((before + TWO).encode())


@pytest.mark.parametrize(
    "after",
    [
        "Total rows: 2",
        "Total rows: 2\r\n",
        "total rows = 2\n",
        "Total Rows,2\r\n",
        "Total rows: 2,,,,,,\r\n",
        "Total rows,2,,,,,\r\n",
        "Total number of records: 2",
        "Row count: 2\n",
        "Rows returned: 2\n",
        "2 rows\n",
        "(2 rows)\n",
        "2 records selected.\n",
        "# Total rows: 2\n",
        "-- 2 rows --\n",
        "\r\nTotal rows: 2\r\n\r\n",
        "End of report\n",
        "*** End of Report ***\n",
        "Total rows: 2\nEnd of file\n",
        "Generated at 2013-09-20 10:11:12 UTC\n",
        '"Total rows: 2"\n',
    ],
)
def test_lines_after_the_rows_that_are_understood_and_true_are_taken(after: str) -> None:
    assert read_log((TWO + after).encode()) == ROWS


@pytest.mark.parametrize(
    "after",
    [
        "Total rows: 3\r\n",
        "Total rows: 1",
        "Total rows: 20",
        "Total rows,3,,,,,\r\n",
        "2 rows\n3 rows\n",
        "0 rows\n",
        "Total,,,,,6,\n",
        "Total,,,,,4.00,GBP\n",
        "Total: 2\n",
        ",,,,,,\n",
        HEADER,
        "Total rows: 2\r\n" + LINE,
        "End of report\r\n" + LINE,
        "Internal error\n",
        "Result limited to 2 rows\n",
        "Page 1 of 2\n",
        "Warning: incomplete\n",
        "2 rows of 3\n",
        "# a comment\n",
        "...\n",
        "Generated\n",
        "end\n",
        "<!-- end -->\n",
        "1003,2013-09-20 10:11:14,4477009\n",
    ],
)
def test_lines_after_the_rows_that_are_not_understood_or_not_true_are_refused(after: str) -> None:
    with pytest.raises(UpstreamBadResponse):
        read_log((TWO + after).encode())


@pytest.mark.parametrize("number", ["1234", "1,234", "1.234", "1 234", "1'234", '"1,234"'])
def test_a_stated_number_of_rows_may_have_separators(number: str) -> None:
    for footer in (f"Total rows: {number}", f"Total rows,{number}", f"{number} rows"):
        if '"' not in number or footer.startswith("Total rows,"):
            assert len(read_log(f"{HEADER}{LINE * 1234}{footer}\n".encode())) == 1234
            with pytest.raises(UpstreamBadResponse):
                read_log(f"{HEADER}{LINE * 1233}{footer}\n".encode())


def test_a_stated_number_of_rows_counts_every_row_of_the_file() -> None:
    assert read_log(f"{HEADER}{LINE}{LINE}Total rows: 2\n".encode()) == [ROW, ROW]
    assert read_log(f"{HEADER}Total rows: 0\n".encode()) == []
    outcome = "Brand,Amount,Currency,Success,Failed,Credit Applied\nMyBrand,1.5,GBP,17,2,25.5000\nTotal rows,{}\n"
    assert read_outcome(outcome.format(1).encode()) == [OutcomeRow("MyBrand", "1.5", "GBP", 17, 2, "25.5000")]
    with pytest.raises(UpstreamBadResponse, match="another number of rows"):
        read_outcome(outcome.format(2).encode())


@pytest.mark.parametrize("brand", ["Total rows", "End of report", "Generated", "Created Ltd", "2 rows", "No data"])
def test_a_brand_that_reads_like_a_footer_is_a_brand(brand: str) -> None:
    text = f"Brand,Amount,Currency,Success,Failed,Credit Applied\n{brand},1.5,GBP,17,2,25.5000\n"
    assert read_outcome(text.encode())[0].brand == brand
    for cut in ("", ",1", ",1.5,GBP", ",1.5,GBP,17,2,"):
        if brand not in {"Total rows", "End of report", "2 rows"} or len(cut) > 2:
            with pytest.raises(UpstreamBadResponse):
                read_outcome(f"{text}{brand}{cut}\n".encode())


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
