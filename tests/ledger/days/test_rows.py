import csv
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.days.blocks import encode_day
from ledger.days.rows import HEADER, CorruptRows, Rows, decode
from runtime.clock import Period
from runtime.compression import pack, unpack
from upstreams.openmarket.client import CreditState, LogRow

NIGHT = datetime(2019, 11, 5, tzinfo=UTC)


def row(seconds: float = 0, credit_id: int = 1, network: str = "O2", outcome: str = "SUCCESS") -> LogRow:
    return LogRow(credit_id, NIGHT + timedelta(seconds=seconds), "447700900001", network, outcome, "1.50", "GBP")


def encode(rows: Rows) -> bytes:
    return encode_day(rows).body


def test_rows_are_sorted_by_time_and_then_by_credit_id_as_a_number() -> None:
    rows = Rows.of([row(5, 2), row(5, 10), row(1, 99), row(5, 2**64 - 1)])
    assert [credit.credit_id for credit in rows] == [99, 2, 10, 2**64 - 1]


def test_fractions_of_a_second_are_sorted_in_their_place() -> None:
    rows = Rows.of([row(1, 1), row(0.5, 2), row(0, 3)])
    assert [credit.credit_id for credit in rows] == [3, 2, 1]
    assert rows.column(1)[1] == "2019-11-05T00:00:00.500000Z"


@pytest.mark.parametrize(
    "odd", ["", "a,b", 'the "best"', "two\nlines", "a\r\nb", "\r", "O₂ 📱", "  ", "'", "\\", "\x00", "\x85", "\u2028"]
)
def test_any_cell_comes_back_as_it_was(odd: str) -> None:
    rows = Rows.of([row(1, 1, odd, odd), row(2, 2)])
    assert list(decode(encode(rows), NIGHT.date(), len(rows)).cells) == list(rows.cells)


@given(st.lists(st.tuples(st.integers(0, 2**64 - 1), st.text(st.characters(codec="utf-8")), st.integers(0, 86399))))
def test_any_day_comes_back_as_it_was(drawn: list[tuple[int, str, int]]) -> None:
    rows = Rows.of([row(second, number, text, text) for number, text, second in drawn])
    again = decode(encode(rows), NIGHT.date(), len(rows))
    assert list(again.cells) == list(rows.cells)
    assert len(again) == len(drawn)


@given(st.lists(st.text(st.sampled_from('a,"\n')), min_size=1, max_size=4), st.lists(st.integers(0, 400), max_size=3))
def test_a_day_comes_back_wherever_its_members_are_cut(odd: list[str], cuts: list[int]) -> None:
    """No version cuts them within a row, but a tool that packs the object again may."""
    rows = Rows.of([row(at, at, text)._replace(currency=text) for at, text in enumerate(odd)])
    text = unpack(encode(rows))
    ends = [0, *sorted(cuts), len(text)]
    body = b"".join(pack(text[start:end]) for start, end in pairwise(ends))
    assert list(decode(body, NIGHT.date(), len(rows)).cells) == list(rows.cells)


def test_a_day_without_rows_is_a_header() -> None:
    assert unpack(encode(Rows.of([]))).decode() == HEADER + "\n"
    assert len(decode(encode(Rows.of([])), NIGHT.date(), 0)) == 0


def test_any_csv_reader_reads_what_is_stored() -> None:
    stored = unpack(encode(Rows.of([row(1, 1, 'a,"b"\nc')]))).decode()
    read = list(csv.DictReader(StringIO(stored, newline="")))
    assert read == [
        {
            "credit_id": "1",
            "time": "2019-11-05T00:00:01Z",
            "msisdn": "447700900001",
            "network": 'a,"b"\nc',
            "outcome": "SUCCESS",
            "raw_outcome": "SUCCESS",
            "amount": "1.50",
            "currency": "GBP",
        }
    ]


def test_a_row_keeps_the_vendors_word_beside_its_state() -> None:
    (credit,) = Rows.of([row(outcome="Confirmed")])
    assert (credit.outcome, credit.raw_outcome, credit.amount) == (CreditState.SUCCESS, "Confirmed", "1.50")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no gzip",
        encode(Rows.of([row()]))[:-9],
        pack(b"other,header\n"),
        pack(HEADER.encode()),
        pack(f"{HEADER}\n1,2,3\n".encode()),
        pack(f"{HEADER}\n1,2,3,4,5,6,7,8".encode()),
        pack(f'{HEADER}\n"1,2,3,4,5,6,7,8\n'.encode()),
        pack(f"{HEADER}\n".encode() + b"\xff\n"),
    ],
    ids=["nothing", "no gzip", "cut off", "header", "no line", "width", "no end", "open quote", "no text"],
)
def test_what_is_damaged_is_refused(body: bytes) -> None:
    with pytest.raises(CorruptRows):
        decode(body, NIGHT.date(), None)


def test_a_cut_keeps_the_rows_whose_time_lies_in_the_half_open_period() -> None:
    rows = Rows.of([row(second, second + 1) for second in (0, 10, 20, 30)])
    period = Period(NIGHT + timedelta(seconds=10), NIGHT + timedelta(seconds=30))
    assert [credit.credit_id for credit in rows.within(period)] == [11, 21]
    assert len(rows.within(Period(NIGHT - timedelta(days=1), NIGHT))) == 0
    assert len(Rows.of([]).within(period)) == 0
