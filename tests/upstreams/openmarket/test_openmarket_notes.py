"""Lines before a CSV file's header and after its rows: what is understood and true is skipped, else the file fails."""

import pytest

from tests.support.vendors.log_file import HEADER, LINE, ROW, ROWS, TWO
from upstreams.errors import UpstreamBadResponse
from upstreams.openmarket.csv import read_log, read_outcome
from upstreams.openmarket.rows import OutcomeRow


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
