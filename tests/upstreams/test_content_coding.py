"""A compressed answer counts only when its compression came to its proven end."""

import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from upstreams.content_coding import BrokenCodingError, UnknownCodingError, body_decoder

TEXT = b"Credit ID,Time (UTC)\r\n" + b"1,2013-09-20 10:11:12\r\n" * 40
ROOM = 10_000


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def flushed_gzip(*pieces: bytes) -> bytes:
    """One gzip member that the sender flushed after each piece, as a server that streams its rows does."""
    packer = zlib.compressobj(wbits=31)
    return b"".join(packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH) for piece in pieces) + packer.flush()


def decoded(coding: str, body: bytes, chunk: int = 65536) -> bytes:
    decoder = body_decoder(coding)
    out = b"".join(decoder.decode(body[at : at + chunk], ROOM) for at in range(0, len(body), chunk))
    decoder.finish()
    return out


WHOLE = {
    "gzip": ("gzip", gzip.compress(TEXT)),
    "gzip flushed": ("gzip", flushed_gzip(TEXT[:300], TEXT[300:])),
    "two members": ("gzip", gzip.compress(TEXT[:300]) + gzip.compress(TEXT[300:])),
    "an empty member between": ("gzip", gzip.compress(TEXT[:9]) + gzip.compress(b"") + gzip.compress(TEXT[9:])),
    "padded with zeros": ("gzip", gzip.compress(TEXT) + bytes(512)),
    "padded with a line end": ("gzip", gzip.compress(TEXT) + b"\r\n"),
    "padding between members": ("gzip", gzip.compress(TEXT[:9]) + bytes(7) + gzip.compress(TEXT[9:])),
    "deflate in zlib": ("deflate", zlib.compress(TEXT)),
    "deflate, bare": ("deflate", bare_deflate(TEXT)),
    "deflate, stored": ("deflate", zlib.compress(TEXT, 0)),
    "deflate, padded": ("deflate", zlib.compress(TEXT) + bytes(3)),
}


@pytest.mark.parametrize("chunk", [1, 7, 65536])
@pytest.mark.parametrize(("coding", "body"), WHOLE.values(), ids=WHOLE)
def test_a_whole_body_is_decoded_whatever_chunks_it_comes_in(coding: str, body: bytes, chunk: int) -> None:
    assert decoded(coding, body, chunk) == TEXT


@pytest.mark.parametrize("name", [name for name in WHOLE if "padd" not in name and "member" not in name])
def test_a_body_that_is_cut_anywhere_is_refused(name: str) -> None:
    coding, body = WHOLE[name]
    for end in range(len(body)):
        with pytest.raises(BrokenCodingError):
            decoded(coding, body[:end])


def test_a_gzip_body_cut_in_a_later_member_is_refused() -> None:
    first = gzip.compress(TEXT[:300])
    whole = first + gzip.compress(TEXT[300:])
    for end in range(len(first) + 1, len(whole)):
        with pytest.raises(BrokenCodingError):
            decoded("gzip", whole[:end])


def test_a_gzip_body_of_several_members_does_not_prove_that_it_has_them_all() -> None:
    for body, proves in ((gzip.compress(TEXT), True), (gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:]), False)):
        decoder = body_decoder("gzip")
        decoder.decode(body, ROOM)
        decoder.finish()
        assert decoder.proves_its_end is proves


@pytest.mark.parametrize("place", range(1, 9))
def test_a_wrong_checksum_or_length_is_refused(place: int) -> None:
    body = bytearray(gzip.compress(TEXT))
    body[-place] ^= 1
    with pytest.raises(BrokenCodingError):
        decoded("gzip", bytes(body))
    body = bytearray(zlib.compress(TEXT))
    body[-1] ^= 1
    with pytest.raises(BrokenCodingError):
        decoded("deflate", bytes(body))


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b""),
        ("gzip", TEXT),
        ("gzip", gzip.compress(TEXT) + b"more"),
        ("gzip", gzip.compress(TEXT) + TEXT),
        ("deflate", b""),
        ("deflate", TEXT),
        ("deflate", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT) + zlib.compress(TEXT)),
        ("deflate", bare_deflate(TEXT) + b"more"),
    ],
    ids=[
        "nothing",
        "plain text",
        "garbage after it",
        "text after it",
        "nothing at all",
        "plain",
        "gzip",
        "two",
        "more",
    ],
)
def test_a_body_that_is_not_what_its_coding_says_is_refused(coding: str, body: bytes) -> None:
    for chunk in (1, 65536):
        with pytest.raises(BrokenCodingError):
            decoded(coding, body, chunk)


@pytest.mark.parametrize(
    "coding",
    ["", " ", "identity", "Identity", ",", "UTF-8", "utf8", "utf-16", "ISO-8859-1", "iso8859_1", "latin1", "us-ascii",
     "windows-1252", "cp1252", "none", "binary", "8bit", "aws-chunked", "text/csv", "identity, UTF-8"],
)  # fmt: skip
def test_what_is_not_a_coding_leaves_the_body_as_it_is(coding: str) -> None:
    assert decoded(coding, TEXT) == TEXT


@pytest.mark.parametrize("coding", ["gzip", "GZIP", " GZip ", "x-gzip", '"gzip"', "gzip, identity", "utf-8,gzip"])
def test_gzip_is_known_in_any_case_and_beside_what_is_not_a_coding(coding: str) -> None:
    assert decoded(coding, gzip.compress(TEXT)) == TEXT


@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "gzip,deflate", "foo", "utf-9", "gzipped"])
def test_other_codings_are_refused(coding: str) -> None:
    with pytest.raises(UnknownCodingError):
        body_decoder(coding)


def test_no_more_than_the_allowed_bytes_are_unpacked_at_once() -> None:
    bomb = gzip.compress(bytes(10**7))
    packers = {"gzip": bomb, "deflate": zlib.compress(bytes(10**7)), "": bytes(10**5)}
    for coding, body in packers.items():
        assert len(body_decoder(coding).decode(body, 1001)) == 1001


@settings(deadline=None)
@given(
    pieces=st.lists(st.binary(max_size=300), min_size=1, max_size=5),
    chunk=st.integers(1, 400),
    share=st.floats(0, 1, exclude_max=True),
)
def test_members_of_any_content_are_read_whole_or_not_at_all(pieces: list[bytes], chunk: int, share: float) -> None:
    members = [gzip.compress(piece) for piece in pieces]
    body = b"".join(members)
    assert decoded("gzip", body, chunk) == b"".join(pieces)
    cut = body[: int(len(body) * share)]
    ends = [sum(map(len, members[: count + 1])) for count in range(len(members))]
    if len(cut) not in ends:
        with pytest.raises(BrokenCodingError):
            decoded("gzip", cut, chunk)
