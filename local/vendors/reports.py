"""The reports of the simulated RDE: the seven of its document, verbatim, those of its routine, and scheduled ones.

The document cut its links, so they do not work; every other finished report has a file behind its link.
"""

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from random import Random

from local.vendors.report_content import EXTENSIONS, content

DAYS_KEPT = 90
"""How long the vendor keeps a report it has generated."""

# Name, format, type, the days of the week it is made on (Monday is 0), the hour.
_ROUTINE = (
    ("daily-dr1", "JSON", "daily", range(7), 20),
    ("usage", "CSV", "periodic", range(0, 7, 2), 4),
    ("Every Invoice - Contoso", "XML", "on_invoice", (4,), 17),
    ("resellers", "XLSX", "periodic", (0, 3), 9),
)
_STORAGE = "https://drrde3.blob.core.windows.net/rdecontainer"


@dataclass(frozen=True, slots=True)
class SimulatedReport:
    """A report as it is listed; `creation_date` is empty while it is being made.

    Without a `link` of its own a finished report has a file, and a link to it that is signed at each listing.
    """

    name: str
    format: str
    creation_date: str
    link: str | None = None
    id: str = ""
    status: str = "completed"
    type: str = "periodic"
    start_date: str = ""
    end_date: str = ""
    customization_name: str | None = None
    listed_on: date | None = None

    @property
    def report_id(self) -> str:
        """The vendor's id: given, or made from name, format and dates."""
        return self.id or str(_unique(self.name, self.format, self.creation_date or self.start_date))

    @property
    def created(self) -> datetime:
        """When its file was made, in UTC; while there is none, the start of its period."""
        return datetime.fromisoformat(self.creation_date or self.start_date).astimezone(UTC)

    @property
    def day(self) -> date:
        """The UTC day under which it is listed: when its file was made, or it was scheduled."""
        return self.listed_on if self.listed_on and not self.creation_date else self.created.date()

    @property
    def blob(self) -> str:
        """Its file's name as the vendor gives them: report, unique id, time in Central Europe, format."""
        return _blob_name(self.name, self.format, self.creation_date, self.id)

    @property
    def period(self) -> tuple[str, str]:
        """The start and end of the period that it is about: given, or the day before it was made."""
        day = self.day
        return self.start_date or f"{day - timedelta(days=1)}T00:00:00Z", self.end_date or f"{day}T00:00:00Z"

    def content(self) -> bytes:
        """Its file's bytes."""
        return content(self.name, self.day, self.format)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A report that was scheduled; it is made in `making`, half of which it waits, and fails then if it `fails`."""

    report: SimulatedReport
    submitted: datetime
    making: timedelta
    fails: bool = False
    own_link: str | None = field(default=None, repr=False)

    def at(self, now: datetime) -> SimulatedReport:
        """The report as it is at a moment."""
        age = now - self.submitted
        if age < self.making / 2:
            return replace(self.report, status="submitted")
        if age < self.making:
            return replace(self.report, status="processing")
        if self.fails:
            return replace(self.report, status="error")
        return replace(self.report, creation_date=printed(self.submitted + self.making), link=self.own_link)


def printed(moment: datetime) -> str:
    """A moment as the vendor prints those of scheduled reports: with milliseconds."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03}Z"


def routine_reports(now: datetime, days_kept: int = DAYS_KEPT) -> list[SimulatedReport]:
    """What the routine has made by `now` and the vendor still keeps, in no order."""
    days = [now.astimezone(UTC).date() - timedelta(days=age) for age in range(days_kept + 1)]
    made = [
        _routine(name, form, kind, day, hour)
        for day in days
        for name, form, kind, on, hour in _ROUTINE
        if day.weekday() in on
    ]
    kept = [report for report in made if now - timedelta(days=days_kept) <= report.created <= now]
    return sorted(kept, key=lambda report: report.blob.partition(".")[2])


@lru_cache(maxsize=4096)
def _routine(name: str, report_format: str, kind: str, day: date, hour: int) -> SimulatedReport:
    seconds = timedelta(seconds=Random(f"{name}/{day.isoformat()}").randrange(3600))
    created = datetime.combine(day, time(hour), UTC) + seconds
    return SimulatedReport(name, report_format, f"{created:%Y-%m-%dT%H:%M:%SZ}", type=kind)


@lru_cache(maxsize=4096)
def _blob_name(name: str, report_format: str, creation_date: str, report_id: str) -> str:
    unique = report_id or _unique(name, report_format, creation_date)
    made = datetime.fromisoformat(creation_date).astimezone(UTC) + timedelta(hours=1, milliseconds=1014)
    stamp = f"{made:%Y-%m-%d.%H-%M-%S}.{made.microsecond // 1000:03}+0100"
    return f"{name}.{unique}.{stamp}.{EXTENSIONS[report_format]}"


def _unique(name: str, report_format: str, date: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{name}/{report_format}/{date}")


SEED_REPORTS = (
    SimulatedReport(
        "withres2",
        "XLSX",
        "2019-11-12T09:51:14Z",
        f"{_STORAGE}/withres2.0fb84e60...-0f2cd36236ce.2019-11-12.10-51-15.216+0100.xlsx"
        "?sig=rb8TTt...iUY%3D&api-version=2016-05-31&st=2019-11-12T09%3A...%3A15Z&sv=2016-05-31&sp=rwd&sr=b",
    ),
    SimulatedReport(
        "daily-dr1",
        "JSON",
        "2019-11-14T20:57:29Z",
        f"{_STORAGE}/daily-dr1.1124976b...-ce8560b8626b.2019-11-14.21-57-30.014+0100.json.gz"
        "?sig=Ub2%2FU...%3D&api-version=2016-05-31&st=2019-11-14T20%3A47%3A...%3A30Z&sv=2016-05-31&sp=rwd&sr=b",
    ),
    SimulatedReport(
        "report",
        "XLSX",
        "2019-11-05T12:15:18Z",
        f"{_STORAGE}/report.12e9a7a4...-5d6515120ae1.2019-11-05.13-15-19.254+0100.xlsx"
        "?sig=bLUSOw%2BaSP...%3D&api-version=2016-05-31&st=2019-11-05T12%3A05%3A...%3A19Z&sv=2016-05-31&sp=rwd&sr=b",
    ),
    SimulatedReport(
        "dr-rep2",
        "XLSX",
        "2019-11-05T12:59:32Z",
        f"{_STORAGE}/dr-rep2.1c65e292...-a3d0a48c39b4.2019-11-05.13-59-32.900+0100.xlsx"
        "?sig=pJJRiB6Afp...%3D&api-version=2016-05-31&st=2019-11-05T12%3A49%3A...%3A33Z&sv=2016-05-31&sp=rwd&sr=b",
    ),
    SimulatedReport(
        "dr-rep1",
        "XLSX",
        "2019-11-05T12:59:13Z",
        f"{_STORAGE}/dr-rep1.39512e47...-be6c0b6d6bc9.2019-11-05.13-59-13.398+0100.xlsx"
        "?sig=CLah1V6%2B...%3D&api-version=2016-05-31&st=2019-11-05T12%3A49%3A...%3A13Z&sv=2016-05-31&sp=rwd&sr=b",
    ),
    SimulatedReport(
        "sample1",
        "JSON",
        "2019-11-19T15:46:46Z",
        f"{_STORAGE}/sample1.f162d420...-b261564255a4.2019-11-19.16-46-46.616+0100.json.gz"
        "?sig=UhvFMT...%3D&api-version=2016-05-31&st=2019-11-19T15%3A36%3A...%3A46Z&sv=2016-05-31&sp=rwd&sr=b",
    ),
    SimulatedReport(
        "daily-dr1",
        "JSON",
        "2019-11-22T20:57:43Z",
        f"{_STORAGE}/daily-dr1.fb548...-0bda2d322d76.2019-11-22.21-57-43.445+0100.json.gz"
        "?sig=FsjOYz...3D&api-version=2016-05-31&st=2019-11-22T20%3A47%3A...%3A43Z&sv=2016-05-31&sp=rwd&sr=b",
    ),
)
