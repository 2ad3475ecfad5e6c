"""A report that is read from disk, piece by piece, has the same rows or the same error as one in memory."""

import codecs
import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from local.vendors.credits import SimulatedCredit
from local.vendors.csv_shapes import SHAPES, CsvShape
from local.vendors.openmarket import OpenMarketSimulator
from runtime.deadline import Deadline
from tests.support.open_files import open_files
from tests.support.vendors.log_file import HEADER, LINE, NETWORK, with_cell
from tests.support.vendors.scripted_vendor import ScriptedAnswer, ScriptedVendor, in_turn
from upstreams.bodies import Body, BodyTooLargeError, BodyWriter, SpooledBody
from upstreams.content_coding import body_decoder
from upstreams.errors import (
    UpstreamAnswerTooLarge,
    UpstreamBadResponse,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from upstreams.openmarket.client import OpenMarket
from upstreams.openmarket.csv import read_log, read_outcome
from upstreams.openmarket.rows import OutcomeRow
from upstreams.openmarket.text import LONGEST_LINE
from upstreams.secrets import SecretStore

DAY = datetime(2024, 6, 10, tzinfo=UTC)
NO_DATA = "No data"
type Read = Callable[[Body, str | None, str], object]


class InPieces(SpooledBody):
    """A body on disk that is read some bytes at a time, so that whatever a reader looks for lies across two pieces."""

    def __init__(self, body: bytes, piece: int) -> None:
        self._body = body
        self._piece = piece
        self.size = len(body)

    def pieces(self) -> Iterator[bytes]:
        return (self._body[at : at + self._piece] for at in range(0, self.size, self._piece))


def result(read: Read, body: Body, content_type: str | None = "text/csv", no_data: str = "") -> object:
    """The rows, or what was wrong with the body."""
    try:
        return read(body, content_type, no_data)
    except UpstreamBadResponse as error:
        return error.reason


def spooled(body: bytes, in_memory: int = 0) -> Body:
    writer = BodyWriter(in_memory, 2**20)
    for at in range(0, len(body), 1000):
        writer.write(body[at : at + 1000])
    return writer.finish()


def file_in(shape: CsvShape, rows: int = 30) -> tuple[bytes, str]:
    """A log in one of the simulator's shapes, decoded as the client decodes it, and its media type."""
    vendor = OpenMarketSimulator(rows_a_day=rows, clock=lambda: DAY + timedelta(days=10))
    time = DAY + timedelta(hours=1)
    vendor.add(SimulatedCredit(7, time, "4477", "Telefónica £, 'UK'", "1.5", "GBP", "Zoë", "SUCCESS", "SUCCESS", time))
    table = vendor._log(vendor.credits_between(DAY, DAY + timedelta(days=1)))
    answer = shape.response(table if rows else table[:1])
    decoder = body_decoder(shape.coding)
    return decoder.decode(answer.body, 2**20), answer.content_type


FILES = {name: file_in(shape) for name, shape in SHAPES.items()}


@pytest.mark.parametrize("piece", [1, 7, 1000])
@pytest.mark.parametrize("name", SHAPES)
def test_a_file_of_every_shape_has_the_same_rows(name: str, piece: int) -> None:
    body, content_type = FILES[name]
    rows = read_log(body, content_type)
    assert len(rows) == 31
    assert read_log(InPieces(body, piece), content_type) == rows


def test_a_body_on_disk_can_be_read_again_and_is_gone_when_it_is_closed() -> None:
    body = spooled(FILES["documented"][0])
    assert isinstance(body, SpooledBody)
    with closing(body):
        assert len(read_log(body)) == len(read_log(body)) == 31
    with pytest.raises(ValueError, match="closed"):
        read_log(body)


damage = st.tuples(st.integers(0, 10_000), st.binary(max_size=3), st.integers(0, 3))


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(sorted(SHAPES)), st.integers(1, 300), st.none() | damage, st.integers(0, 10_000) | st.none())
@example("quoted", 1, None, 900)
@example("windows", 3, (500, b"\xc3\xa9", 1), None)
def test_a_damaged_or_cut_file_has_the_same_rows_or_the_same_error(
    name: str, piece: int, change: tuple[int, bytes, int] | None, cut: int | None
) -> None:
    body, content_type = FILES[name]
    if change:
        place, inserted, dropped = change
        place %= len(body)
        body = body[:place] + inserted + body[place + dropped :]
    if cut:
        body = body[: cut % len(body)]
    assert result(read_log, InPieces(body, piece), content_type) == result(read_log, body, content_type)


pieces = st.sampled_from(
    ["\r\n", "\n", "\r", ",", '"', '" ', " ", "\t", "\u00a0", '="1"', "<", "No data", "1", HEADER, LINE, "é", "\ufeff"]
)
charsets = st.sampled_from(["", "utf-8", "iso-8859-1", "utf-16", "utf-32le", "iso-2022-jp", "cp850", "binary"])
codings = st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-32"])
marks = st.sampled_from([b"", codecs.BOM_UTF8, b" " * 70_000, b"\0"])


@settings(deadline=None, max_examples=120)
@given(st.lists(pieces, max_size=12).map("".join), charsets, codings, marks, st.integers(1, 9), st.booleans())
def test_any_text_in_any_charset_has_the_same_rows_or_the_same_error(
    text: str, charset: str, coding: str, mark: bytes, piece: int, headed: bool
) -> None:
    body = mark + ((HEADER if headed else "") + text).encode(coding, "replace")
    content_type = f"text/plain; charset={charset}" if charset else "text/plain"
    for read in (read_log, read_outcome):
        on_disk = InPieces(body, piece if len(body) < 1000 else 4096 + piece)
        assert result(read, on_disk, content_type, NO_DATA) == result(read, body, content_type, NO_DATA)


@pytest.mark.parametrize("end", ["\r\n", "\n  \t", "", "  "])
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_the_end_of_a_file_on_disk_is_judged_as_that_of_one_in_memory(end: str, piece: int) -> None:
    """The last column is a name, which could have gone on if no line end follows."""
    cells = LINE.strip().split(",")
    columns = HEADER.strip().split(",")
    order = [0, 1, 2, 4, 5, 6, 3]
    lines = [",".join(each[place] for place in order) for each in (columns, cells)]
    body = ("\r\n".join(lines) + end).encode()
    expected = result(read_log, body)
    assert isinstance(expected, list) == ("\n" in end)
    assert result(read_log, InPieces(body, piece)) == expected


def test_a_line_on_disk_that_is_too_long_to_be_a_row_is_refused() -> None:
    body = with_cell(NETWORK, "x" * (2 * LONGEST_LINE))
    with pytest.raises(UpstreamBadResponse):
        read_log(InPieces(body, 2**16))


def test_a_body_is_on_disk_only_when_it_is_too_large_for_memory() -> None:
    body = bytes(range(256)) * 100
    assert spooled(body, in_memory=len(body)) == body
    on_disk = spooled(body, in_memory=len(body) - 1)
    assert isinstance(on_disk, SpooledBody)
    with closing(on_disk):
        assert b"".join(on_disk.pieces()) == b"".join(on_disk.pieces()) == body
        assert on_disk.size == len(body)


def test_a_body_that_is_larger_than_allowed_is_refused_wherever_it_is() -> None:
    for in_memory in (0, 2000):
        writer = BodyWriter(in_memory, 2000)
        writer.write(bytes(2000))
        with pytest.raises(BodyTooLargeError, match="2000"):
            writer.write(b"x")
        writer.drop()


@settings(deadline=None)
@given(st.binary(max_size=3000), st.sampled_from(["gzip", "members", "deflate", ""]), st.integers(1, 200))
@example(b"a" * 100_000, "gzip", 1000)
def test_a_coded_body_is_decoded_in_pieces_of_any_size(body: bytes, coding: str, room: int) -> None:
    packed = {
        "gzip": lambda: gzip.compress(body),
        "members": lambda: gzip.compress(body[:9]) + gzip.compress(body[9:]) + b"\0\0",
        "deflate": lambda: zlib.compress(body),
        "": lambda: body,
    }[coding]()
    decoder = body_decoder("gzip" if coding == "members" else coding)
    found = []
    for at in range(0, len(packed), 700):
        found.append(decoder.decode(packed[at : at + 700], room))
        while len(found[-1]) == room:
            found.append(decoder.more(room))
    decoder.finish()
    assert b"".join(found) == body
    assert max(map(len, found), default=0) <= room


LARGE = (HEADER + LINE * 200).encode()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (ScriptedAnswer(body=LARGE, seconds_within=60), UpstreamTimeout),
        (ScriptedAnswer(body=LARGE, declared=len(LARGE) + 1), UpstreamUnavailable),
        (ScriptedAnswer(500, body=LARGE), UpstreamUnavailable),
        (ScriptedAnswer(202, body=LARGE), UpstreamBadResponse),
        (ScriptedAnswer(body=LARGE * 5), UpstreamAnswerTooLarge),
        (ScriptedAnswer(body=gzip.compress(LARGE)[:-1], headers={"Content-Encoding": "gzip"}), UpstreamBadResponse),
    ],
    ids=["deadline", "broken off", "a large error", "no answer", "too large", "broken compression"],
)
async def test_what_has_come_of_a_body_is_deleted_when_the_rest_does_not_come(
    answer: ScriptedAnswer, error: type[UpstreamError], secrets: SecretStore, tenant: str
) -> None:
    before = open_files()
    async with ScriptedVendor(in_turn(answer)) as vendor:
        api = OpenMarket(
            base_url=vendor.base_url, upstream_seconds=5, secrets=secrets, in_memory=1000, max_bytes=2 * len(LARGE)
        )
        with pytest.raises(error):
            await api.log(tenant, DAY, DAY, None, Deadline.after(0.5 if error is UpstreamTimeout else 10))
    assert open_files() == before


@pytest.mark.anyio
async def test_an_outcome_on_disk_is_read_and_deleted(secrets: SecretStore, tenant: str) -> None:
    outcome = "Brand,Amount,Currency,Success,Failed,Credit Applied\n" + "MyBrand,1.5,GBP,17,2,25.5000\n" * 200
    before = open_files()
    async with ScriptedVendor(in_turn(ScriptedAnswer(body=outcome.encode()))) as vendor:
        api = OpenMarket(base_url=vendor.base_url, upstream_seconds=5, secrets=secrets, in_memory=1000)
        answer = await api.outcome(tenant, DAY, DAY, None, Deadline.after(5))
    assert answer.rows == [OutcomeRow("MyBrand", "1.5", "GBP", 17, 2, "25.5000")] * 200
    assert open_files() == before
