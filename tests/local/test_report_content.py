"""What is inside the simulator's report files can be opened in every format, and is the same in each."""

from datetime import date
from pathlib import Path

import pytest

from ledger.contents.previews import PreviewState
from local.vendors.report_content import EXTENSIONS, ROWS, content
from tests.support.report_files import opened

DAY = date(2026, 11, 20)


@pytest.mark.parametrize("name", ["usage", "resellers", "Every Invoice - Contoso"])
def test_a_report_has_the_same_rows_and_sums_in_every_format(name: str, tmp_path: Path) -> None:
    files = {kind: opened(content(name, DAY, kind), tmp_path) for kind in EXTENSIONS}
    assert {preview.state for preview, _ in files.values()} == {PreviewState.READY}
    first, [rows] = files["CSV"]
    assert len(rows) == ROWS > 200
    for preview, found in files.values():
        assert found[0] == rows
        assert preview.sheets[0].columns == first.sheets[0].columns
        assert preview.sheets[0].signature == first.sheets[0].signature
    assert any(column.sum for column in first.sheets[0].columns)
    assert [sheet.name for sheet in files["XLSX"][0].sheets][1] == "Sums"


def test_a_report_is_the_same_bytes_every_time_and_others_on_another_day() -> None:
    for kind in EXTENSIONS:
        assert content("usage", DAY, kind) == content("usage", DAY, kind)
        assert content("usage", DAY, kind) != content("usage", date(2026, 11, 19), kind)
