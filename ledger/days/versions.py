"""The versions of a day, and the names of their objects: which ones there are, and which one counts.

    credit-log/tenant=acme/brand=__all__/day=2026-11-19/
        rows.csv.gz                                   settled rows, written once; data lakes read these
        _settled-20261122T…Z-2000.json.gz             their rollup; its name has their fetch time and count
        _open-20261119T…Z-1987.csv.gz.open            rows that may still change; the newest version counts
        _open-20261119T…Z-1987.unproven.csv.gz.open   the same, from an answer that did not prove to be whole
        _rollup-20261119T…Z-1987.json.gz              their rollup
        _lease                                        a process is fetching the days from here on

The names hold all that a query needs to choose versions (fetch time, count, settled or not), so one LIST is enough for
a period. Athena, Trino and Spark ignore names that begin with an underscore. Settled rows have a single name and are
created, never overwritten while they are readable: two writers cannot put a day into the lake twice.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from urllib.parse import quote

from ledger.days.rows import Rows
from ledger.storage.lease_records import LEASE, is_given_back
from ledger.storage.store import ListedObject
from runtime.clock import day_end, stamp, unstamp

LOG = logging.getLogger("tally.ledger")

CREDIT_LOG_PREFIX = "credit-log"
ALL_BRANDS = "__all__"
SETTLED_ROWS = "rows.csv.gz"
SETTLED, OPEN, OPEN_ROLLUP = "_settled-", "_open-", "_rollup-"
"""Prefixes of the names that describe a version. What follows a prefix sorts by time."""
UNPROVEN = ".unproven"
CLOCKS_DIFFER = timedelta(seconds=2)
"""S3 dates objects in whole seconds, on many machines."""


@dataclass(frozen=True, slots=True)
class DayVersion:
    """A day's rows as they were fetched at one moment.

    `rows` is set when they are in memory. `count` is None for settled rows that have no rollup of their own. A version
    that is not `stored` exists in its query only, because S3 could not take it. One that is not `proven` came in an
    answer that may have been cut off. `folder` is set when its objects are not in the folder of the brand's NFC name.
    """

    day: date
    fetched: datetime
    count: int | None
    settled: bool
    rows: Rows | None = None
    stored: bool = True
    proven: bool = True
    folder: str | None = None

    @property
    def rank(self) -> tuple[bool, datetime]:
        """Of two versions of a day, the one with the higher rank counts."""
        return self.settled, self.fetched

    @property
    def id(self) -> str:
        """The part of its objects' names that distinguishes it from the day's other versions."""
        return f"{stamp(self.fetched)}-{self.count}"


@dataclass(frozen=True, slots=True)
class DayListing:
    """What a LIST found: the version of each day that counts, and all objects by day."""

    versions: dict[date, DayVersion]
    objects: dict[date, list[ListedObject]]

    def leased(self, since: datetime) -> frozenset[date]:
        """The days with a lease that was written after a moment and not given back."""
        leases = ((day, self.lease(day)) for day in self.objects)
        return frozenset(day for day, item in leases if item and item.modified > since and not is_given_back(item))

    def lease(self, day: date) -> ListedObject | None:
        """The object of a day's lease, whether it runs or not."""
        return next((item for item in self.objects.get(day, ()) if _name(item) == LEASE), None)


def folder_of(tenant: str, brand: str | None) -> str:
    """The folder of a tenant's credit log of one brand, or of all."""
    return f"{CREDIT_LOG_PREFIX}/tenant={tenant}/brand={partition(brand)}"


def partition(brand: str | None) -> str:
    """A brand as a Hive partition value: percent-encoded; only "no brand" is `__all__`."""
    if brand is None:
        return ALL_BRANDS
    return quote(brand, safe="").replace("__", "%5F%5F")


def newest_version(day: date, objects: Iterable[ListedObject]) -> DayVersion | None:
    """The version that counts among a day's objects: the settled one, else the one that was fetched last.

    A rollup is written after the rows of its fetch. One that is older than the settled rows is of rows that were lost.
    """
    written = {_name(item): item.modified for item in objects}
    names = sorted(written, reverse=True)
    if SETTLED_ROWS not in names:
        return next(_versions(day, names, OPEN), None)
    younger = [name for name in names if written[name] >= written[SETTLED_ROWS] - CLOCKS_DIFFER]
    if (version := next(_versions(day, younger, SETTLED), None)) is not None:
        return version
    lost = next(_versions(day, names, SETTLED), DayVersion(day, day_end(day), None, settled=True))
    return replace(lost, count=None)


def is_settled(item: ListedObject) -> bool:
    """Whether an object belongs to a settled version: its rows or their rollup."""
    return _name(item) == SETTLED_ROWS or _name(item).startswith(SETTLED)


def open_versions(day: date, objects: Iterable[ListedObject]) -> list[DayVersion]:
    """The unsettled versions of a day, the newest first."""
    return list(_versions(day, sorted(map(_name, objects), reverse=True), OPEN))


def _versions(day: date, names: Iterable[str], kind: str) -> Iterator[DayVersion]:
    versions = (_version(day, name) for name in names if name.startswith(kind))
    return (version for version in versions if version is not None)


def _version(day: date, name: str) -> DayVersion | None:
    """The version that a name describes; None when it does not follow the pattern."""
    try:
        kind, moment, rest = name.split("-", 2)
        count, dot, ending = rest.partition(".")
        settled, proven = f"{kind}-" == SETTLED, not f"{dot}{ending}".startswith(UNPROVEN)
        version = DayVersion(day, unstamp(moment), int(count), settled, proven=proven)
    except ValueError:
        LOG.warning("ignoring %s in the folder of %s, its name is not one of ours", name, day)
        return None
    return version


def superseded(day: date, objects: Sequence[ListedObject], before: datetime) -> list[str]:
    """Keys of superseded objects that are old enough for no reader to be using them.

    These are versions that have had a newer one beside them since `before`, by S3's clock: a reader that listed the day
    earlier has had the time since then to read the older one. Leases that old are left by processes that died.
    """
    old = [item for item in objects if item.modified < before]
    newest = newest_version(day, old)
    return [item.key for item in old if _name(item) == LEASE or (newest and _is_superseded(_name(item), newest))]


def _is_superseded(name: str, newest: DayVersion) -> bool:
    if not name.startswith((OPEN, OPEN_ROLLUP)):
        return False
    version = _version(newest.day, name)
    return version is not None and (newest.settled or version.fetched < newest.fetched)


def _name(item: ListedObject) -> str:
    return item.key.rpartition("/")[2]
