"""Whatever S3 gives back instead of a day, a rollup or an export is noticed, and the answer is right all the same."""

import gzip
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from functions.settings import Settings
from functions.wiring import Parts
from ledger.days.rows import HEADER
from ledger.exports.export_log import ExportLog, ExportSnapshot
from ledger.exports.exports import Exports
from ledger.exports.jobs import ExportFormat, ExportJob, ExportStatus
from ledger.exports.writer import Exporter
from ledger.figures.filters import CreditFilter
from ledger.figures.selection import Selection
from ledger.figures.summaries import SummaryKey, SummaryRequest
from ledger.figures.summary_lines import SummaryLines
from ledger.keeper.run import KeeperRun
from local.vendors.openmarket import OpenMarketSimulator
from runtime.clock import DAY, Period
from runtime.compression import pack, unpack
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.ledger_process import LedgerProcess, Vendors, process, vendors_of
from tests.support.s3.memory_store import MemoryBucket, MemoryObject, MemoryStore

pytestmark = pytest.mark.anyio
NOON = datetime(2019, 12, 5, 12, tzinfo=UTC)
FIRST = datetime(2019, 11, 1, tzinfo=UTC)
TODAY = NOON.replace(hour=0)
DAYS = 2
A_DAY = 20
SETTLED = Period(FIRST, FIRST + DAYS * DAY)
OPEN = Period(TODAY - DAY, TODAY)
BY_HOUR = frozenset({SummaryKey.DAY, SummaryKey.HOUR, SummaryKey.OUTCOME})

TRUTHS: dict[Period, list[object]] = {}

Spoil = Callable[[bytes], bytes]


@dataclass
class Shop:
    """A vendor that has the truth, a bucket that has lost part of it, and processes to ask."""

    vendor: OpenMarketSimulator
    settings: Settings
    clock: MovingClock
    bucket: MemoryBucket
    vendors: Vendors

    def start(self) -> LedgerProcess:
        return process(self.settings, self.clock, MemoryStore(self.bucket), self.vendors)

    def spoil(self, ending: str, spoiled: Spoil) -> None:
        """Replace the bodies of all objects with such names."""
        keys = [key for key in self.bucket.objects if key.endswith(ending)]
        assert keys
        for key in keys:
            self.put(key, spoiled(self.bucket.objects[key].body))

    def put(self, key: str, body: bytes) -> None:
        known = self.bucket.objects[key]
        self.bucket.objects[key] = MemoryObject(body, known.e_tag, known.attributes, known.modified)

    async def select(self, period: Period, where: CreditFilter | None = None) -> Selection:
        snapshot = await self.start().credit_log.snapshot("default", None, period, Deadline.after(20))
        return Selection(snapshot, period, where)

    async def page(self, period: Period) -> list[str]:
        return list((await (await self.select(period)).page(10_000, None)).rows.cells)

    async def count(self, period: Period) -> int:
        return await (await self.select(period)).count()

    async def filtered(self, period: Period) -> int:
        return await (await self.select(period, CreditFilter())).count()

    async def summary(self, period: Period) -> SummaryLines:
        return await (await self.select(period)).summary(SummaryRequest(frozenset()))

    async def by_hour(self, period: Period) -> SummaryLines:
        return await (await self.select(period)).summary(SummaryRequest(BY_HOUR))

    async def export(self, period: Period) -> list[list[str]]:
        export = await self.exported(period)
        key = ExportLog(MemoryStore(self.bucket), "default", export.id).key(export.state.job.file_name)
        lines = gzip.decompress(self.bucket.objects[key].body).decode().splitlines()
        assert lines[0] == HEADER
        return [line.split(",") for line in lines[1:]]

    async def exported(self, period: Period) -> ExportSnapshot:
        self.clock.advance(hours=2)  # an equal request within the hour would be the same export
        asker, job = self.start(), ExportJob("default", period, None, ExportFormat.CSV, unmasked=True)
        exports = Exports(asker.store, _start_nothing, self.clock)
        export_id = (await exports.request(job)).id
        exporter = Exporter(asker.store, asker.leases, asker.credit_log)
        assert not await exporter.write("default", export_id, Deadline.after(300))
        export = await exports.find("default", export_id)
        assert isinstance(export, ExportSnapshot)
        assert export.state.status is ExportStatus.DONE
        return export


WISHES: tuple[Callable[[Shop, Period], Awaitable[object]], ...] = (
    Shop.page,
    Shop.count,
    Shop.filtered,
    Shop.summary,
    Shop.by_hour,
    Shop.export,
)


async def _start_nothing(_tenant: str, _export_id: str) -> None:
    """The test runs the exporter itself."""


@pytest.fixture
async def shop(settings_environ: dict[str, str], openmarket_simulator: OpenMarketSimulator) -> Shop:
    clock = openmarket_simulator.clock = MovingClock(NOON)
    openmarket_simulator.rows_a_day = A_DAY
    settings = Settings.read(settings_environ | {"FRESH_SECONDS": "86400"})
    bucket = MemoryBucket(clock)
    vendors = vendors_of(Parts(settings, clock, MemoryStore(bucket)))
    return Shop(openmarket_simulator, settings, clock, bucket, vendors)


def lines_of(body: bytes) -> list[str]:
    return unpack(body).decode().splitlines()


def rows_with(change: Callable[[list[str]], list[str]]) -> Spoil:
    """Rows whose lines have been changed; what comes out is gzip CSV again."""
    return lambda body: pack(("\n".join(change(lines_of(body))) + "\n").encode())


def cell(row: int, column: int, text: str) -> Spoil:
    def change(lines: list[str]) -> list[str]:
        cells = lines[row].split(",")
        cells[column] = text
        return [*lines[:row], ",".join(cells), *lines[row + 1 :]]

    return rows_with(change)


def shifted(lines: list[str]) -> list[str]:
    """A row of seven cells, and one of nine: the total is right."""
    cells = [line.split(",") for line in lines]
    cells[2].append(cells[1].pop())
    return [",".join(each) for each in cells]


def shifted_and_quoted(lines: list[str]) -> list[str]:
    return [*shifted(lines[:-1]), lines[-1].replace(",", ',"', 1).replace(",", '",', 2).replace('",', ",", 1)]


ANYTHING: dict[str, Spoil] = {
    "nothing": lambda _: b"",
    "an object": lambda _: pack(b"{}"),
    "a list": lambda _: pack(b"[]"),
    "null": lambda _: pack(b"null"),
    "two objects": lambda _: pack(b"{}\n{}"),
    "two lists": lambda _: pack(b"[]\n[]"),
    "two nulls": lambda _: pack(b"null\nnull"),
    "two numbers": lambda _: pack(b"1\n1"),
    "an object that is not compressed": lambda _: b"{}",
    "cut off": lambda body: body[: len(body) // 2],
    "cut off at the end": lambda body: body[:-1],
    "not compressed": unpack,
    "noise": lambda body: bytes(reversed(body)),
    "not text": lambda _: pack(b"\xff\xfe\xff"),
}
ROWS: dict[str, Spoil] = ANYTHING | {
    "no rows": rows_with(lambda lines: lines[:1]),
    "a row too few": rows_with(lambda lines: lines[:-1]),
    "a row too many": rows_with(lambda lines: [*lines, lines[-1]]),
    "half a row": rows_with(lambda lines: [*lines[:-1], lines[-1][:20]]),
    "shifted cells": rows_with(shifted),
    "shifted cells among quotes": rows_with(lambda lines: shifted([*lines[:-1], lines[-1].replace(",O", ',"O')])),
    "another header": rows_with(lambda lines: [lines[0].upper(), *lines[1:]]),
    "no id": cell(3, 0, ""),
    "an id in words": cell(3, 0, "ten"),
    "a negative id": cell(3, 0, "-1"),
    "no time": cell(3, 1, ""),
    "another day's time": cell(3, 1, "2019-10-01T00:00:00Z"),
    "a time without a zone": cell(3, 1, "2019-11-01T00:00:00"),
    "an unknown state": cell(3, 4, "PERHAPS"),
    "no amount": cell(3, 6, ""),
    "an amount in words": cell(3, 6, "much"),
    "an endless amount": cell(3, 6, "Infinity"),
}


def rollup_with(change: Callable[[list[object], list[object]], object]) -> Spoil:
    """A rollup whose entries have been changed; what comes out is gzipped JSON again."""

    def spoiled(body: bytes) -> bytes:
        *head, whole, values = unpack(body).split(b"\n")
        lines = json.loads(whole), json.loads(values)
        change(*lines)
        return pack(b"\n".join([*head, *(json.dumps(line).encode() for line in lines)]))

    return spoiled


def set_in(entries: list[object], index: int, value: object) -> None:
    entry = entries[0]
    assert isinstance(entry, list)
    entry[index] = value


ROLLUPS: dict[str, Spoil] = ANYTHING | {
    "a total too few": rollup_with(lambda whole, _: whole.pop()),
    "a total twice": rollup_with(lambda whole, _: whole.append(whole[0])),
    "another count": rollup_with(lambda whole, _: set_in(whole, -2, 1000)),
    "a count as text": rollup_with(lambda whole, _: set_in(whole, -2, "1")),
    "a count that is true": rollup_with(lambda whole, _: set_in(whole, -2, True)),
    "a number as amount": rollup_with(lambda whole, _: set_in(whole, -1, 1.5)),
    "no amount": rollup_with(lambda whole, _: set_in(whole, -1, "NaN")),
    "an unknown state": rollup_with(lambda whole, _: set_in(whole, 1, "PERHAPS")),
    "a state that is a list": rollup_with(lambda whole, _: set_in(whole, 1, ["SUCCESS"])),
    "a network that is a number": rollup_with(lambda whole, _: set_in(whole, 0, 2)),
    "no hours": rollup_with(lambda _, hours: hours.clear()),
    "an hour too few": rollup_with(lambda _, hours: hours.pop()),
    "another count in an hour": rollup_with(lambda _, hours: set_in(hours, -1, 1000)),
    "another value in an hour": rollup_with(lambda _, hours: set_in(hours, -2, "1000")),
    "a value in another spelling": rollup_with(lambda _, hours: set_in(hours, -2, "1.50")),
    "an hour that no day has": rollup_with(lambda _, hours: set_in(hours, 0, 24)),
    "an hour in words": rollup_with(lambda _, hours: set_in(hours, 0, "noon")),
}


async def truth_of(shop: Shop, period: Period) -> list[object]:
    """What every shop answers while all is well, worked out once; the days lie in this one's bucket, too."""
    if period in TRUTHS:
        await shop.page(period)
    else:
        TRUTHS[period] = [await wish(shop, period) for wish in WISHES]
    return TRUTHS[period]


async def check(shop: Shop, period: Period, endings: list[str], spoiled: Spoil) -> None:
    truth = await truth_of(shop, period)
    assert (truth[1], truth[2]) == (len(truth[5]), len(truth[5]))  # type: ignore[arg-type]
    assert truth[1]
    objects = dict(shop.bucket.objects)
    for wish, right in zip(WISHES, truth, strict=True):
        shop.bucket.objects = dict(objects)
        for ending in endings:
            shop.spoil(ending, spoiled)
        assert await wish(shop, period) == right, wish.__name__


async def test_what_is_whole_is_used(shop: Shop) -> None:
    for _ in range(2):
        for wish in WISHES:
            await wish(shop, SETTLED)
    assert shop.vendor.count("/csv/log") == 1


@pytest.mark.parametrize("spoiled", ROWS.values(), ids=ROWS)
async def test_rows_that_are_not_whole_are_fetched_again(spoiled: Spoil, shop: Shop) -> None:
    await check(shop, SETTLED, ["rows.csv.gz"], spoiled)


@pytest.mark.parametrize("spoiled", ROWS.values(), ids=ROWS)
async def test_rows_that_may_still_change_are_checked_alike(spoiled: Spoil, shop: Shop) -> None:
    await check(shop, OPEN, [".csv.gz.open"], spoiled)


@pytest.mark.parametrize("spoiled", ROLLUPS.values(), ids=ROLLUPS)
async def test_a_rollup_that_is_not_whole_is_made_from_the_rows(spoiled: Spoil, shop: Shop) -> None:
    await check(shop, SETTLED, [".json.gz"], spoiled)


@pytest.mark.parametrize("spoiled", ANYTHING.values(), ids=ANYTHING)
async def test_a_day_of_which_nothing_is_readable_is_fetched_again(spoiled: Spoil, shop: Shop) -> None:
    await check(shop, SETTLED, ["rows.csv.gz", ".json.gz"], spoiled)


@pytest.mark.parametrize(
    "name",
    [
        "rubbish",
        "_open-rubbish",
        "_open-20991231T000000.000000Z-many.csv.gz.open",
        "_open-2099-12-31-1.csv.gz.open",
        "_settled-x-1.json.gz",
        "_settled-20991231T000000.000000Z-.json.gz",
        "_rollup-",
    ],
)
@pytest.mark.parametrize("period", [SETTLED, OPEN], ids=["settled", "open"])
async def test_an_object_of_another_name_changes_nothing(name: str, period: Period, shop: Shop) -> None:
    truth = [await wish(shop, period) for wish in WISHES]
    store, day = MemoryStore(shop.bucket), period.start.date()
    await store.put(f"credit-log/tenant=default/brand=__all__/day={day}/{name}", b"{}")
    await store.put(f"credit-log/tenant=default/brand=__all__/day={day}x/{name}", b"{}")
    await store.put(f"credit-log/tenant=default/brand=__all__/day=2019-11-0x/{name}", b"{}")
    assert [await wish(shop, period) for wish in WISHES] == truth
    await shop.start().keeper.credit_days.sweep("default", None, NOON, KeeperRun(Deadline.after(60)))
