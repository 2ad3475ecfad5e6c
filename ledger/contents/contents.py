"""Answers what is in report files, from what the keeper stored; nothing is parsed here but that."""

import logging

from ledger.contents.opened_files import OpenedFiles, opened_files
from ledger.contents.previews import OtherFormatError, SheetPreview, StoredPreview
from ledger.contents.row_pages import SheetReader
from ledger.reports.archive import file_key_in
from ledger.reports.identity import ReportKey
from ledger.storage.store import Store

LOG = logging.getLogger("tally.ledger")


class ReportContents:
    """Every tenant's opened files."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def opened(self, tenant: str) -> OpenedFiles:
        """Which files have been opened: one LIST for each thousand.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        return await opened_files(self._store, tenant)

    async def preview(self, tenant: str, key: ReportKey) -> StoredPreview | None:
        """What is in an archived file: one GET. None if it has not been opened.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        return await stored_preview(self._store, tenant, key)

    def reader(self, preview: StoredPreview, sheet: SheetPreview) -> SheetReader:
        """The reader of a sheet's rows."""
        return SheetReader(self._store, preview.rows_key, sheet)


async def stored_preview(store: Store, tenant: str, key: ReportKey) -> StoredPreview | None:
    """A stored preview; one that cannot be read is as good as none.

    Raises:
        LedgerUnavailable: S3 could not serve.
    """
    found = await store.get(preview_key(tenant, key))
    if found is None:
        return None
    try:
        return StoredPreview.read(found.body)
    except OtherFormatError:
        LOG.warning("%s is not a preview that this version reads", preview_key(tenant, key))
        return None


def preview_key(tenant: str, key: ReportKey) -> str:
    """Where the preview of a report's file is stored."""
    return f"{file_key_in('previews', tenant, key)}.json.gz"


def rows_key(tenant: str, key: ReportKey, reader: int) -> str:
    """Where a file's rows are stored, as a version of the reader read them."""
    return f"{file_key_in('rows', tenant, key)}-{reader}.gz"
