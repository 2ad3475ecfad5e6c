"""A day's rows in gzip members, and the index of them."""

import gzip
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from itertools import pairwise, product
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.days.blocks import (
    MOST_VALUES,
    Block,
    BlockWriter,
    DayIndex,
    EncodedDay,
    decode_index,
    encode_day,
    inventory,
    parse_block,
    unpack_block,
)
from ledger.days.rollups import CorruptRollup, Detail, Rollup, decode, encode
from ledger.days.rows import HEADER_LINE, CorruptRows, Rows, csv_lines
from ledger.days.rows import decode as decode_rows
from runtime.compression import pack
from upstreams.openmarket.client import LogRow

DAY = date(2019, 11, 5)
NIGHT = datetime(2019, 11, 5, tzinfo=UTC)
log_rows = st.builds(
    lambda credit_id, second, network, outcome, currency: LogRow(
        credit_id, NIGHT + timedelta(seconds=second), "447700900001", network, outcome, "1.50", currency
    ),
    st.integers(0, 2**64 - 1),
    st.integers(0, 86399),
    st.sampled_from(["O2", "Three", 'a "b",\n c', "📱"]),
    st.sampled_from(["SUCCESS", "failed", "Confirmed", "?"]),
    st.sampled_from(["GBP", "EUR"]),
)


def decode_block(member: bytes, block: Block, day: date) -> Rows:
    return parse_block(unpack_block(member, block), block, day)


def log(count: int, network: str = "O2") -> list[LogRow]:
    return [
        LogRow(number, NIGHT + timedelta(seconds=number), "447700900001", network, "SUCCESS", "1.5", "GBP")
        for number in range(count)
    ]


def index_of(encoded: EncodedDay) -> DayIndex:
    assert encoded.rollup.blocks is not None
    return decode_index(encoded.rollup.blocks, encoded.count)


@given(st.lists(log_rows, max_size=40), st.integers(1, 7), st.lists(st.integers(0, 9), max_size=9))
def test_the_blocks_of_a_day_are_its_rows_however_they_were_added(
    drawn: list[LogRow], block_rows: int, pieces: list[int]
) -> None:
    rows, writer, start = Rows.of(drawn), BlockWriter(block_rows), 0
    for piece in [*pieces, len(rows)]:
        writer.add(rows.slice(start, start + piece))
        start += piece
    encoded = writer.finish()
    blocks = index_of(encoded).blocks
    cells: list[str] = []
    for block in blocks:
        read = decode_block(encoded.body[block.offset : block.end], block, DAY)
        assert len(read) == block.count <= block_rows
        assert (read.position(0), read.position(len(read) - 1)) == (block.first, block.last)
        assert block.outcomes == frozenset(credit.outcome.name for credit in read)
        assert block.networks == frozenset(credit.network for credit in read)
        assert block.currencies == frozenset(credit.currency for credit in read)
        cells += read.cells
    assert cells == list(rows.cells)
    assert encoded.count == len(rows)
    assert all(block.count == block_rows for block in blocks[:-1])
    assert (encoded.rollup.whole, encoded.rollup.values) == (Rollup.of(rows).whole, Rollup.of(rows).values)


@given(st.lists(log_rows, max_size=40), st.integers(1, 7))
def test_a_day_in_blocks_is_one_gzip_file(drawn: list[LogRow], block_rows: int) -> None:
    rows = Rows.of(drawn)
    body = encode_day(rows, block_rows).body
    assert gzip.decompress(body) == HEADER_LINE + csv_lines(rows)
    assert gzip.GzipFile(fileobj=BytesIO(body)).read() == HEADER_LINE + csv_lines(rows)
    assert list(decode_rows(body, DAY, len(rows)).cells) == list(rows.cells)


def test_zcat_reads_a_day_in_blocks(tmp_path: Path) -> None:
    rows = Rows.of(log(23))
    (tmp_path / "rows.csv.gz").write_bytes(encode_day(rows, 5).body)
    read = subprocess.run(["zcat", tmp_path / "rows.csv.gz"], check=True, capture_output=True).stdout  # noqa: S607
    assert read == HEADER_LINE + csv_lines(rows)


@given(st.lists(log_rows, max_size=40), st.integers(1, 7))
def test_a_lost_index_is_made_again_from_the_rows(drawn: list[LogRow], block_rows: int) -> None:
    encoded = encode_day(Rows.of(drawn), block_rows)
    assert inventory(encoded.body, DAY) == (len(drawn), encoded.rollup)


def test_a_rollup_carries_the_index() -> None:
    encoded = encode_day(Rows.of(log(12)), 5)
    stored = decode(encode(encoded.rollup), 12)
    assert stored.blocks == encoded.rollup.blocks
    for detail in Detail:
        parsed = stored.parsed(detail)
        assert parsed is not None
        assert (parsed.blocks, parsed.whole) == (encoded.rollup.blocks, encoded.rollup.whole)


def test_a_rollup_without_blocks_has_none_after_it_was_stored() -> None:
    assert decode(encode(Rollup.of(Rows.of(log(3)))), 3).blocks is None


def test_a_block_of_many_networks_does_not_list_them() -> None:
    few = [row._replace(network=f"n{row.credit_id}") for row in log(MOST_VALUES)]
    many = [*few, log(MOST_VALUES + 1)[-1]]
    (listed,), (unlisted,) = (index_of(encode_day(Rows.of(rows))).blocks for rows in (few, many))
    assert listed.networks == frozenset(row.network for row in few)
    assert unlisted.networks is None
    assert unlisted.outcomes == frozenset({"SUCCESS"})


def test_rows_that_come_out_of_order_are_refused() -> None:
    writer = BlockWriter(2)
    writer.add(Rows.of(log(4)))
    with pytest.raises(ValueError, match="order"):
        writer.add(Rows.of(log(2)))


def test_a_block_of_another_object_is_refused() -> None:
    """A range of another object may have the same length, even the same first and last row."""
    encoded, other = (encode_day(Rows.of([*log(9, name), *log(11)[9:]]), 11) for name in ("O2", "EE"))
    (block,) = index_of(encoded).blocks
    (other_block,) = index_of(other).blocks
    assert decode_block(encoded.body, block, DAY)
    for damaged in (replace(other_block, crc=block.crc), block):
        with pytest.raises(CorruptRows):
            decode_block(other.body, damaged, DAY)


@pytest.mark.parametrize(
    "change",
    [
        {"first": (NIGHT, 1)},
        {"last": (NIGHT, 1)},
        {"count": 4},
        {"offset": 1},
        {"length": 1},
    ],
    ids=str,
)
def test_a_block_that_its_index_describes_otherwise_is_refused(change: dict[str, object]) -> None:
    encoded = encode_day(Rows.of(log(5)))
    (block,) = index_of(encoded).blocks
    with pytest.raises(CorruptRows):
        decode_block(encoded.body, replace(block, **change), DAY)  # type: ignore[arg-type]


@pytest.mark.parametrize("cut", [0, 1, 7, 8, 9, 40])
def test_a_block_that_was_cut_off_is_refused(cut: int) -> None:
    encoded = encode_day(Rows.of(log(5)))
    (block,) = index_of(encoded).blocks
    with pytest.raises(CorruptRows):
        decode_block(encoded.body[:cut], block, DAY)


def test_a_time_that_is_none_is_refused() -> None:
    text = HEADER_LINE + csv_lines(Rows.of(log(1))).replace(b"00:00:00Z", b"00:99:00Z")
    with pytest.raises(CorruptRows):
        inventory(pack(text), DAY)


def entry(number: int) -> list[object]:
    position = [(NIGHT + timedelta(hours=number)).isoformat(), "7"]
    return [10, 5, 99, position, position, ["SUCCESS"], None, ["GBP"]]


def test_an_index_says_where_its_blocks_lie() -> None:
    index = decode_index(orjson.dumps([entry(1), entry(2)]), 10)
    assert [(block.offset, block.end) for block in index.blocks] == [(0, 10), (10, 20)]
    assert all(before.end == block.offset for before, block in pairwise(index.blocks))
    assert index.blocks[0].networks is None


NO_FIGURES: list[object] = [-1, 1.5, True, "1", None]
NO_POSITIONS: list[object] = [None, 1, [], ["x", "1"], ["2019-11-05", "1"], [1, "1"], *([str(NIGHT), x] for x in "x-")]
NO_VALUES: list[object] = [1, "SUCCESS", [1], {"SUCCESS": 1}]


@pytest.mark.parametrize(
    ("part", "value"),
    [
        *product((0, 1, 2), NO_FIGURES),
        *product((0, 1), [0]),
        *product((3, 4), NO_POSITIONS),
        *product((5, 6, 7), NO_VALUES),
        (3, [str(NIGHT + timedelta(hours=5)), "1"]),
        (4, [str(NIGHT), "1"]),
    ],
    ids=str,
)
def test_an_index_of_another_form_is_refused(part: int, value: object) -> None:
    damaged = [entry(1), entry(2)]
    damaged[0][part] = value
    with pytest.raises(CorruptRollup):
        decode_index(orjson.dumps(damaged), 10)


@pytest.mark.parametrize(
    "line", [b"", b"[", b"{}", b"null", b"[1]", b"[[]]", b'"x"', b"\xff", orjson.dumps([entry(2), entry(1)])]
)
def test_what_is_no_index_of_this_day_is_refused(line: bytes) -> None:
    with pytest.raises(CorruptRollup):
        decode_index(line, 10)


def test_an_index_of_another_number_of_rows_is_refused() -> None:
    with pytest.raises(CorruptRollup):
        decode_index(orjson.dumps([entry(1)]), 10)
