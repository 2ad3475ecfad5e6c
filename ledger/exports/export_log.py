"""An export's steps in S3: each is an object of its own, created by a conditional PUT, and the newest one counts.

    exports/tenant=acme/3f0c…/state-000000.json              requested
    exports/tenant=acme/3f0c…/state-000004.json              … and four steps later
    exports/tenant=acme/3f0c…/part-000004-9a….deflate        the rows of some days, until the file is written
    exports/tenant=acme/3f0c…/woken-000001                   it had stalled and was started again
    exports/tenant=acme/3f0c…/_lease                         an exporter is working on it
    exports/tenant=acme/3f0c…/credits-20191101….csv.gz       the file

When two exporters work on one export, only one of them can create the next step; the other notices and stops. An
export whose newest step is unreadable has failed, because the step says what to export.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.exports.jobs import ExportState, ExportStatus
from ledger.storage.store import ListedObject, Store

LOG = logging.getLogger("tally.exporter")

EXPORTS_PREFIX = "exports"
STATE = "state-"
RESTART = "woken-"


@dataclass(frozen=True, slots=True)
class ExportSnapshot:
    """An export as one LIST and one GET show it; without objects, one that has been started just now."""

    id: str
    state: ExportState
    objects: Sequence[ListedObject]

    def last_written(self, prefix: str = "") -> datetime:
        """The latest time at which S3 stored an object whose name begins with `prefix`."""
        return max(found.modified for found in self.objects if _name(found).startswith(prefix))

    def count(self, prefix: str) -> int:
        """The number of objects whose name begins with `prefix`."""
        return sum(_name(found).startswith(prefix) for found in self.objects)

    def has_file(self) -> bool:
        """Whether the finished file is there, in its full size."""
        return any(_name(found) == self.state.job.file_name and found.size == self.state.size for found in self.objects)


@dataclass(frozen=True, slots=True)
class UnreadableExport:
    """An export whose newest step, or whose file, is lost; a step with a higher number can start it again."""

    id: str
    number: int


class ExportLog:
    """The steps of one export."""

    def __init__(self, store: Store, tenant: str, export_id: str) -> None:
        self._store = store
        self._tenant = tenant
        self._id = export_id
        self.folder = f"{EXPORTS_PREFIX}/tenant={tenant}/{export_id}"

    def key(self, name: str) -> str:
        """The key of one of the export's objects."""
        return f"{self.folder}/{name}"

    async def newest(self) -> ExportSnapshot | UnreadableExport | None:
        """The export as its newest step describes it; None when there is no such export.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        objects = await self._store.listing(self.folder)
        number = max((number for item in objects if (number := _step_number(_name(item))) is not None), default=None)
        stored = None if number is None else await self._store.get(self._step_key(number))
        if number is None or stored is None:
            return None
        try:
            snapshot = ExportSnapshot(self._id, ExportState.from_bytes(number, stored.body), objects)
        except (ValueError, LookupError, TypeError) as error:
            LOG.warning("%s is unreadable, the export counts as failed: %s", self._step_key(number), error)
            return UnreadableExport(self._id, number)
        return snapshot if self._is_whole(snapshot) else UnreadableExport(self._id, number)

    def _is_whole(self, export: ExportSnapshot) -> bool:
        """Whether the newest step belongs to this tenant, and the file that it promises is there."""
        if export.state.job.tenant != self._tenant:
            LOG.warning("the newest step in %s belongs to another tenant, the export counts as failed", self.folder)
            return False
        if export.state.status is ExportStatus.DONE and not export.has_file():
            LOG.warning("the file of %s is gone or incomplete, the export counts as failed", self.folder)
            return False
        return True

    async def append(self, state: ExportState) -> bool:
        """Write a step; False when another process has written the one with its number."""
        return await self._store.create(self._step_key(state.number), state.to_bytes()) is not None

    async def claim_restart(self, export: ExportSnapshot) -> bool:
        """Record that the export is being started again; False when another process has just recorded that."""
        return await self._store.create(self.key(f"{RESTART}{export.count(RESTART):06}"), b"") is not None

    def _step_key(self, number: int) -> str:
        return self.key(f"{STATE}{number:06}.json")


def _name(item: ListedObject) -> str:
    return item.key.rpartition("/")[2]


def _step_number(name: str) -> int | None:
    number = name.removeprefix(STATE).removesuffix(".json")
    return int(number) if name.startswith(STATE) and number.isascii() and number.isdecimal() else None
