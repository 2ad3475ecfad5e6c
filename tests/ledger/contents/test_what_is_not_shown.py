"""Bombs, cut off, encrypted and foreign files: each is refused with a reason, and no reason holds anything of them."""

import gzip
import io
import os
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.contents.previews import PreviewState
from tests.support.report_files import KINDS, Table, csv_bytes, json_bytes, opened, xlsx_bytes, xml_bytes

HEADER = ["customer", "amount"]
ROWS: Table = [[f"Customer {number}", number] for number in range(40)]
MB = 1024 * 1024
BILLION_LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<r><x>&b;</x><x>&b;</x></r>"""
OUTSIDE = b'<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r><x>&a;</x><x>1</x></r>'


def zipped(entries: dict[str, bytes], **options: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", options.get("compression", zipfile.ZIP_DEFLATED)) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def workbook_with(changes: dict[str, bytes]) -> bytes:
    """A workbook with some of its parts replaced or added."""
    with zipfile.ZipFile(io.BytesIO(xlsx_bytes(HEADER, ROWS))) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    return zipped(entries | changes)


def encrypted_zip() -> bytes:
    body = bytearray(xlsx_bytes(HEADER, ROWS))
    directory = body.index(b"PK\x01\x02")
    body[directory + 8] |= 1
    return bytes(body)


def encrypted_office() -> bytes:
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000) + "EncryptedPackage".encode("utf-16-le") + bytes(3000)


def lying_size() -> bytes:
    """A part that says it is 10 bytes long and is a megabyte."""
    body = bytearray(workbook_with({"xl/worksheets/sheet1.xml": b"<worksheet>" + b" " * MB}))
    at = body.rindex(b"PK\x01\x02", 0, body.rindex(b"xl/worksheets/sheet1.xml"))
    struct.pack_into("<I", body, at + 24, 10)
    return bytes(body)


def endless_directory() -> bytes:
    body = bytearray(zipped({"a": b""}))
    struct.pack_into("<I", body, body.index(b"PK\x05\x06") + 12, 900 * MB)
    return bytes(body)


RELATIONS = b"""<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship
 Id="rId1"
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="../elsewhere.xml"/>
 </Relationships>"""
NOT_SHOWN: dict[str, tuple[Callable[[], bytes], str]] = {
    "a gzip bomb": (lambda: gzip.compress(b"a,b\n" * (300 * MB // 4), 1) * 4, "TOO_LARGE"),
    "a workbook that unpacks to a thousand times its size": (
        lambda: workbook_with({"xl/worksheets/sheet1.xml": b" " * (20 * MB)}), "TOO_LARGE"),
    "a workbook of many parts": (lambda: workbook_with({f"x{n}": b"" for n in range(10_001)}), "TOO_LARGE"),
    "a zip directory that fills the memory": (endless_directory, "TOO_LARGE"),
    "a lying size": (lying_size, "BROKEN"),
    "an encrypted part": (encrypted_zip, "BROKEN"),
    "an encrypted workbook": (encrypted_office, "BROKEN"),
    "an older workbook": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000), "UNSUPPORTED"),
    "a zip that is no workbook": (lambda: zipped({"readme.txt": b"hello"}), "UNSUPPORTED"),
    "an archive in gzip": (lambda: gzip.compress(xlsx_bytes(HEADER, ROWS)), "UNSUPPORTED"),
    "UTF-32": (lambda: "a,b\n1,2\n".encode("utf-32"), "UNSUPPORTED"),
    "XML in no encoding": (lambda: b'<?xml version="1.0" encoding="bogus"?><r><x/><x/></r>', "UNSUPPORTED"),
    "XML in an encoding of several bytes": (lambda: b'<?xml version="1.0" encoding="cp932"?><r/>', "UNSUPPORTED"),
    "a PDF": (lambda: b"%PDF-1.7\n1 0 obj", "UNSUPPORTED"),
    "random bytes with zeros": (lambda: bytes(range(256)) * 20, "UNSUPPORTED"),
    "an XML bomb": (lambda: BILLION_LAUGHS, "UNSUPPORTED"),
    "an entity from outside": (lambda: OUTSIDE, "UNSUPPORTED"),
    "deep XML": (lambda: b"<r>" + b"<a>" * 100_000, "TOO_LARGE"),
    "deep JSON": (lambda: b'[{"a": ' + b"[" * 100_000, "TOO_LARGE"),
    "JSON without a table": (lambda: b'["a", "b", 1]', "UNSUPPORTED"),
    "JSON with a word for a number": (lambda: b'[{"a": NaN}]', "BROKEN"),
    "JSON that is not whole": (lambda: json_bytes(HEADER, ROWS)[:-1], "BROKEN"),
    "JSON with something behind it": (lambda: json_bytes(HEADER, ROWS) + b"]", "BROKEN"),
    "XML that is not whole": (lambda: xml_bytes(HEADER, ROWS)[:-3], "BROKEN"),
    "gzip that is not whole": (lambda: gzip.compress(csv_bytes(HEADER, ROWS))[:-9], "BROKEN"),
    "a workbook that is cut off": (lambda: xlsx_bytes(HEADER, ROWS)[:-30], "BROKEN"),
    "a workbook without its sheet": (lambda: workbook_with({"xl/_rels/workbook.xml.rels": RELATIONS}), "BROKEN"),
    "too many columns": (lambda: csv_bytes([f"c{n}" for n in range(2_001)], []), "TOO_LARGE"),
    "a long cell": (lambda: csv_bytes(HEADER, [["x" * 131_073, 1]]), "TOO_LARGE"),
    "a long row": (lambda: json_bytes([f"c{n}" for n in range(9)], [["x" * 130_000] * 9]), "TOO_LARGE"),
    "a row of many values": (lambda: b'[{"a": [' + b"0," * 300_000 + b"0]}]", "TOO_LARGE"),
}  # fmt: skip
SLOW = {"a gzip bomb", "a workbook of many parts"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in NOT_SHOWN]
)
def test_a_file_that_is_not_shown_has_a_state_and_a_reason(name: str, tmp_path: Path) -> None:
    make, state = NOT_SHOWN[name]
    preview, rows = opened(make(), tmp_path)
    assert (preview.state.value, rows) == (state, []), preview.reason
    assert preview.reason
    assert "ustomer" not in preview.reason


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_never_end_the_reader(kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = KINDS[kind](HEADER, ROWS)
    dice = random.Random(kind)  # noqa: S311 - repeatable damage
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(dice.randrange(1, 6)):
            at = dice.randrange(len(damaged))
            match dice.randrange(4):
                case 0:
                    damaged[at] = dice.randrange(256)
                case 1:
                    del damaged[at : at + dice.randrange(1, 40)]
                case 2:
                    damaged[at:at] = os.urandom(dice.randrange(1, 20))
                case _:
                    del damaged[at:]
            damaged = damaged or bytearray(b"x")
        preview, _ = opened(bytes(damaged), tmp_path)
        assert preview.state is PreviewState.READY or preview.reason
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def test_an_empty_file_has_no_columns_and_no_rows(tmp_path: Path) -> None:
    preview, rows = opened(b"", tmp_path)
    assert (preview.state, rows) == (PreviewState.READY, [[]])
    assert preview.sheets[0].columns == []
