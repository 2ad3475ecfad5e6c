"""What a cell may look like: every reasonable spelling is read, and what has two readings is refused, with its line."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.scalar_values import parse_decimal
from tests.support.vendors.log_file import AMOUNT, CURRENCY, HEADER, ID, LINE, MSISDN, ROW, TIME, with_cell
from upstreams.errors import UpstreamBadResponse
from upstreams.openmarket.csv import read_log, read_outcome

OUTCOME_HEADER = "Brand,Amount,Currency,Success,Failed,Credit Applied\n"


@pytest.mark.parametrize(
    "text",
    [
        "2013-09-20 10:11:12",
        "2013-09-20T10:11:12",
        "2013-09-20 10:11:12.000",
        "2013-09-20T10:11:12Z",
        "2013-09-20 10:11:12 UTC",
        "2013-09-20 10:11:12 GMT",
        "2013-09-20 12:11:12+02:00",
        "2013-09-20 05:11:12 -0500",
        "2013-09-20T10:11:12+00",
        "2013-09-20 12:11:12 +02",
        "2013-09-20  10:11:12",
        "2013-09-20  10:11:12  UTC",
        "2013-09-20 10:11:12 utc",
        "2013-09-20t10:11:12z",
        "2013-09-20 10:11:12 z",
        "2013-09-20 10:11:12 UTC+0000",
        "2013-09-20 10:11:12 GMT+0000",
        "2013-09-20 10:11:12 GMT+00:00",
        "2013-09-20 11:11:12 BST+0100",
        "2013-09-20 11:11:12 BST +01:00",
        "2013-09-20 11:11:12 +0100 (BST)",
        "2013-09-20 11:11:12+01:00 (British Summer Time)",
        "2013-09-20T11:11:12+01:00[Europe/London]",
        "2013-09-20T10:11:12Z[UTC]",
        "2013-09-20T10:11:12.000+00:00",
        "2013-09-20 12:11:12 CEST+0200",
        "2013-09-20 15:41:12 +0530 (IST)",
        '"2013-09-20 10:11:12,000"',
    ],
)
def test_times_are_utc_or_say_their_offset(text: str) -> None:
    assert read_log(with_cell(TIME, text)) == [ROW]


@pytest.mark.parametrize(
    "text", ["2013-09-20 10:11", "2013-09-20T10:11Z", "2013-09-20 10:11 UTC", "2013-09-20 12:11+02:00"]
)
def test_a_time_without_seconds_is_the_full_minute(text: str) -> None:
    assert read_log(with_cell(TIME, text)) == [ROW._replace(time=ROW.time.replace(second=0))]


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [("10:11:12.5", 500_000), ("10:11:12.123", 123_000), ("10:11:12.123456789", 123_456), ("10:11:12.000001Z", 1)],
)
def test_a_fraction_of_a_second_is_kept_to_the_microsecond(text: str, microsecond: int) -> None:
    assert read_log(with_cell(TIME, f"2013-09-20 {text}")) == [
        ROW._replace(time=ROW.time.replace(microsecond=microsecond))
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2013-09-20",
        "2013-02-30 10:11:12",
        "20/09/2013 10:11:12",
        "09/20/2013 10:11:12 AM",
        "2013-09-20 10:11:12 PM",
        "2013-09-20 25:11:12",
        "2013-09-20 24:00:00",
        "2013-09-20 23:59:60",
        "0001-01-01 00:00:00+14:00",
        "1379671872",
        "41537.42444",
        "2013-09-20 10:11:12 BST",
        "2013-09-20 10:11:12 bst",
        "2013-09-20 10:11:12 EST",
        "2013-09-20 10:11:12 (BST)",
        "2013-09-20 10:11:12 America/New_York",
        "2013-09-20 10:11:12 [Europe/London]",
        "2013-09-20 10:11:12 GMT+1",
        "2013-09-20 10:11:12 GMT+0100",
        "2013-09-20 10:11:12 BST+0200",
        "2013-09-20 10:11:12 BST+0000",
        "2013-09-20 10:11:12 +0200 (BST)",
        "2013-09-20 10:11:12 UTC+0100",
        "2013-09-20 10:11:12 +24:00",
        "2013-09-20 10:11:12 +1:00",
        "2013-09-20 10:11:12.1234567891",
    ],
)
def test_a_time_that_could_be_another_instant_is_refused(text: str) -> None:
    with pytest.raises(UpstreamBadResponse, match=r"line 2 .* wrong time"):
        read_log(with_cell(TIME, text))


@pytest.mark.parametrize(
    "text",
    ["", "-1", "18446744073709551616", "1.0", "1e3", "8.13574E+17", "٣", "0x1f", "'1001", "1,001", "9" * 5000],
)
def test_an_id_is_a_64_bit_unsigned_number_or_refused(text: str) -> None:
    with pytest.raises(UpstreamBadResponse, match=r"line 2 .* (wrong number|too many cells)"):
        read_log(with_cell(ID, text))


@pytest.mark.parametrize("text", ["0", "18446744073709551615", "00018446744073709551"])
def test_an_id_may_be_any_64_bit_unsigned_number(text: str) -> None:
    assert read_log(with_cell(ID, text))[0].credit_id == int(text)


@pytest.mark.parametrize(
    "text",
    ["4.47701E+11", "4.47701e+11", "4.47701E11", '"4,47701E+11"', "447701E+06", "4E+11", "+4.47701E+11",
     "4.47701 E+11", "4.47E +11", "'4.47701E+11", "(4.47701E+11)", "4.47701x10^11", "4.47701\u00d710^11",
     '=""447700900001""', '=T("447700900001")', "=447700900001",
     "########", "#N/A", "#VALUE!", "447700900001.0", "447700900001.", "447700900001.00"],
)  # fmt: skip
def test_a_phone_number_that_a_spreadsheet_has_lost_is_refused(text: str) -> None:
    with pytest.raises(UpstreamBadResponse, match=r"line 2 .* wrong phone number"):
        read_log(with_cell(MSISDN, text))


@pytest.mark.parametrize(
    "text",
    ["447700900001", "+447700900001", "44 7700 900001", "4477****0001", "anonymous", "", "x1012", "(0)7700 900001"],
)
def test_a_phone_number_is_kept_as_the_vendor_wrote_it(text: str) -> None:
    assert read_log(with_cell(MSISDN, text))[0].msisdn == text


@pytest.mark.parametrize("text", ["0", "1.5", "25.5000", "-1.50", "0.00001", "9" * 30])
def test_an_amount_keeps_the_vendors_digits(text: str) -> None:
    assert read_log(with_cell(AMOUNT, text))[0].amount == text


@pytest.mark.parametrize(
    ("text", "plain"),
    [("1e2", "100"), ("1E+1", "10"), ("1.50e1", "15.0"), ("25E-1", "2.5"), ("+1.50", "1.50"), ("+2", "2"),
     (".5", "0.5"), ("-.5", "-0.5"), ("5.", "5"), ("10.", "10")],
)  # fmt: skip
def test_an_amount_in_another_notation_becomes_plain_digits(text: str, plain: str) -> None:
    assert read_log(with_cell(AMOUNT, text))[0].amount == plain


@pytest.mark.parametrize(
    "text",
    ["", "NaN", "Infinity", "£1.50", "1.5 GBP", '"1,50"', '"1,000.00"', '"1.000,00"', "1 000.00", "1'000.00", "(1.50)",
     "1.50-", "1e999999999", "1e99", "--1", ".", "0x1", "1_000", "\u0661", '="3"', "9" * 31],
)  # fmt: skip
def test_an_amount_with_two_readings_or_none_is_refused(text: str) -> None:
    with pytest.raises(UpstreamBadResponse, match=r"line 2 .* wrong amount"):
        read_log(with_cell(AMOUNT, text))


def test_a_decimal_comma_between_semicolons_is_refused() -> None:
    text = (HEADER + LINE).replace(",", ";").replace("1.5", "1,50")
    with pytest.raises(UpstreamBadResponse, match=r"line 2 .* wrong amount"):
        read_log(text.encode())


@settings(deadline=None)
@given(st.from_regex(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,2})?", fullmatch=True))
def test_an_amount_that_is_read_has_its_value_and_is_taken_by_the_api(text: str) -> None:
    try:
        amount = read_log(with_cell(AMOUNT, text))[0].amount
    except UpstreamBadResponse:
        assert abs(Decimal(text).adjusted()) > 9, "only an absurd amount may be refused"
    else:
        assert parse_decimal(amount) == Decimal(text)


@pytest.mark.parametrize(("text", "code"), [("GBP", "GBP"), ("gbp", "GBP"), ("Eur", "EUR")])
def test_a_currency_is_three_letters_in_upper_case(text: str, code: str) -> None:
    assert read_log(with_cell(CURRENCY, text))[0].currency == code
    assert read_outcome(f"{OUTCOME_HEADER}A,5,{text},3,0,15.0000\n".encode())[0].currency == code


@pytest.mark.parametrize("text", ["", " ", "GB", "GBPX", "£", "826", "G8P", "\uff27\uff22\uff30", "'GBP'", "Ł€$"])
def test_anything_else_is_not_a_currency(text: str) -> None:
    with pytest.raises(UpstreamBadResponse, match=r"line 2 .* wrong currency"):
        read_log(with_cell(CURRENCY, text))
    with pytest.raises(UpstreamBadResponse, match=r"line 2 .* wrong currency"):
        read_outcome(f"{OUTCOME_HEADER}A,5,{text},3,0,15.0000\n".encode())


@pytest.mark.parametrize("column", range(7))
def test_an_error_names_the_line_and_never_the_cell(column: int) -> None:
    with pytest.raises(UpstreamBadResponse) as caught:
        read_log((HEADER + LINE * 2).encode() + with_cell(column, "4.477E+11\x00\n").removeprefix(HEADER.encode()))
    assert "line " in str(caught.value)
    assert "477" not in str(caught.value)
