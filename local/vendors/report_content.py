"""What is inside a simulated report file: what a reseller sees, in the format asked for, the same bytes every time.

The name says which: invoices, accounts (of resellers too), or else subscriptions. Each format is written by a library
that others use as well: the csv and json modules, ElementTree and XlsxWriter. A workbook has a second sheet with sums.
"""

import csv
import gzip
import io
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from xml.etree import ElementTree as ET

EXTENSIONS = {"JSON": "json.gz", "XML": "xml", "CSV": "csv", "XLSX": "xlsx"}
CONTENT_TYPES = {
    "json.gz": "application/gzip",
    "xml": "application/xml",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
ROWS = 240

type Cell = str | int | Decimal | date | None
type Table = Sequence[Mapping[str, Cell]]

_COMPANIES = ("Contoso", "Fabrikam", "Northwind", "Tailspin", "Wingtip", "Adatum", "Litware", "Proseware", "Löwenbräu")
_LEGAL_FORMS = ("Ltd", "GmbH", "S.A.", "B.V.", "Inc.")
_CITIES = (("London", "GB"), ("Köln", "DE"), ("Málaga", "ES"), ("Łódź", "PL"), ("Utrecht", "NL"), ("Dublin", "IE"))
_RESOURCES = {"Mailbox": "3.50", "Virtual machine": "41.90", "Backup, 1 TB": "9.99", "Office licence": "12.50"}


def content(name: str, day: date, report_format: str) -> bytes:
    """The file of the report `name` of a day; `report_format` is one of the keys of `EXTENSIONS`."""
    kind = next((kind for kind in ("invoice", "account", "reseller") if kind in name.lower()), "subscription")
    make = {"invoice": _invoices, "account": _accounts, "reseller": _accounts, "subscription": _subscriptions}[kind]
    rows = make(Random(f"{name}/{day.isoformat()}"), day)
    return {"JSON": _json, "XML": _xml, "CSV": _csv, "XLSX": _xlsx}[report_format](f"{kind}s", rows)


def _company(number: int) -> str:
    return f"{_COMPANIES[number % len(_COMPANIES)]} {number} {_LEGAL_FORMS[number % len(_LEGAL_FORMS)]}"


def _subscriptions(dice: Random, day: date) -> Table:
    rows: list[Mapping[str, Cell]] = []
    for _ in range(ROWS):
        account, resource, quantity = dice.randrange(1, 80), dice.choice(list(_RESOURCES)), dice.randrange(1, 50)
        started = day - timedelta(days=dice.randrange(1, 1500))
        rows.append(
            {
                "subscription": 1_000_000 + dice.randrange(1_000_000),
                "account_id": f"{account:06}",
                "company": _company(account),
                "resource": resource,
                "quantity": quantity,
                "price": Decimal(_RESOURCES[resource]),
                "amount": Decimal(_RESOURCES[resource]) * quantity,
                "currency": "EUR",
                "status": dice.choices(("active", "graced", "terminated"), (90, 6, 4))[0],
                "started": started,
                "day": day,
            }
        )
    return rows


def _accounts(dice: Random, day: date) -> Table:
    rows: list[Mapping[str, Cell]] = []
    for account in range(1, ROWS + 1):
        city, country = dice.choice(_CITIES)
        rows.append(
            {
                "account_id": f"{account:06}",
                "company": _company(account),
                "contact": dice.choice(("Ada Byron", "Jürgen Weiß", "María Núñez", "Zoë O'Neill", "Jan de Vries")),
                "email": f"billing@customer{account}.example",
                "city": city,
                "country": country,
                "subscriptions": dice.randrange(0, 60),
                "balance": Decimal(dice.randrange(-50_000, 200_000)) / 100,
                "currency": "EUR",
                "vat_id": None if dice.random() < 0.2 else f"{country}{dice.randrange(10**8, 10**9)}",  # noqa: PLR2004 - a fifth has none
                "created": day - timedelta(days=dice.randrange(30, 3000)),
            }
        )
    return rows


def _invoices(dice: Random, day: date) -> Table:
    rows: list[Mapping[str, Cell]] = []
    for number in range(1, ROWS + 1):
        account, net = dice.randrange(1, 80), Decimal(dice.randrange(500, 500_000)) / 100
        tax = (net * Decimal("0.21")).quantize(Decimal("0.01"))
        rows.append(
            {
                "invoice": f"INV-{day:%Y%m}-{number:05}",
                "account_id": f"{account:06}",
                "company": _company(account),
                "issued": day,
                "due": day + timedelta(days=30),
                "net": net,
                "tax": tax,
                "total": net + tax,
                "currency": "EUR",
                "status": dice.choices(("paid", "open", "overdue"), (70, 25, 5))[0],
            }
        )
    return rows


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case date():
            return cell.isoformat()
        case Decimal():
            return f"{cell:.2f}"
    return str(cell)


def _json(_kind: str, rows: Table) -> bytes:
    plain = [{key: cell if isinstance(cell, int) else _text(cell) or None for key, cell in row.items()} for row in rows]
    return gzip.compress(json.dumps(plain).encode(), mtime=0)


def _csv(_kind: str, rows: Table) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows({key: _text(cell) for key, cell in row.items()} for row in rows)
    return text.getvalue().encode()


def _xml(kind: str, rows: Table) -> bytes:
    root = ET.Element(kind)
    for row in rows:
        element = ET.SubElement(root, kind.removesuffix("s"))
        for key, cell in row.items():
            ET.SubElement(element, key).text = _text(cell)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _xlsx(kind: str, rows: Table) -> bytes:
    from xlsxwriter import Workbook  # type: ignore[import-untyped]  # noqa: PLC0415 - it has no stubs, and takes time

    file = io.BytesIO()
    book = Workbook(file, {"in_memory": True})
    book.set_properties({"created": datetime(2019, 11, 5, tzinfo=UTC)})  # the same report must be the same bytes
    styles: dict[type | None, Any] = {
        Decimal: book.add_format({"num_format": "#,##0.00 [$€-407]"}),
        date: book.add_format({"num_format": "dd.mm.yyyy"}),
        None: book.add_format({"bold": True}),
    }
    _fill(book.add_worksheet(kind.capitalize()), rows, styles)
    _fill(book.add_worksheet("Sums"), _sums(rows), styles)
    book.close()
    return file.getvalue()


def _fill(page: Any, rows: Table, styles: Mapping[type | None, Any]) -> None:  # noqa: ANN401 - XlsxWriter has no types
    page.write_row(0, 0, list(rows[0]), styles[None])
    for number, row in enumerate(rows, 1):
        for column, cell in enumerate(row.values()):
            match cell:
                case Decimal():
                    page.write_number(number, column, float(cell), styles[Decimal])
                case date():
                    page.write_datetime(number, column, cell, styles[date])
                case int():
                    page.write_number(number, column, cell)
                case str():
                    page.write_string(number, column, cell)


def _sums(rows: Table) -> Table:
    """The money of each company."""
    money = [key for key, cell in rows[0].items() if isinstance(cell, Decimal) and key != "price"]
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: dict.fromkeys(money, Decimal(0)))
    for row in rows:
        for key in money:
            sums[str(row["company"])][key] += row[key]  # type: ignore[operator]  # all of them are decimals
    return [{"company": company, **of} for company, of in sorted(sums.items())]
