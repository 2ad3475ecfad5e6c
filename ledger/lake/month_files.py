"""Which files a month of credits has in the lake, and which of its days each one holds.

    lake/credits/tenant=acme/month=2026-11/
        from-2026-11-01.parquet     the month's settled days from the 1st on, up to the next file's first day
        from-2026-11-17.parquet     only where days are large: the file before it has reached its size
        _files.json                 the record: each file's days, and of which stored rows they were made
    lake/brand_credits/tenant=acme/brand=Acme/month=2026-11/…      the same for each brand that was asked for by name

A reader has to find each row once, and S3 can neither rename nor change two objects at once. So a day belongs into one
file by its date, and a file changes only as a whole, by a single PUT. A month of small days is one file that grows
until the month is complete. A file that has reached its size is left alone, so that the work of a day stays bounded. A
day never moves into an earlier file, and files are written in the order of their days, so that even a day that has to
move into a later one is never in both.
"""

from bisect import bisect
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import orjson

from ledger.days.versions import DayVersion, partition

LAKE_PREFIX = "lake"
ALL_CREDITS, BRAND_CREDITS = "credits", "brand_credits"
"""The tables. A brand's credits are all in the first one as well, so no query should find both in one."""
RECORD = "_files.json"
FIRST_PART, LAST_PART = "from-", ".parquet"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class SettledDay:
    """A settled day. `source` is another one when its rows have been written again; `size` is that of their object.

    The size is None where only a second LIST would tell.
    """

    version: DayVersion
    source: str
    size: int | None = None


type Sources = Mapping[date, str]
"""The days of a file, and of what each was made."""


@dataclass(frozen=True, slots=True)
class MonthFile:
    """A file as it should be: the first day that belongs into it, and the settled days."""

    start: date
    days: tuple[SettledDay, ...]

    @property
    def name(self) -> str:
        """The name of its object."""
        return f"{FIRST_PART}{self.start.isoformat()}{LAST_PART}"

    @property
    def sources(self) -> Sources:
        """The days, as the record has them."""
        return {day.version.day: day.source for day in self.days}


@dataclass(frozen=True, slots=True)
class MonthRecord:
    """What was written last: the days of each file by its first day, and those whose rows could not be read.

    A record is written after its file. A crash in between leaves one that says too little, and the file is then written
    again.
    """

    files: Mapping[date, Sources] = field(default_factory=dict)
    unreadable: Sources = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The object's body."""
        record = {"format": FORMAT, "files": self.files, "unreadable": self.unreadable}
        return orjson.dumps(record, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS)

    @classmethod
    def from_bytes(cls, body: bytes) -> "MonthRecord":
        """The record of a stored object. One that cannot be read is empty: the files are then written again."""
        try:
            stored = orjson.loads(body)
            if stored["format"] != FORMAT:
                return cls()
            files = {date.fromisoformat(start): _sources(days) for start, days in stored["files"].items()}
            return cls(files, _sources(stored["unreadable"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def of(self, file: MonthFile) -> Sources:
        """What a file holds, together with those of its days that cannot be read."""
        held = self.files.get(file.start, {})
        return {**{day: self.unreadable[day] for day in file.sources if day in self.unreadable}, **held}

    def after(self, file: MonthFile, unreadable: Collection[date]) -> "MonthRecord":
        """The record after a file was written without its unreadable days."""
        held = {day: source for day, source in file.sources.items() if day not in unreadable}
        others = {day: source for day, source in self.unreadable.items() if day not in file.sources}
        left_out = {day: source for day, source in file.sources.items() if day in unreadable}
        return MonthRecord({**self.files, file.start: held}, {**others, **left_out})


def log_folder(tenant: str, brand: str | None) -> str:
    """The folder of the months of one log: everything, or what one brand's name was asked for."""
    if brand is None:
        return f"{LAKE_PREFIX}/{ALL_CREDITS}/tenant={tenant}"
    return f"{LAKE_PREFIX}/{BRAND_CREDITS}/tenant={tenant}/brand={partition(brand)}"


def month_folder(tenant: str, brand: str | None, month: date) -> str:
    """The folder of a month, given by its first day."""
    return f"{log_folder(tenant, brand)}/month={month:%Y-%m}"


def start_of(name: str) -> date | None:
    """The first day of a file, by its name; None when it is not the name of such a file."""
    try:
        return date.fromisoformat(name.removeprefix(FIRST_PART).removesuffix(LAST_PART))
    except ValueError:
        return None


def planned(
    month: date, days: Sequence[SettledDay], existing: Collection[date], record: MonthRecord, most_rows: int
) -> list[MonthFile]:
    """The files that a month should have, in order; `existing` are the first days of those that there are.

    Existing files stay. After the last one another begins when it has reached its size, with a day that is not in it.
    """
    starts = sorted({month, *existing, *record.files})
    files: dict[date, list[SettledDay]] = {start: [] for start in starts}
    recorded = max(record.files.get(starts[-1], ()), default=month)
    for settled in sorted(days, key=lambda each: each.version.day):
        day, last = settled.version.day, starts[-1]
        if day > max(last, recorded) and _rows(files[last]) >= most_rows:
            starts.append(day)
            files[day] = []
        files[starts[bisect(starts, day) - 1]].append(settled)
    return [MonthFile(start, tuple(held)) for start, held in files.items() if held or start in existing]


def _rows(days: Sequence[SettledDay]) -> int:
    return sum(day.version.count or 0 for day in days)


def _sources(stored: Mapping[str, str]) -> Sources:
    return {date.fromisoformat(day): source for day, source in stored.items()}
