"""The shapes in which the simulated OpenMarket can write its CSV files, since its document leaves them open.

`SHAPES` has one of each kind that Tally has to read. `OPENMARKET_SHAPE=spreadsheet make run` starts with one of them;
a test sets `OpenMarketSimulator.shape`, also to one of its own.
"""

import csv
import gzip
import io
import zlib
from dataclasses import dataclass
from typing import Literal

from local.vendors.simulator import SimulatorResponse

type Coding = Literal["", "gzip", "deflate"]
type Quoting = Literal[0, 1, 2, 3]


@dataclass(frozen=True, slots=True)
class CsvShape:
    """How a file is written; the defaults are RFC 4180 in UTF-8, sent with its length.

    `before` and `after` are lines around the table, with `{rows}` for their number. `wrapped` writes ids and phone
    numbers as `="…"`. `zone` follows each time. `no_data` replaces a file without rows, with `no_data_status`;
    `bare_when_empty` drops the header from such a file. `content_encoding` is the header when it is not the coding.
    """

    delimiter: str = ","
    quoting: Quoting = csv.QUOTE_MINIMAL
    quote: str = '"'
    line_end: str = "\r\n"
    last_line_end: bool = True
    reversed_columns: bool = False
    before: str = ""
    after: str = ""
    wrapped: bool = False
    zone: str = ""
    lower_case_currency: bool = False
    encoding: str = "utf-8"
    content_type: str = "text/csv; charset=utf-8"
    coding: Coding = ""
    members: int = 1
    content_encoding: str | None = None
    framing: Literal["length", "chunked", "close"] = "length"
    no_data: str = ""
    no_data_status: int = 200
    bare_when_empty: bool = False

    def response(self, table: list[list[str]]) -> SimulatorResponse:
        """A table, its header first, as the vendor sends it."""
        if len(table) == 1 and self.no_data:
            body, content_type, status = self.no_data.encode(), "text/plain; charset=utf-8", self.no_data_status
        else:
            body, content_type, status = self._text(table).encode(self.encoding), self.content_type, 200
        name = self.coding if self.content_encoding is None else self.content_encoding
        headers = (("content-encoding", name),) if name else ()
        return SimulatorResponse(status, self._packed(body), content_type, headers, framing=self.framing)

    def _text(self, table: list[list[str]]) -> str:
        if len(table) == 1 and self.bare_when_empty:
            return ""
        file = io.StringIO(newline="")
        writer = csv.writer(
            file, delimiter=self.delimiter, quoting=self.quoting, quotechar=self.quote, lineterminator=self.line_end
        )
        header, *rows = table
        for cells in (header, *(self._cells(dict(zip(header, row, strict=True))) for row in rows)):
            writer.writerow(reversed(cells) if self.reversed_columns else cells)
        parts = [self._lines(self.before, len(rows)), file.getvalue(), self._lines(self.after, len(rows))]
        return "".join(parts) if self.last_line_end else "".join(parts).removesuffix(self.line_end)

    def _cells(self, row: dict[str, str]) -> list[str]:
        for name in ("Credit ID", "MSISDN"):
            if self.wrapped and name in row:
                row[name] = f'="{row[name]}"'
        if "Time (UTC)" in row:
            row["Time (UTC)"] += self.zone
        if self.lower_case_currency:
            row["Currency"] = row["Currency"].lower()
        return list(row.values())

    def _lines(self, text: str, rows: int) -> str:
        return "".join(line + self.line_end for line in text.format(rows=rows).splitlines())

    def _packed(self, body: bytes) -> bytes:
        if self.coding == "gzip":
            size = max(1, -(-len(body) // self.members))
            return b"".join(gzip.compress(body[at : at + size]) for at in range(0, max(1, len(body)), size))
        return zlib.compress(body) if self.coding == "deflate" else body


SHAPES = {
    "documented": CsvShape(),
    "bare": CsvShape(bare_when_empty=True),
    "semicolons": CsvShape(delimiter=";", line_end="\n"),
    "tabs": CsvShape(delimiter="\t", content_type="text/tab-separated-values"),
    "bars": CsvShape(delimiter="|", lower_case_currency=True),
    "quoted": CsvShape(quoting=csv.QUOTE_ALL, last_line_end=False),
    "single-quotes": CsvShape(quoting=csv.QUOTE_ALL, quote="'"),
    "spreadsheet": CsvShape(wrapped=True, before="sep=,", encoding="utf-8-sig"),
    "titled": CsvShape(before="Crediting report\nAccount: 1234\n\n", after="Total rows: {rows}"),
    "reversed": CsvShape(reversed_columns=True),
    "zones": CsvShape(zone=" UTC+0000"),
    "utf-16": CsvShape(encoding="utf-16", content_type="text/csv"),
    "latin-1": CsvShape(encoding="latin-1", content_type="text/csv; charset=ISO-8859-1"),
    "windows": CsvShape(encoding="cp1252", content_type="text/csv"),
    "gzip": CsvShape(coding="gzip", content_encoding="GZIP", framing="chunked"),
    "members": CsvShape(coding="gzip", members=3),
    "deflate": CsvShape(coding="deflate"),
    "charset-as-coding": CsvShape(content_encoding="UTF-8"),
    "no-length": CsvShape(framing="close"),
    "no-data": CsvShape(no_data="No data found for the requested period"),
    "no-data-404": CsvShape(no_data="No data found for the requested period", no_data_status=404),
}
