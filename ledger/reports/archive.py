"""The archive: report files that outlive the vendor's 90 days, and what is known about each of them.

    archive/tenant=acme/reports/day=2026-11-20/201501.000000!JSON!daily-dr1!f40c…!daily!…!…!      its record
    archive/tenant=acme/files/day=2026-11-20/201501.000000!5f0c…e1                                the file

What is inside the file lies beside it, in folders of `ledger.contents`.
A record's key holds everything that a listing shows, and days come first, so one LIST answers any period. The file is
written first and the record last: a crash in between leaves nothing that counts, and the next copy replaces it. Nothing
is ever deleted. Records of earlier versions hold format and name only.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

import orjson

from ledger.reports.identity import ReportKey
from ledger.reports.stored import report_from_json
from ledger.storage.store import LedgerUnavailable, ListedObject, Store
from runtime.clock import Clock, rfc3339
from runtime.memory import Memory
from upstreams.rde.client import Report

LOG = logging.getLogger("tally.ledger")

ARCHIVE_PREFIX = "archive"
LONGEST_KEY = 1000
"""In bytes; S3 takes 1024."""
CACHE_BYTES = 8 * 1024 * 1024
ENTRY_BYTES = 600
AFTER_A_DAY = "0"
"""Sorts right behind the slash after a day."""
SEPARATOR = "!"
"""Between the fields of a key; percent-encoding leaves none inside them."""
BY_START = "s"
"""Behind the time in a key that is not the file's creation time but the start of the report's period."""
TIME = "%H%M%S.%f"
EARLIER_FIELDS = 2
KEYS_OF_A_RECORD = frozenset({"name", "rawFormat", "creationDate"})
ARCHIVED_STATUS = "completed"


@dataclass(frozen=True, slots=True)
class ArchivedReport:
    """An archived report as its record describes it, and when that was written; the report has no link."""

    report: Report
    at: datetime
    record: str = ""
    """The record's key."""

    @property
    def key(self) -> ReportKey:
        """What tells it from others."""
        return ReportKey.of(self.report)


@dataclass(frozen=True, slots=True)
class ArchivedReports:
    """The archived reports of some days, in the order of their records; good until the archive has to be read again."""

    reports: Sequence[ArchivedReport]
    good_until: datetime


class Archive:
    """Every tenant's archive: what is in it, and links to its files."""

    def __init__(self, store: Store, clock: Clock, recheck: timedelta) -> None:
        """`recheck`: how long a warm process may answer from memory before it reads S3 again."""
        self._store = store
        self._clock = clock
        self._recheck = recheck
        self._cache: Memory[tuple[str, date, date], ArchivedReports] = Memory(CACHE_BYTES)

    def cached(self, tenant: str, first: date, last: date) -> ArchivedReports | None:
        """These days' archived reports from this process's memory, if they are still good."""
        found = self._cache.recall((tenant, first, last))
        return found if found and self._clock() < found.good_until else None

    def unreadable(self) -> ArchivedReports:
        """The stand-in for an archive that cannot be read: no reports, and not good any longer."""
        return ArchivedReports((), self._clock())

    async def reports(self, tenant: str, first: date, last: date) -> ArchivedReports:
        """The archived reports from the first to the last UTC day, both included: one LIST.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        began = self._clock()
        folder = records(tenant)
        found = await self._store.listing(folder, f"{folder}/day={first}", f"{folder}/day={last}{AFTER_A_DAY}")
        archived = [report for item in found if (report := await self._parse(item)) is not None]
        result = ArchivedReports(archived, began + self._recheck)
        self._cache.remember((tenant, first, last), result, (1 + len(archived)) * ENTRY_BYTES)
        return result

    async def everything(self, tenant: str) -> Sequence[ArchivedReport]:
        """All of a tenant's archived reports, the oldest first; a thousand with each LIST.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        found = await self._store.listing(records(tenant))
        return [report for item in found if (report := await self._parse(item)) is not None]

    async def find(self, tenant: str, report_id: str) -> ArchivedReport | None:
        """The archived report with a vendor's id; all records are listed for it, a thousand with each LIST.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        marker = f"{SEPARATOR}{_encoded(report_id)}{SEPARATOR}"
        for item in reversed(await self._store.listing(records(tenant))):
            if marker in item.key and (archived := await self._parse(item)) and archived.report.report_id == report_id:
                return archived
        return None

    async def link(self, tenant: str, archived: ArchivedReport, seconds: int) -> str:
        """A link that can only read the file, valid for that many seconds.

        Raises:
            LedgerUnavailable: no credentials to sign with.
        """
        return (await self._store.link(file_key(tenant, archived.key), seconds)).url

    async def _parse(self, item: ListedObject) -> ArchivedReport | None:
        """The report that a record describes: by its key, or by its body where the key would have been too long."""
        day, _, name = item.key.rpartition("/day=")[2].partition("/")
        time, *fields = name.split(SEPARATOR)
        try:
            report = _report_of_key(day, time, fields) if len(fields) > 1 else await self._report_of_body(item.key)
        except (ValueError, LookupError, TypeError) as error:
            LOG.warning("%s is not a record of an archived report, it is left out: %s", item.key, error)
            return None
        return ArchivedReport(replace(report, raw_status=ARCHIVED_STATUS), item.modified, item.key)

    async def _report_of_body(self, key: str) -> Report:
        stored = await self._store.get(key)
        if stored is None:
            raise LedgerUnavailable("a listed record could not be read")
        return _without_link(report_from_json(orjson.loads(stored.body), KEYS_OF_A_RECORD))


def records(tenant: str) -> str:
    """The folder of a tenant's records."""
    return f"{ARCHIVE_PREFIX}/tenant={tenant}/reports"


def record_key(tenant: str, report: Report) -> str:
    """Where a report's record is stored."""
    prefix = f"{records(tenant)}/{_moment(report.date)}{'' if report.creation_date else BY_START}"
    texts = (report.raw_format, report.name, report.report_id or "", report.raw_type)
    moments = (rfc3339(moment) if moment else "" for moment in (report.start_date, report.end_date))
    fields = (*texts, *moments, report.customization_name or "")
    key = SEPARATOR.join([prefix, *map(_encoded, fields)])
    return key if len(key) <= LONGEST_KEY else f"{prefix}{SEPARATOR}{ReportKey.of(report).digest}"


def file_key(tenant: str, key: ReportKey) -> str:
    """Where a report's file is stored; the name is a digest, so it has none of the vendor's characters."""
    return file_key_in("files", tenant, key)


def file_key_in(folder: str, tenant: str, key: ReportKey) -> str:
    """The same in another folder of the archive, for what belongs to the file."""
    return f"{ARCHIVE_PREFIX}/tenant={tenant}/{folder}/{_moment(key.date)}{SEPARATOR}{key.digest}"


def _moment(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return f"day={utc.date()}/{utc.strftime(TIME)}"


def _report_of_key(day: str, time: str, encoded: Sequence[str]) -> Report:
    fields = [unquote(field, errors="surrogatepass") for field in encoded]
    at = datetime.strptime(time.removesuffix(BY_START), TIME).replace(tzinfo=UTC).timetz()
    moment = datetime.combine(date.fromisoformat(day), at)
    if len(fields) == EARLIER_FIELDS:
        raw_format, name = fields
        return Report(name=name, raw_format=raw_format, creation_date=moment)
    raw_format, name, report_id, raw_type, start, end, customization = fields
    return Report(
        name=name,
        raw_format=raw_format,
        report_id=report_id or None,
        raw_type=raw_type,
        creation_date=None if time.endswith(BY_START) else moment,
        start_date=datetime.fromisoformat(start) if start else None,
        end_date=datetime.fromisoformat(end) if end else None,
        customization_name=customization or None,
    )


def _without_link(report: Report) -> Report:
    empty: dict[str, Any] = dict.fromkeys(("download_url", "download_url_starts_at", "download_url_expires_at"))
    return replace(report, **empty)


def _encoded(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")
