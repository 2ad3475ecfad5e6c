"""The archive: report files that outlive the vendor's 90 days, and what is known of each.

    archive/tenant=acme/reports/day=2026-11-20/201501.000000!JSON!daily-dr1        its record, written last
    archive/tenant=acme/files/day=2026-11-20/201501.000000!5f0c…e1                 the file, byte for byte

A record's key says all that a listing needs, and days come first, so one LIST answers any period. A file without its
record is not archived: a crash in between shows nothing, and the next copy takes the same key. Nothing is ever deleted.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Self
from urllib.parse import quote, unquote

from ledger.storage.store import LedgerUnavailable, ListedObject, Store
from runtime.clock import Clock
from runtime.memory import Memory
from upstreams.rde.client import Report, ReportFormat, format_of

LOG = logging.getLogger("tally.ledger")

ROOT = "archive"
LONGEST_KEY = 1000
"""In bytes; S3 takes 1024."""
REMEMBERED_BYTES = 8 * 1024 * 1024
ENTRY_BYTES = 400
BEYOND = "0"
"""Sorts right behind the slash after a day."""
MARK = "!"
"""Parts the fields of a key; percent-encoding leaves none inside them."""


@dataclass(frozen=True, slots=True)
class ReportKey:
    """Which report a file is: what the vendor calls it, its format in the vendor's spelling, when it was made (UTC)."""

    name: str
    raw_format: str
    creation_date: datetime

    @classmethod
    def of(cls, report: Report) -> Self:
        """The identity of a report as the vendor lists it."""
        return cls(report.name, report.raw_format, report.creation_date)

    @property
    def format(self) -> ReportFormat | None:
        """The format, if we know it."""
        return format_of(self.raw_format)

    @property
    def file(self) -> tuple[str, datetime, ReportFormat | str]:
        """What tells one report's file from any other, however its format is spelled."""
        return (self.name, self.creation_date, self.format or self.raw_format)

    @property
    def digest(self) -> str:
        """A name of fixed length and safe characters, the same for equal identities only."""
        return sha256(self.to_json()).hexdigest()

    def to_json(self) -> bytes:
        """The identity as JSON; names are the vendor's, so any string at all."""
        return json.dumps([self.name, self.raw_format, self.creation_date.isoformat()]).encode()


@dataclass(frozen=True, slots=True)
class ArchivedReport:
    """An archived report, and when its record was written."""

    identity: ReportKey
    at: datetime


@dataclass(frozen=True, slots=True)
class ArchivedReports:
    """What is archived of some days, by the order of its records, and until when that need not be looked up again."""

    reports: Sequence[ArchivedReport]
    good_until: datetime


class Archive:
    """Every tenant's archive: what is in it, and links to its files."""

    def __init__(self, store: Store, clock: Clock, recheck: timedelta) -> None:
        """`recheck`: how long a warm process may answer from memory before it looks at S3 again."""
        self._store = store
        self._clock = clock
        self._recheck = recheck
        self._memory: Memory[str, ArchivedReports] = Memory(REMEMBERED_BYTES)

    def remembered(self, tenant: str, first: date, last: date) -> ArchivedReports | None:
        """What this process has seen lately of these days, if it has."""
        shelf = self._memory.recall(f"{tenant}/{first}/{last}")
        return shelf if shelf and self._clock() < shelf.good_until else None

    def unknown(self) -> ArchivedReports:
        """What stands for a look at the archive that failed: nothing, and it is time to look again."""
        return ArchivedReports((), self._clock())

    async def reports(self, tenant: str, first: date, last: date) -> ArchivedReports:
        """The archived reports that were made from the first to the last UTC day, both counted: one LIST.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        looked = self._clock()
        folder = records(tenant)
        found = await self._store.listing(folder, f"{folder}/day={first}", f"{folder}/day={last}{BEYOND}")
        archived = [report for item in found if (report := await self._read(item)) is not None]
        shelf = ArchivedReports(archived, looked + self._recheck)
        self._memory.remember(f"{tenant}/{first}/{last}", shelf, (1 + len(archived)) * ENTRY_BYTES)
        return shelf

    async def link(self, tenant: str, report: ArchivedReport, seconds: int) -> str:
        """A link that reads the file for that many seconds, and can do nothing else.

        Raises:
            LedgerUnavailable: no credentials to sign with.
        """
        return await self._store.link(file_key(tenant, report.identity), seconds)

    async def _read(self, item: ListedObject) -> ArchivedReport | None:
        """What a record says: by its key, or where that would have been too long, by its body."""
        day, _, name = item.key.rpartition("/day=")[2].partition("/")
        at, *fields = name.split(MARK)
        try:
            identity = _identity(day, at, fields) if len(fields) > 1 else await self._read_body(item.key)
        except (ValueError, KeyError) as error:
            LOG.warning("%s is no record of an archived report: %s", item.key, error)
            return None
        return ArchivedReport(identity, item.modified)

    async def _read_body(self, key: str) -> ReportKey:
        stored = await self._store.get(key)
        if stored is None:
            raise LedgerUnavailable("a listed record could not be read")
        said = json.loads(stored.body)
        return ReportKey(said["name"], said["rawFormat"], datetime.fromisoformat(said["creationDate"]))


def records(tenant: str) -> str:
    """The folder of a tenant's records."""
    return f"{ROOT}/tenant={tenant}/reports"


def record_key(tenant: str, identity: ReportKey) -> str:
    """Where a report's record lies."""
    place = f"{records(tenant)}/{_moment(identity)}"
    key = f"{place}{MARK}{_encoded(identity.raw_format)}{MARK}{_encoded(identity.name)}"
    return key if len(key) <= LONGEST_KEY else f"{place}{MARK}{identity.digest}"


def file_key(tenant: str, identity: ReportKey) -> str:
    """Where a report's file lies, under a name that holds nothing of the vendor's."""
    return f"{ROOT}/tenant={tenant}/files/{_moment(identity)}{MARK}{identity.digest}"


def _moment(identity: ReportKey) -> str:
    created = identity.creation_date.astimezone(UTC)
    return f"day={created.date()}/{created:%H%M%S.%f}"


def _identity(day: str, at: str, fields: Sequence[str]) -> ReportKey:
    raw_format, name = (unquote(field, errors="surrogatepass") for field in fields)
    moment = datetime.strptime(at, "%H%M%S.%f").replace(tzinfo=UTC).timetz()
    return ReportKey(name, raw_format, datetime.combine(date.fromisoformat(day), moment))


def _encoded(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")
