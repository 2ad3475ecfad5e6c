"""How long opening large report files takes, and how much memory: `python -m benchmarks.report_files [rows [names]]`.

Each file is opened in a process of its own, and written for the lake there, as the keeper does it. CPU time is that of
the process; memory is its largest resident set, with all that it imports.
"""

import csv
import gzip
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from ledger.contents.opening import open_file
from ledger.lake.report_rows import RowsOrigin, write_report_rows

HEADER = ["subscription", "account_id", "company", "resource", "quantity", "price", "currency", "day"]


def rows(count: int) -> Iterator[list[str]]:
    dice = Random(1)
    for number in range(count):
        account = dice.randrange(5000)
        yield [
            str(1_000_000 + number), f"{account:06}", f"Customer {account} Ltd", "Mailbox", str(dice.randrange(50)),
            f"{dice.randrange(100_000) / 100:.2f}", "EUR", f"2026-11-{1 + number % 30:02}",
        ]  # fmt: skip


def as_csv(path: Path, count: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(rows(count))


def as_json(path: Path, count: int) -> None:
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.write('{"data": [')
        for number, row in enumerate(rows(count)):
            file.write(("," if number else "") + json.dumps(dict(zip(HEADER, row, strict=True))))
        file.write("]}")


def as_xml(path: Path, count: int) -> None:
    with path.open("w") as file:
        file.write("<rows>")
        for row in rows(count):
            file.write("<row>" + "".join(f"<{k}>{v}</{k}>" for k, v in zip(HEADER, row, strict=True)) + "</row>\n")
        file.write("</rows>")


def as_xlsx(path: Path, count: int) -> None:
    from xlsxwriter import Workbook  # type: ignore[import-untyped]  # noqa: PLC0415 - it has no stubs

    book = Workbook(path, {"constant_memory": True})
    page = book.add_worksheet()
    money = book.add_format({"num_format": "#,##0.00 [$€-407]"})
    page.write_row(0, 0, HEADER)
    for number, row in enumerate(rows(count), 1):
        for column, cell in enumerate(row):
            if column in {0, 4, 5}:
                page.write_number(number, column, float(cell), money if column == 5 else None)
            else:
                page.write_string(number, column, cell)
    book.close()


def shared_texts(path: Path, count: int) -> None:
    """A workbook whose cells are all different texts."""
    from xlsxwriter import Workbook  # noqa: PLC0415

    book = Workbook(path)
    page = book.add_worksheet()
    for number in range(count):
        page.write_string(number, 0, f"text number {number} of a workbook whose texts are all different")
    book.close()


def zip_bomb(path: Path, _count: int) -> None:
    """A sheet of 344 MB of one cell after the other, in some hundred kilobytes."""
    as_xlsx(path, 2)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    row = b"<row>" + b'<c t="n"><v>1</v></c>' * 100 + b"</row>"
    sheet = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    parts["xl/worksheets/sheet1.xml"] = sheet + row * (344 * 1024 * 1024 // len(row)) + b"</sheetData></worksheet>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def wide(path: Path, count: int) -> None:
    """2,000 columns."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f"c{number}" for number in range(2000)])
        for number in range(count // 100):
            writer.writerow([f"{number}.{column}" for column in range(2000)])


def long_cells(path: Path, count: int) -> None:
    with path.open("w") as file:
        for number in range(count // 500):
            file.write(
                json.dumps({"id": number, "text": chr(0x4E00 + number % 1000) * 120_000}, ensure_ascii=False) + "\n"
            )


FILES: dict[str, Callable[[Path, int], None]] = {
    "CSV": as_csv,
    "JSON.gz": as_json,
    "XML": as_xml,
    "XLSX": as_xlsx,
    "XLSX, all texts different": shared_texts,
    "XLSX that unpacks to 344 MB": zip_bomb,
    "CSV of 2,000 columns": wide,
    "JSON lines of long texts": long_cells,
}


def measure(path: Path) -> None:
    """What the keeper does with one file."""
    stored, out = path.with_suffix(".rows"), path.with_suffix(".parquet")
    began = time.process_time()
    with stored.open("wb") as file:
        preview = open_file(path, file, "rows", lambda: None)
    opened = time.process_time() - began
    for number, sheet in enumerate(preview.sheets):
        with out.open("wb") as file:
            origin = RowsOrigin("report", datetime(2026, 11, 20, tzinfo=UTC), "0" * 64, "0" * 64)
            write_report_rows(file, stored, sheet, origin, lambda: None) if sheet.row_count else None
            assert origin.key("t", sheet, number)
    counts = [sheet.row_count for sheet in preview.sheets]
    print(
        f"{preview.state.value:<10} {sum(counts):>9,} rows"
        f" {path.stat().st_size / 1e6:7.1f} MB, {stored.stat().st_size / 1e6:6.1f} MB stored,"
        f" {out.stat().st_size / 1e6 if out.exists() else 0:6.1f} MB Parquet,"
        f" opened in {opened:6.1f} s, lake {time.process_time() - began - opened:6.1f} s CPU,"
        f" {largest_memory():6.0f} MB memory   {preview.reason or ''}"
    )


def largest_memory() -> float:
    """This process's largest resident set in MB; `getrusage` would count the parent's before `exec` as well."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main(count: int, names: list[str]) -> None:
    with TemporaryDirectory() as folder:
        for name, make in FILES.items():
            if names and name not in names:
                continue
            path = Path(folder) / "file"
            make(path, count)
            print(f"{name:<28}", end=" ", flush=True)
            subprocess.run([sys.executable, "-m", __spec__.name, "--measure", str(path)], check=True)


if __name__ == "__main__":
    if "--measure" in sys.argv:
        measure(Path(sys.argv[-1]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, sys.argv[2:])
