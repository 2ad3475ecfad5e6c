"""The data of all measurements: listings at a simulated vendor, and settled days in the ledger.

Listings are at the simulator, from which Tally fetches them itself, and as plain JSON in the bucket, from which the
peers read them over REST or S3; so equal answers were obtained in two ways. Days are written by the ledger's own code.
"""

import asyncio
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import Self

from benchmarks.world.bucket import BUCKET, BucketServer
from benchmarks.world.queries import LARGE, PERIODS, SMALL
from ledger.answers.ageing import Ageing
from ledger.credits.settlement import SettlementRule
from ledger.days.day_store import DayStore
from ledger.days.rows import TIME, WIDTH, Rows
from ledger.keeper.months import MonthObjects
from ledger.keeper.run import KeeperRun
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from local.vendors.credits import credits_of
from local.vendors.rde import RdeSimulator
from runtime.clock import now
from runtime.deadline import Deadline
from upstreams.openmarket.client import LogRow

SETTLED = datetime(2026, 1, 1, tzinfo=UTC)
FORMATS = ("JSON", "XML", "CSV", "XLSX")
COMPARED_ON = date(2018, 2, 20)
ROWS_FROM = date(2018, 3, 1)
"""The first of the days for pages of rows; each is read once."""
MONTH_FROM, MONTH_DAYS, MONTH_ROWS = date(2019, 3, 1), 31, 2000
YEAR_FROM, YEAR_DAYS = date(2020, 1, 1), 366
LARGE_BRAND = "large"
KEEPER_SECONDS = 900


class World:
    """The bucket and the vendor, running, with their listings."""

    def __init__(self) -> None:
        self.bucket = BucketServer()
        self.rde = RdeSimulator(generated=False)
        self._running = ExitStack()
        self._generated: dict[int, Rows] = {}

    @property
    def environ(self) -> dict[str, str]:
        """The environment of every contender."""
        return {
            **self.bucket.environ,
            "RDE_BASE_URL": self.rde.base_url,
            "OPENMARKET_BASE_URL": "http://127.0.0.1:9",  # no server: the measured days are stored
            "REPORTS_URL": f"{self.bucket.endpoint}/{BUCKET}/reports",
            "LOG_LEVEL": "INFO",
        }

    def __enter__(self) -> Self:
        """Start."""
        self._running.enter_context(self.bucket)
        self._running.enter_context(self.rde)
        os.environ.update(self.bucket.environ)
        self.bucket.secrets["tally/default/rde"] = json.dumps(self.rde.secret)
        for size in (SMALL, LARGE):
            self._list(size)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._running.close()

    def _list(self, size: int) -> None:
        first, last = (date.fromisoformat(day) for day in PERIODS[size])
        begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
        step = ((last - first) + timedelta(days=1)) / size
        nodes = []
        for index in range(size):
            created = (begin + index * step).strftime("%Y-%m-%dT%H:%M:%SZ")
            name, form = f"daily-{index:04}", FORMATS[index % len(FORMATS)]
            link = f"https://drrde3.blob.core.windows.net/rde/{name}.gz?sp=r&se=2099-01-01T00%3A00%3A00Z&sig=8Zl{index}"
            self.rde.add_report(name, form, created, link=link)
            nodes.append({"name": name, "format": form, "creationDate": created, "downloadUrl": link})
        self.bucket.objects[_key(size)] = json.dumps({"nodes": nodes[::-1]}).encode()

    def listing(self, size: int) -> object:
        """The right answer about a listing."""
        return {"reports": json.loads(self.bucket.objects[_key(size)])}

    def settle(self, days: Iterable[date], rows: int, brand: str | None = None) -> None:
        """Put settled days of `rows` rows into the ledger."""
        asyncio.run(self._settle(list(days), rows, brand))

    def write_months(self, brand: str | None = None) -> int:
        """Have the keeper write the month objects of a brand; the result is how many it has written."""
        run = KeeperRun(Deadline.after(KEEPER_SECONDS))
        asyncio.run(month_writer(self.bucket.endpoint).write("default", brand, run))
        return run.months

    async def _settle(self, days: list[date], rows: int, brand: str | None) -> None:
        store = DayStore(Store(S3Bucket(BUCKET, self.bucket.endpoint)), "default", brand)
        for day in days:
            await store.write(day, SETTLED, self._rows(day, rows), settled=True)

    def _rows(self, day: date, count: int) -> Rows:
        """A day's rows: the same ones on every day, because generating them is slow."""
        if count not in self._generated:
            generated = credits_of("bench", day, count)
            self._generated[count] = Rows.of(
                LogRow(c.credit_id, c.time, c.msisdn, c.network, c.final, c.amount, c.currency) for c in generated
            )
        cells = list(self._generated[count].cells)
        cells[TIME::WIDTH] = [f"{day}{time[10:]}" for time in cells[TIME::WIDTH]]
        return Rows(cells)

    @contextmanager
    def nothing_stored(self) -> Iterator[None]:
        """Without the ledger's objects until the block ends; the peers' listings stay."""
        stored = dict(self.bucket.objects)
        for key in stored.keys() - {_key(size) for size in PERIODS}:
            del self.bucket.objects[key]
        try:
            yield
        finally:
            self.bucket.objects.clear()
            self.bucket.objects.update(stored)

    def copy_brand(self, brand: str, other: str) -> None:
        """Copy a brand's days to another brand."""
        mark, copy = f"/brand={brand}/", f"/brand={other}/"
        for key in [key for key in self.bucket.objects if mark in key]:
            self.bucket.objects[key.replace(mark, copy)] = self.bucket.objects[key]


def month_writer(endpoint: str) -> MonthObjects:
    """The part of the keeper that writes months."""
    rule = SettlementRule(Ageing(timedelta(seconds=60), timedelta(hours=72)))
    return MonthObjects(Store(S3Bucket(BUCKET, endpoint)), rule, now)


def _key(size: int) -> str:
    return f"reports/{'_'.join(PERIODS[size])}.json"


def days_from(first: date, count: int) -> list[date]:
    """`count` consecutive days."""
    return [first + timedelta(days=index) for index in range(count)]
