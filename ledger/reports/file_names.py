"""The attributes of an archived file in S3: it downloads as a file of its own, under the report's name.

The name is the vendor's, so it may be any string: what could leave the download folder or the header is replaced, and
other characters travel as RFC 6266 defines. The content type follows the format, or says that the bytes are gzip.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

from ledger.reports.identity import ReportKey
from upstreams.rde.client import ReportFormat

LONGEST_NAME = 150
"""In characters; file systems allow 255 bytes."""
GZIP = "application/gzip"
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
UNKNOWN = "application/octet-stream"
CONTENT_TYPES = {
    ReportFormat.JSON: "application/json",
    ReportFormat.XML: "application/xml",
    ReportFormat.CSV: "text/csv",
    ReportFormat.XLSX: SPREADSHEET,
}

# Characters that file systems refuse or read as a path, control characters, writing direction marks, surrogates.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]')
_NOT_PLAIN = re.compile(r"[^ A-Za-z0-9!#$&+.^_`|~()\[\]{}=@,'-]")


def attributes(key: ReportKey, *, compressed: bool, coding: str | None = None) -> Mapping[str, str]:
    """The S3 attributes of a report's file.

    `compressed`: the bytes are gzip. `coding` is a content coding that is still on them, for a browser to undo.
    """
    plain = CONTENT_TYPES[key.format] if key.format else UNKNOWN
    headers = {
        "Content-Type": GZIP if compressed else plain,
        "Content-Disposition": disposition(file_name(key, compressed=compressed)),
    }
    return headers if coding is None else headers | {"Content-Encoding": coding}


def file_name(key: ReportKey, *, compressed: bool) -> str:
    """The report's name as a file name, with the extension of its format and compression."""
    ending = f".{key.format.value.lower()}" if key.format else ""
    ending += ".gz" if compressed else ""
    name = safe(key.name) or "report"
    for present in (ending, ending.removesuffix(".gz")):
        if present and name.lower().endswith(present):
            name = name[: -len(present)]
    return name[:LONGEST_NAME] + ending


def safe(name: str) -> str:
    """A name without what file systems refuse; empty if nothing is left."""
    return _UNSAFE.sub("_", name).strip(" .")


def disposition(name: str) -> str:
    """`Content-Disposition` for a file name: plain for old clients, and whole where plain is not enough (RFC 6266)."""
    plain = _NOT_PLAIN.sub("_", name)
    if plain == name:
        return f'attachment; filename="{plain}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
