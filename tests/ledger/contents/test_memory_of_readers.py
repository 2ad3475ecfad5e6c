"""Opening a file takes the memory of its blocks, not of its size: measured in a process of its own."""

import gzip
import subprocess
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from tests.support.report_files import xlsx_bytes
from tests.support.repository import ROOT

pytestmark = pytest.mark.slow

LIMIT_MB = 512
OPEN = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from ledger.contents.opening import open_file
from ledger.lake.report_rows import RowsOrigin, write_report_rows
path = Path(sys.argv[1])
with path.with_suffix(".rows").open("wb") as rows:
    preview = open_file(path, rows, "rows", lambda: None)
for sheet in preview.sheets:
    with path.with_suffix(".parquet").open("wb") as file:
        origin = RowsOrigin("r", datetime(2026, 11, 20, tzinfo=UTC), "0", "0")
        write_report_rows(file, path.with_suffix(".rows"), sheet, origin, lambda: None)
memory = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
print(preview.state.value, sum(sheet.row_count for sheet in preview.sheets), memory)
"""
MB = 1024 * 1024


def many_texts() -> bytes:
    """A workbook of 250 MB of texts that cells share, in a few megabytes."""
    text = b"<si><t>" + b"x" * 1000 + b"</t></si>"
    with zipfile.ZipFile(BytesIO(xlsx_bytes(["a"], [["b"]]))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/sharedStrings.xml"] = b"<sst>" + text * (250 * MB // len(text)) + b"</sst>"
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def wide() -> bytes:
    """2,000 columns of cells of 500 characters, a megabyte a row."""
    header = ",".join(f"c{number}" for number in range(2000))
    row = ",".join(["xy" * 250] * 2000)
    return gzip.compress("\n".join([header, *[row] * 20]).encode(), 1)


FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "150 MB of JSON in one row": (lambda: gzip.compress(b'[{"a": "' + b"x" * (150 * MB) + b'"}]', 1), "TOO_LARGE"),
    "150 MB of XML in one cell": (lambda: gzip.compress(b"<r><a>" + b"x" * (150 * MB) + b"</a></r>", 1), "TOO_LARGE"),
    "150 MB of one line": (lambda: gzip.compress(b"a,b\n" + b"x" * (150 * MB), 1), "TOO_LARGE"),
    "250 MB of shared texts": (many_texts, "TOO_LARGE"),
    "2,000 columns of long cells": (wide, "READY"),
}


@pytest.mark.parametrize("name", FILES)
def test_no_file_takes_more_memory_than_the_keeper_has(name: str, tmp_path: Path) -> None:
    make, state = FILES[name]
    path = tmp_path / "file"
    path.write_bytes(make())
    ended = subprocess.run(
        [sys.executable, "-c", OPEN, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found, _, memory = ended.stdout.split()
    assert (found, ended.stderr) == (state, "")
    assert int(memory) < LIMIT_MB
