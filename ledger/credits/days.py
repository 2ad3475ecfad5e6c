"""One UTC day of one brand's credits in S3: which versions there are, and what their names say.

    credit-log/tenant=acme/brand=__all__/day=2026-11-19/
        rows.csv.gz                                   settled rows, written once; the lake reads these
        _settled-20261122T…Z-2000.json.gz             their rollup; its name says when they were fetched, and how many
        _open-20261119T…Z-1987.csv.gz.open            rows that may still change; the newest wins
        _rollup-20261119T…Z-1987.json.gz              their rollup
        _lease                                        somebody is asking for the days from here on

A name says all that a plan needs (when, how many, settled or not), so one LIST plans a whole period. Names that begin
with an underscore are invisible to Athena, Trino and Spark. The settled rows have one name only and are created,
never overwritten: two writers cannot put a day into the lake twice.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote

from ledger.credits.rollups import CorruptRollup, Rollup
from ledger.credits.rollups import decode as decode_rollup
from ledger.credits.rollups import encode as encode_rollup
from ledger.credits.rows import CorruptRows, Rows, decode, encode
from ledger.storage.store import LedgerUnavailable, ListedObject, Store
from runtime.clock import DAY, day_end, rfc3339, stamp, unstamp

LOG = logging.getLogger("tally.ledger")

ROOT = "credit-log"
ALL_BRANDS = "__all__"
SETTLED_ROWS = "rows.csv.gz"
LEASE = "_lease"
KINDS = ("_settled-", "_open-")
"""How the names begin that tell of a version; what follows sorts as time does."""
FETCHED = "fetched"
"""The attribute of a settled object that says when its rows were fetched."""


@dataclass(frozen=True, slots=True)
class DayVersion:
    """A day's rows as they were fetched at one moment.

    `rows` is set when they have just been fetched or read; `count` is None for settled rows whose rollup was lost to
    a crash. One that is not `kept` lives in this query only, because S3 could not take it.
    """

    day: date
    fetched: datetime
    count: int | None
    settled: bool
    rows: Rows | None = None
    kept: bool = True

    @property
    def tag(self) -> str:
        """The part of its objects' names that tells this version from others."""
        return f"{stamp(self.fetched)}-{self.count}"


@dataclass(frozen=True, slots=True)
class DayListing:
    """What a LIST found: the newest version of each day that is held, and all objects' names."""

    versions: dict[date, DayVersion]
    names: dict[date, list[ListedObject]]

    def leased(self, since: datetime) -> frozenset[date]:
        """The days with a lease that was written after a moment."""
        return frozenset(
            day for day, found in self.names.items() if any(f.key.endswith(LEASE) and f.modified > since for f in found)
        )


class DayStore:
    """The days of one tenant and brand."""

    def __init__(self, store: Store, tenant: str, brand: str | None) -> None:
        self._store = store
        self.folder = f"{ROOT}/tenant={tenant}/brand={partition(brand)}"

    def key(self, day: date, name: str) -> str:
        """The key of one of a day's objects."""
        return f"{self.folder}/day={day.isoformat()}/{name}"

    async def plan(self, days: Sequence[date]) -> DayListing:
        """What is held of a run of days: one LIST.

        Raises:
            LedgerUnavailable: S3 could not serve.
        """
        first, beyond = days[0], days[-1] + DAY
        found = await self._store.listing(self.folder, after=self.key(first, ""), before=self.key(beyond, ""))
        names: dict[date, list[ListedObject]] = {}
        at = len(self.folder) + len("/day=")
        for item in found:
            names.setdefault(date.fromisoformat(item.key[at : at + 10]), []).append(item)
        return DayListing(
            {day: version for day, items in names.items() if (version := newest(day, items)) is not None},
            names,
        )

    async def rows(self, version: DayVersion) -> Rows | None:
        """A version's rows; None when they are gone or unreadable (then they have to be asked for again)."""
        if version.rows is not None:
            return version.rows
        body = await self.body(version)
        try:
            return None if body is None else decode(body)
        except CorruptRows as error:
            LOG.warning("%s: %s", self._rows_key(version), error)
            return None

    async def body(self, version: DayVersion) -> bytes | None:
        """A version's rows as they are stored; None when they are gone."""
        stored = await self._store.get(self._rows_key(version))
        return stored.body if stored else None

    async def rollup(self, version: DayVersion) -> Rollup | None:
        """A version's rollup; None when it is lost or unreadable (then the rows say the same)."""
        stored = await self._store.get(self._rollup_key(version)) if version.count is not None else None
        try:
            return decode_rollup(stored.body) if stored else None
        except CorruptRollup as error:
            LOG.warning("%s: %s", self._rollup_key(version), error)
            return None

    async def keep(self, day: date, fetched: datetime, rows: Rows, *, settled: bool) -> DayVersion:
        """Write a day's rows and their rollup; what comes back is what is held from now on, rows and all.

        A second writer of a settled day changes nothing and gets the first one's rows, so that all processes show the
        same. Rows come before their rollup, so a crash between the two leaves rows whose rollup is made again from
        them, never a rollup of other rows.
        """
        version = DayVersion(day, fetched, len(rows), settled, rows)
        key, body = self._rows_key(version), encode(rows)
        attributes = {"Content-Type": "application/gzip", FETCHED: rfc3339(fetched)}
        if not settled:
            await self._store.put(key, body, attributes)
        elif await self._store.create(key, body, attributes) is None:
            if (first := await self.mended(day)) is not None:
                return first
            await self._store.put(key, body, attributes)  # nobody can read what lies there
        await self.keep_rollup(version, Rollup.of(rows))
        return version

    async def keep_rollup(self, version: DayVersion, rollup: Rollup) -> None:
        """Write a version's rollup beside its rows."""
        await self._store.put(self._rollup_key(version), encode_rollup(rollup))

    async def mended(self, day: date) -> DayVersion | None:
        """The settled day as its rows say, with its rollup written again; None when they cannot be read."""
        key = self.key(day, SETTLED_ROWS)
        stored = await self._store.get(key)
        if stored is None:
            return None
        try:
            rows = decode(stored.body)
            fetched = datetime.fromisoformat(stored.attributes[FETCHED])
        except (CorruptRows, KeyError, ValueError) as error:
            LOG.warning("%s: %s", key, error)
            return None
        whole = DayVersion(day, fetched, len(rows), settled=True, rows=rows)
        try:
            await self.keep_rollup(whole, Rollup.of(rows))
        except LedgerUnavailable as error:
            LOG.warning("a lost rollup could not be written again: %s", error)
        return whole

    def _rows_key(self, version: DayVersion) -> str:
        return self.key(version.day, SETTLED_ROWS if version.settled else f"_open-{version.tag}.csv.gz.open")

    def _rollup_key(self, version: DayVersion) -> str:
        return self.key(version.day, f"{'_settled' if version.settled else '_rollup'}-{version.tag}.json.gz")


def partition(brand: str | None) -> str:
    """A brand as a Hive partition value: percent-encoded, `__all__` for no brand (and for none but that)."""
    if brand is None:
        return ALL_BRANDS
    return quote(brand, safe="").replace("__", "%5F%5F")


def newest(day: date, found: Iterable[ListedObject]) -> DayVersion | None:
    """The version that counts among a day's objects: the settled one, else the one fetched last."""
    names = [item.key.rpartition("/")[2] for item in found]
    settled, latest = (max((name for name in names if name.startswith(kind)), default=None) for kind in KINDS)
    if SETTLED_ROWS in names:
        return _version(day, settled, settled=True) if settled else DayVersion(day, day_end(day), None, settled=True)
    return _version(day, latest, settled=False) if latest else None


def _version(day: date, name: str, *, settled: bool) -> DayVersion:
    _, moment, rest = name.split("-", 2)
    return DayVersion(day, unstamp(moment), int(rest.partition(".")[0]), settled)


def superseded(day: date, found: Sequence[ListedObject], before: datetime) -> list[str]:
    """The keys of a day's objects that nobody can be about to read any more.

    They are versions that have had a newer one beside them since some moment, by S3's clock; a reader who looked before
    that has had all the time since then to read the older one. Dead leases go after the same time.
    """
    old_enough = [item for item in found if item.modified < before]
    keeps = newest(day, old_enough)
    return [item.key for item in old_enough if _replaced(item.key.rpartition("/")[2], keeps)]


def _replaced(name: str, keeps: DayVersion | None) -> bool:
    if name == LEASE:
        return True
    if keeps is None or not name.startswith(("_open-", "_rollup-")):
        return False
    return keeps.settled or _version(keeps.day, name, settled=False).fetched < keeps.fetched
