"""How an archived file presents itself to whoever downloads it: as a file of its own, under the report's name.

The name is the vendor's, so any string at all: what could leave the download folder or the header is replaced, and
the rest travels as RFC 6266 has it. The content type follows the format; the bytes are what they are.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from ledger.reports.archive import ReportKey
from upstreams.rde.client import ReportFormat

LONGEST_NAME = 150
"""In characters; file systems take 255 bytes."""
GZIP = "application/gzip"
UNKNOWN = "application/octet-stream"
CONTENT_TYPES = {
    ReportFormat.JSON: "application/json",
    ReportFormat.XML: "application/xml",
    ReportFormat.CSV: "text/csv",
    ReportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

# What file systems refuse or read as a path, control characters, those that turn the writing direction, surrogates.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]')
_NOT_PLAIN = re.compile(r"[^ A-Za-z0-9!#$&+.^_`|~()\[\]{}=@,'-]")


def attributes(identity: ReportKey, link: str) -> Mapping[str, str]:
    """The S3 attributes of a report's file; the link's path tells whether it is compressed, as the vendor names it."""
    compressed = urlsplit(link).path.lower().endswith(".gz")
    known = CONTENT_TYPES[identity.format] if identity.format else UNKNOWN
    return {
        "Content-Type": GZIP if compressed else known,
        "Content-Disposition": disposition(file_name(identity, compressed=compressed)),
    }


def file_name(identity: ReportKey, *, compressed: bool) -> str:
    """The report's name as a file's, with the ending that its format and compression want."""
    ending = f".{identity.format.value.lower()}" if identity.format else ""
    ending += ".gz" if compressed else ""
    name = _UNSAFE.sub("_", identity.name).strip(" .") or "report"
    for given in (ending, ending.removesuffix(".gz")):
        if given and name.lower().endswith(given):
            name = name[: -len(given)]
    return name[:LONGEST_NAME] + ending


def disposition(name: str) -> str:
    """`Content-Disposition` for a file name: plain for old clients, and whole where plain is not enough (RFC 6266)."""
    plain = _NOT_PLAIN.sub("_", name)
    if plain == name:
        return f'attachment; filename="{plain}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
