"""In which encodings an answer is read: one pound sign must not cost the file, and no name may change silently."""

import codecs
import contextlib
import encodings.aliases

import pytest

from tests.support.vendors.log_file import NETWORK, with_cell
from upstreams.errors import UpstreamBadResponse
from upstreams.openmarket.csv import read_log

NAME = "Telefónica £ é"
TEXT = with_cell(NETWORK, NAME).decode()
WIDE = TEXT.replace("£", "☎")
CSV = "text/csv"


def network(body: bytes, content_type: str | None = CSV) -> str:
    (row,) = read_log(body, content_type)
    return row.network


@pytest.mark.parametrize("content_type", [None, "", CSV, "text/csv; charset=utf-8", 'text/csv;charset="UTF8"'])
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_utf_8_is_read_with_and_without_a_mark(mark: bytes, content_type: str | None) -> None:
    assert network(mark + TEXT.encode(), content_type) == NAME
    assert network(mark + WIDE.encode(), content_type) == NAME.replace("£", "☎")


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("ISO-8859-1", "latin-1"), ("iso8859-1", "latin-1"), ("latin1", "latin-1"), ("'windows-1252'", "cp1252"),
     ("WINDOWS-1252", "cp1252"), ("cp1252", "cp1252"), ("iso-8859-15", "iso8859-15"), ("macintosh", "mac-roman"),
     ("utf-16", "utf-16"), ("utf-16le", "utf-16-le"), ("UTF-16BE", "utf-16-be"), ("utf-16", "utf-16-le"),
     ("utf-16", "utf-16-be"), ("utf-32", "utf-32"), ("cp850", "cp850")],
)  # fmt: skip
def test_a_declared_charset_is_read(charset: str, codec: str) -> None:
    assert network(TEXT.encode(codec), f"text/csv; header=present; charset={charset}") == NAME


@pytest.mark.parametrize("charset", ["utf-16le", "utf-16be", "utf-16", "utf-32le", "iso-2022-jp"])
def test_a_declared_charset_is_read_where_every_byte_is_ascii(charset: str) -> None:
    plain = with_cell(NETWORK, "\u30c9" if charset == "iso-2022-jp" else "O2").decode()
    codec = {"utf-16": "utf-16le"}.get(charset, charset)
    assert plain.encode(codec).isascii()
    assert network(plain.encode(codec), f"text/csv; charset={charset}") == plain.splitlines()[1].split(",")[3]


def test_latin_1_is_windows_1252_where_it_would_have_control_characters() -> None:
    assert network(with_cell(NETWORK, "€uro").decode().encode("cp1252"), "text/csv; charset=ISO-8859-1") == "€uro"


@pytest.mark.parametrize("codec", ["utf-16", "utf-32"])
@pytest.mark.parametrize("content_type", [CSV, "text/csv; charset=utf-8", "text/csv; charset=utf-16"])
def test_a_byte_order_mark_says_more_than_the_declaration(codec: str, content_type: str) -> None:
    big = {"utf-16": codecs.BOM_UTF16_BE, "utf-32": codecs.BOM_UTF32_BE}[codec]
    assert network(TEXT.encode(codec), content_type) == NAME
    assert network(big + TEXT.encode(f"{codec}-be"), content_type) == NAME


@pytest.mark.parametrize("content_type", [None, CSV, "text/csv; charset=us-ascii"])
@pytest.mark.parametrize("name", [NAME, "£", "€uro", "Zoë\u2019s", "naïve"])
def test_undeclared_text_that_is_not_utf_8_is_windows_1252(name: str, content_type: str | None) -> None:
    assert network(with_cell(NETWORK, name).decode().encode("cp1252"), content_type) == name


@pytest.mark.parametrize(
    "charset", ["binary", "utf8mb4", "none", "idna", "zlib", "rot13", "undefined", "utf-7", "../x"]
)
def test_a_charset_that_is_not_one_leaves_utf_8(charset: str) -> None:
    assert network(TEXT.encode(), f"text/csv; charset={charset}") == NAME
    with pytest.raises(UpstreamBadResponse):
        network(TEXT.encode("cp1252"), f"text/csv; charset={charset}")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (TEXT.encode("cp1252"), "text/csv; charset=utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode("cp1252"), CSV),
        (TEXT.encode("cp1252") + with_cell(NETWORK, "é").partition(b"\n")[2], CSV),
        (with_cell(NETWORK, "O2").replace(b"O2", b"O\x81"), CSV),
        (TEXT.encode("utf-16")[:-1], CSV),
        (TEXT.encode("utf-8"), "text/csv; charset=utf-16"),
    ],
    ids=["declared utf-8", "marked utf-8", "mixed", "no windows character", "half a character", "not utf-16"],
)
def test_text_that_contradicts_its_encoding_is_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(UpstreamBadResponse):
        network(body, content_type)


@pytest.mark.parametrize("body", [b"caf\xe9,\xff", b"\x00\x01\x1b$B", "Zo\u00eb".encode()])
def test_every_charset_that_python_knows_is_rows_or_one_clear_error(body: bytes) -> None:
    for charset in {*encodings.aliases.aliases, *encodings.aliases.aliases.values()}:
        with contextlib.suppress(UpstreamBadResponse):
            read_log(with_cell(NETWORK, "x").replace(b"x", body), f"text/csv; charset={charset}")


def test_no_character_is_ever_replaced() -> None:
    for codec in ("utf-8", "latin-1", "cp1252", "utf-16"):
        assert "\ufffd" not in network(TEXT.encode(codec))
