import contextlib
import csv
import datetime as dt
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.vendors.log_file import CELLS, HEADER, LINE, ROW, with_cell
from upstreams.errors import UpstreamBadResponse
from upstreams.openmarket.csv import read_log, read_outcome
from upstreams.openmarket.rows import CreditState, LogRow, OutcomeRow, state_of

OUTCOME = "Brand,Amount,Currency,Success,Failed,Credit Applied\r\nMyBrand,1.5,GBP,17,2,25.5000\r\n"


def test_a_log_is_read_exactly() -> None:
    assert read_log((HEADER + LINE).encode()) == [ROW]


def test_an_outcome_is_read_exactly() -> None:
    assert read_outcome(OUTCOME.encode()) == [OutcomeRow("MyBrand", "1.5", "GBP", 17, 2, "25.5000")]


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\xef\xbb\xbf", b" \n\n", HEADER.encode(), HEADER.strip().encode()])
def test_an_empty_file_or_a_header_alone_means_no_rows(body: bytes) -> None:
    assert read_log(body) == []


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEADER + LINE,
        HEADER.replace("\r\n", "\n") + LINE.replace("\r\n", "\n"),
        HEADER + "\r\n\r\n" + LINE + "\r\n \r\n",
        HEADER + LINE.rstrip(),
        "creditid,time,phone number,NETWORK,outcome,amount,currency\n" + LINE,
        "Credit_Id,Time(UTC),Phone Number (MSISDN),Network,Outcome,Amount,Currency\n" + LINE,
        '"Credit ID","Time (UTC)","MSISDN","Network","Outcome","Amount","Currency"\n"' + '","'.join(CELLS) + '"\n',
        "Time (BST),Brand," + HEADER + "2013-09-20 11:11:12,MyBrand," + LINE,
        HEADER + LINE.rstrip() + ",,\r\n",
        HEADER + LINE.replace(",", " , "),
        HEADER.replace(",", ", ") + '"' + '", "'.join(CELLS) + '"\r\n',
        "Currency,Amount,Outcome,Network,MSISDN,Credit ID,Time\n" + ",".join([*reversed(CELLS[2:]), *CELLS[:2]]),
        "Currency,Amount,Outcome,Network,MSISDN,Time (UTC),Credit ID\n" + ",".join(reversed(CELLS)) + "\n",
    ],
    ids=repr,
)
def test_every_reasonable_spelling_of_a_file_is_read(text: str) -> None:
    assert read_log(text.encode()) == [ROW]


def test_a_network_may_hold_commas_quotes_and_line_ends() -> None:
    assert read_log(with_cell(3, '"T-Mobile, ""the"" one\nUK"'))[0].network == 'T-Mobile, "the" one\nUK'


def test_a_credit_that_comes_twice_is_read_twice_and_in_order() -> None:
    """Which of the two counts depends on the period that was wanted, which the reader does not know."""
    rows = read_log((HEADER + LINE.replace("SUCCESS", "PENDING") + LINE).encode())
    assert rows == [ROW._replace(raw_outcome="PENDING"), ROW]


@pytest.mark.parametrize(
    "text",
    [
        "<html><body>Sign in</body></html>",
        "\n<!DOCTYPE html>",
        '{"error": "too many requests"}',
        HEADER.replace("Network,", "") + LINE,
        HEADER.replace("MSISDN", "Credit ID") + LINE,
        HEADER + LINE + "18446744073709551615,2013-09-20 10:1",
        HEADER + LINE + LINE[:-3],
        HEADER + LINE + '1,2013-09-20 10:11:12,447700900001,"O2',
        HEADER + LINE.replace("O2", "Three, UK"),
        HEADER + LINE.replace("O2", '"O2"x'),
        HEADER + ",,,,,,\r\n",
        HEADER + LINE.replace("O2", "x" * 200_000),
    ],
    ids=lambda text: repr(text[-40:]),
)
def test_a_file_that_is_not_whole_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(UpstreamBadResponse) as caught:
        read_log(text.encode())
    assert "4477" not in str(caught.value)


@pytest.mark.parametrize("cell", ["1.5,", "25.5000"])
def test_an_outcome_with_a_wrong_amount_is_refused(cell: str) -> None:
    with pytest.raises(UpstreamBadResponse, match="wrong amount"):
        read_outcome(OUTCOME.replace(cell, cell.replace("5", "x")).encode())


@pytest.mark.parametrize("cell", ["-1", "1.5", "", "many", "2147483648"])
def test_a_count_that_is_none_is_refused(cell: str) -> None:
    with pytest.raises(UpstreamBadResponse, match="wrong number"):
        read_outcome(OUTCOME.replace("17", cell).encode())


@pytest.mark.parametrize(
    ("raw", "state"),
    [
        ("SUCCESS", CreditState.SUCCESS),
        ("Confirmed", CreditState.SUCCESS),
        ("failed", CreditState.FAILED),
        ("PENDING", CreditState.PENDING),
        ("retrying", CreditState.PENDING),
        ("Refunded", CreditState.UNKNOWN),
        ("", CreditState.UNKNOWN),
    ],
)
def test_outcome_words_are_known_in_any_case(raw: str, state: CreditState) -> None:
    assert state_of(raw) is state


# A machine that does other work at the same time says nothing about the reader.
unhurried = settings(deadline=None)

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1)
log_rows = st.builds(
    LogRow,
    st.integers(0, 2**64 - 1),
    st.datetimes(timezones=st.just(dt.UTC)),
    st.from_regex(r"[0-9]{8,15}", fullmatch=True),
    words,
    words,
    st.decimals(0, 1000, places=4, allow_nan=False).map(str),
    st.sampled_from(["GBP", "EUR"]),
)


@unhurried
@given(rows=st.lists(log_rows, unique_by=lambda row: row.credit_id), order=st.permutations(range(7)))
def test_what_a_csv_writer_writes_is_read_back(rows: list[LogRow], order: list[int]) -> None:
    file = io.StringIO()
    writer = csv.writer(file)
    for cells in (HEADER.strip().split(","), *rows):
        writer.writerow([str(cells[place]) for place in order])
    assert read_log(file.getvalue().encode()) == rows


pieces = st.sampled_from([b"\r\n", b"\n", b",", b'"', b"\x00", b"\xff", b"\xef\xbb\xbf", b"1", b"Time (UTC)"])


@unhurried
@given(body=st.one_of(st.binary(), st.lists(pieces | st.binary(max_size=3)).map(b"".join)), headed=st.booleans())
@example(body=b'"' * 200_001, headed=True)
def test_any_bytes_are_rows_or_one_clear_error(body: bytes, headed: bool) -> None:
    for header, read in ((HEADER, read_log), (OUTCOME, read_outcome)):
        with contextlib.suppress(UpstreamBadResponse):
            rows = read(header.encode() + body if headed else body)
            assert isinstance(rows, list)


@unhurried
@given(st.integers(0, len(HEADER + LINE) - 1), st.binary(min_size=1, max_size=4))
def test_a_damaged_file_is_rows_or_one_clear_error(place: int, damage: bytes) -> None:
    body = (HEADER + LINE).encode()
    with contextlib.suppress(UpstreamBadResponse):
        for row in read_log(body[:place] + damage + body[place + len(damage) :]):
            assert 0 <= row.credit_id < 2**64
            assert row.time.tzinfo is dt.UTC
