"""What cannot prove its end is refused: a last row without a line end whose last cell could be longer."""

import contextlib
from decimal import Decimal

import pytest

from tests.support.vendors.log_file import CELLS, HEADER, LINE, ROW
from upstreams.errors import UpstreamBadResponse
from upstreams.openmarket.csv import read_log, read_outcome
from upstreams.openmarket.rows import OutcomeRow

NAMES = HEADER.strip().split(",")
OUTCOME_HEADER = "Brand,Amount,Currency,Success,Failed,Credit Applied\r\n"
OUTCOME = OUTCOME_HEADER + "MyBrand,1.5,GBP,17,2,25.5000\r\n"
OUTCOME_ROW = OutcomeRow("MyBrand", "1.5", "GBP", 17, 2, "25.5000")


def reordered(last: int, quote: str = "") -> str:
    """The log with one of its columns moved to the end, without a line end."""
    order = [column for column in range(7) if column != last] + [last]
    lines = [[names[column] for column in order] for names in (NAMES, CELLS)]
    return "\r\n".join(",".join(f"{quote}{cell}{quote}" for cell in line) for line in lines)


@pytest.mark.parametrize("column", range(7))
def test_a_last_row_that_is_cut_anywhere_in_any_column_is_never_read_as_another_row(column: int) -> None:
    for quote in ("", '"'):
        whole = reordered(column, quote) + "\r\n"
        assert read_log(whole.encode()) == [ROW]
        row = whole.splitlines()[1]
        for end in range(1, len(row) + 2):
            with contextlib.suppress(UpstreamBadResponse):
                assert read_log(whole[:-end].encode()) == [ROW]


@pytest.mark.parametrize("column", [2, 3, 4, 5], ids=["msisdn", "network", "outcome", "amount"])
def test_a_last_cell_that_could_go_on_needs_a_line_end(column: int) -> None:
    with pytest.raises(UpstreamBadResponse, match="cut off"):
        read_log(reordered(column).encode())


@pytest.mark.parametrize("column", [0, 1, 6], ids=["an id of 20 digits", "a time as documented", "a currency"])
def test_a_last_cell_that_cannot_go_on_needs_none(column: int) -> None:
    assert read_log(reordered(column).encode()) == [ROW]


@pytest.mark.parametrize("column", [0, 1, 2, 5, 6])
def test_a_closing_quote_ends_a_number(column: int) -> None:
    assert read_log(reordered(column, '"').encode()) == [ROW]


@pytest.mark.parametrize("column", [3, 4])
def test_a_closing_quote_does_not_end_a_name_since_the_next_one_may_have_doubled_it(column: int) -> None:
    with pytest.raises(UpstreamBadResponse, match="cut off"):
        read_log(reordered(column, '"').encode())


def test_cells_after_the_wanted_ones_end_them() -> None:
    text = "Amount,Credit ID,Time,MSISDN,Outcome,Currency,Network"
    row = f"1.5,1,{CELLS[1]},447700900001,SUCCESS,GBP,O2"
    for more in ((",Note", ",not"), ("", ","), (",", ",")):
        assert read_log(f"{text}{more[0]}\n{row}{more[1]}".encode())[0].network == "O2"


@pytest.mark.parametrize("end", ["10:11", "10:11:1", "10:11:12+05", "10:11:12+05:3", "10:11:12 -05", "10:11:12.5"])
def test_a_time_that_ends_the_file_and_may_be_a_part_of_one_is_refused(end: str) -> None:
    whole = f"Currency,Credit ID,MSISDN,Network,Outcome,Amount,Time\nGBP,1,447700900001,O2,SUCCESS,1.5,2013-09-20 {end}"
    with pytest.raises(UpstreamBadResponse):
        read_log(whole.encode())


@pytest.mark.parametrize("end", ["10:11:12Z", "10:11 UTC", "12:11:12 +0200", "12:11:12+02:00", "11:11:12 +0100 (BST)"])
def test_a_time_with_its_zone_is_whole(end: str) -> None:
    whole = f"Currency,Credit ID,MSISDN,Network,Outcome,Amount,Time\nGBP,1,447700900001,O2,SUCCESS,1.5,2013-09-20 {end}"
    assert read_log(whole.encode())[0].time.hour == 10


@pytest.mark.parametrize(
    ("first", "last", "whole"),
    [
        ("10:11:12", "10:11:13", True),
        ("10:11:12.123", "10:11:13.456", True),
        ("10:11:12.123", "10:11:13.45", False),
        ("10:11:12.123", "10:11:13", False),
        ("10:11:12 +0100", "10:11:13", False),
        ("10:11", "10:12", True),
    ],
)
def test_a_time_without_a_zone_has_to_look_like_the_one_before_it(first: str, last: str, whole: bool) -> None:
    rows = "\n".join(f"GBP,{number},4477,O2,SUCCESS,1,2013-09-20 {clock}" for number, clock in ((1, first), (2, last)))
    text = f"Currency,Credit ID,MSISDN,Network,Outcome,Amount,Time\n{rows}"
    if whole:
        assert len(read_log(text.encode())) == 2
    else:
        with pytest.raises(UpstreamBadResponse, match="cut off"):
            read_log(text.encode())


@pytest.mark.parametrize("end", range(1, len("25.5000\r\n")))
def test_a_cut_off_total_is_never_read_as_a_smaller_one(end: int) -> None:
    with contextlib.suppress(UpstreamBadResponse):
        assert Decimal(read_outcome(OUTCOME[:-end].encode())[0].credit_applied) == Decimal("25.5000")


@pytest.mark.parametrize(
    ("total", "plain"),
    [("25.5", "25.5"), ("25.50", "25.50"), ("25.500", "25.500"), ("25.5000", "25.5000"), ("25.50000", "25.50000"),
     ("2.55e1", "25.5"), ('"25.5"', "25.5")],
)  # fmt: skip
def test_a_total_that_ends_the_file_is_whole_when_it_is_what_the_credits_come_to(total: str, plain: str) -> None:
    rows = read_outcome(OUTCOME.replace("25.5000\r\n", total).encode())
    assert rows == [OUTCOME_ROW._replace(credit_applied=plain)]


@pytest.mark.parametrize("end", ["2", "25", "25.", "0", "2.5e1"])
def test_a_total_that_may_be_a_part_of_one_is_refused(end: str) -> None:
    with pytest.raises(UpstreamBadResponse, match="cut off"):
        read_outcome(OUTCOME.replace("25.5000\r\n", end).encode())


@pytest.mark.parametrize(
    ("names", "cells"),
    [
        ("Credit Applied,Failed,Success,Currency,Amount,Brand", "25.5000,2,17,GBP,1.5,MyBrand"),
        ("Credit Applied,Failed,Success,Currency,Brand,Amount", "25.5000,2,17,GBP,MyBrand,1.5"),
        ("Credit Applied,Failed,Brand,Currency,Amount,Success", "25.5000,2,MyBrand,GBP,1.5,17"),
        ("Credit Applied,Brand,Success,Currency,Amount,Failed", "25.5000,MyBrand,17,GBP,1.5,2"),
    ],
)
def test_a_brand_an_amount_or_a_count_that_ends_the_file_is_refused(names: str, cells: str) -> None:
    assert read_outcome(f"{names}\n{cells}\n".encode()) == [OUTCOME_ROW]
    with pytest.raises(UpstreamBadResponse, match="cut off"):
        read_outcome(f"{names}\n{cells}".encode())


def test_a_currency_that_ends_the_file_is_whole() -> None:
    text = "Credit Applied,Failed,Success,Brand,Amount,Currency\n25.5000,2,17,MyBrand,1.5,GBP"
    assert read_outcome(text.encode()) == [OUTCOME_ROW]


@pytest.mark.parametrize("end", range(1, len(LINE)))
def test_a_last_row_cut_off_anywhere_is_never_read_as_another_row(end: int) -> None:
    with contextlib.suppress(UpstreamBadResponse):
        assert read_log((HEADER + LINE[:-end]).encode()) == [ROW]
