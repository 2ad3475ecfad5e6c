"""What is inside a simulated report file: a few subscriptions in the format asked for, the same bytes every time."""

import csv
import gzip
import io
import json
import zipfile
from datetime import date
from random import Random
from xml.etree import ElementTree as ET

EXTENSIONS = {"JSON": "json.gz", "XML": "xml", "CSV": "csv", "XLSX": "xlsx"}
CONTENT_TYPES = {
    "json.gz": "application/gzip",
    "xml": "application/xml",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ROWS = 40

_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def content(name: str, day: date, report_format: str) -> bytes:
    """The file of the report `name` of a day; `report_format` is one of the keys of `EXTENSIONS`."""
    rows = _subscriptions(name, day)
    return {"JSON": _json, "XML": _xml, "CSV": _csv, "XLSX": _xlsx}[report_format](rows)


def _subscriptions(name: str, day: date) -> list[dict[str, str]]:
    dice = Random(f"{name}/{day.isoformat()}")
    return [
        {
            "subscription": str(1_000_000 + dice.randrange(1_000_000)),
            "customer": f"Customer {dice.randrange(1, 200)}",
            "resource": dice.choice(("Mailbox", "Virtual machine", "Backup, 1 TB", "Licence")),
            "quantity": str(dice.randrange(1, 50)),
            "price": f"{dice.randrange(50, 100_000) / 100:.2f}",
            "currency": "EUR",
            "day": day.isoformat(),
        }
        for _ in range(ROWS)
    ]


def _json(rows: list[dict[str, str]]) -> bytes:
    return gzip.compress(json.dumps(rows).encode(), mtime=0)


def _csv(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _xml(rows: list[dict[str, str]]) -> bytes:
    root = ET.Element("subscriptions")
    for row in rows:
        ET.SubElement(root, "subscription", row)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _xlsx(rows: list[dict[str, str]]) -> bytes:
    """The smallest workbook that a spreadsheet program opens: one sheet of inline strings."""
    table = [list(rows[0]), *(list(row.values()) for row in rows)]
    cells = ("".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row) for row in table)
    sheet = "".join(f"<row>{row}</row>" for row in cells)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": _relationship("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="Report" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relationship("worksheet", "sheet1.xml"),
        "xl/sheet1.xml": f'<worksheet xmlns="{_SHEET}"><sheetData>{sheet}</sheetData></worksheet>',
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, text in parts.items():
            # A fixed date: the same report must be the same bytes.
            file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def _relationship(kind: str, target: str) -> str:
    return (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/{kind}" Target="{target}"/></Relationships>'
    )
