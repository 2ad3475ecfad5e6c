"""Which files have been opened, how large they are, and which of them have the same bytes.

    archive/tenant=acme/opened/day=2026-11-20/201501.000000!5f0c…e1!1!48211!9c56…!f40c…

An empty object for each file, written when its preview and rows are: the version of the reader, the file's bytes and
SHA-256, and the report's id. So one LIST (for each thousand files) answers for all reports of a tenant.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote

from ledger.reports.archive import ARCHIVE_PREFIX, LONGEST_KEY, SEPARATOR, file_key_in
from ledger.reports.identity import ReportId, ReportKey
from ledger.storage.store import ListedObject, Store

FOLDER = "opened"
OURS = ":"
"""Before our own digest, where the vendor gives a report no id; percent-encoding leaves none in a vendor's id."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file that has been opened; `digest` is its report's key's, `order` sorts files by creation date, then id.

    `report_id` is None where the id is too long for a key.
    """

    digest: str
    reader: int
    bytes: int
    sha256: str
    report_id: ReportId | None
    order: tuple[str, str]

    @classmethod
    def of_key(cls, key: str) -> Self | None:
        """The file that an object's key describes; None if it describes none."""
        day, _, name = key.rpartition("/day=")[2].partition("/")
        match name.split(SEPARATOR):
            case [time, digest, reader, size, sha256, encoded] if reader.isdecimal() and size.isdecimal():
                found = _report_id(day, encoded)
                return cls(digest, int(reader), int(size), sha256, found, (f"{day}/{time}", unquote(encoded)))
        return None


class OpenedFiles:
    """The opened files of one tenant."""

    def __init__(self, files: Iterable[OpenedFile]) -> None:
        self._by_digest: dict[str, OpenedFile] = {}
        for file in files:
            known = self._by_digest.get(file.digest)
            if known is None or known.reader <= file.reader:
                self._by_digest[file.digest] = file
        self._first: dict[str, OpenedFile] = {}
        for file in sorted(self._by_digest.values(), key=lambda file: file.order):
            self._first.setdefault(file.sha256, file)

    def __len__(self) -> int:
        return len(self._by_digest)

    def find(self, key: ReportKey) -> OpenedFile | None:
        """A report's file, if it has been opened."""
        return self._by_digest.get(key.digest)

    def duplicate_of(self, file: OpenedFile) -> ReportId | None:
        """The first report with the same bytes; None if this one is it."""
        first = self._first[file.sha256]
        return None if first.digest == file.digest else first.report_id


async def opened_files(store: Store, tenant: str) -> OpenedFiles:
    """All opened files of a tenant.

    Raises:
        LedgerUnavailable: S3 could not serve.
    """
    listed: Sequence[ListedObject] = await store.listing(f"{ARCHIVE_PREFIX}/tenant={tenant}/{FOLDER}")
    return OpenedFiles(file for item in listed if (file := OpenedFile.of_key(item.key)) is not None)


def opened_key(tenant: str, key: ReportKey, report_id: ReportId, reader: int, size: int, sha256: str) -> str:
    """The key that says that a report's file has been opened."""
    encoded = (
        quote(report_id.report_id, safe="", errors="surrogatepass")
        if report_id.report_id
        else f"{OURS}{report_id.digest}"
    )
    parts = [file_key_in(FOLDER, tenant, key), str(reader), str(size), sha256]
    whole = SEPARATOR.join([*parts, encoded])
    return whole if len(whole) <= LONGEST_KEY else SEPARATOR.join([*parts, ""])


def _report_id(day: str, encoded: str) -> ReportId | None:
    if not encoded:
        return None
    if encoded.startswith(OURS):
        return ReportId(None, day, encoded.removeprefix(OURS))
    return ReportId(unquote(encoded, errors="surrogatepass"))
