"""Settled days in the lake: each row once at every moment, months as one file, and whatever is lost is made again."""

import contextlib
import gzip
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ledger.days.day_store import DayStore
from ledger.days.rows import HEADER, Rows
from ledger.lake.credit_lake import CreditLake, LakeChanges
from ledger.storage.bucket import PART_BYTES
from ledger.storage.leases import Leases
from ledger.storage.store import LedgerUnavailable, Store
from runtime.clock import DAY, rfc3339
from tests.support.moving_clock import MovingClock
from tests.support.s3.lake_files import rows_of, visible
from tests.support.s3.memory_store import Killed, MemoryBucket, MemoryConnection, MemoryStore
from upstreams.openmarket.rows import LogRow

pytestmark = pytest.mark.anyio

FIRST = date(2019, 11, 1)
MONTH = "lake/credits/tenant=acme/month=2019-11"
LEASE_KEY = "lake/credits/tenant=acme/_lease"
ROWS = 3


class WatchedBucket(MemoryBucket):
    """A bucket that looks at the lake after each write: how often a reader would find a credit at that moment."""

    most_often = 0

    def look(self) -> None:
        files = visible({key: stored.body for key, stored in self.objects.items()})
        counts = Counter(row["credit_id"] for row in rows_of(files.values()))
        self.most_often = max(self.most_often, *counts.values(), 0)


class WatchedConnection(MemoryConnection):
    async def put(self, key: str, body: bytes, attributes: Mapping[str, str], condition: str | None) -> str | None:
        e_tag = await super().put(key, body, attributes, condition)
        if isinstance(self.bucket, WatchedBucket) and key.startswith("lake/"):
            self.bucket.look()
        return e_tag


class TenantLake:
    """A bucket with the log of one tenant, and the lake over it."""

    def __init__(self) -> None:
        self.clock = MovingClock(datetime(2019, 12, 9, 12, tzinfo=UTC))
        self.bucket = WatchedBucket(self.clock)
        self.store = MemoryStore(self.bucket)

    async def settle(self, *days: int, brand: str | None = None, settled: bool = True, count: int = ROWS) -> None:
        """Write days of November by their number; a credit's id says of which day it is."""
        for number in days:
            day = FIRST + DAY * (number - 1)
            log = [credit(number * 1000 + at, day, at) for at in range(count)]
            store = DayStore(self.store, "acme", brand)
            await store.write(day, self.clock(), Rows.of(log), settled=settled)
        self.clock.advance(minutes=15)

    async def update(
        self,
        brand: str | None = None,
        *,
        most_rows: int = 1000,
        writes: int | None = None,
        times: int = 999,
        piece: int = PART_BYTES,
    ) -> LakeChanges:
        """One run of a process that may be killed after some writes, and finds time for some files."""
        store, turns = Store(WatchedConnection(self.bucket, writes)), iter([True] * times)
        lake = CreditLake(store, Leases(store), self.clock, most_rows=most_rows, piece=piece)
        return await lake.update("acme", brand, lambda: next(turns, False))

    def files(self, table: str = "credits") -> dict[str, bytes]:
        return visible({key: stored.body for key, stored in self.bucket.objects.items()}, table)

    def rows(self) -> list[dict[str, Any]]:
        return rows_of(self.files().values())

    def days(self) -> dict[str, list[int]]:
        """The numbers of the days in each file of November."""
        return {
            key.removeprefix(f"{MONTH}/from-2019-11-").removesuffix(".parquet"): sorted(
                {row["day"].day for row in rows_of([body])}
            )
            for key, body in self.files().items()
        }


def credit(number: int, day: date, second: int = 0) -> LogRow:
    time = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)
    return LogRow(number, time, "447700900765", "Orange", "success", "1.50", "GBP")


@pytest.fixture
def world() -> TenantLake:
    return TenantLake()


async def test_a_month_is_one_file_that_grows_as_days_settle(world: TenantLake) -> None:
    await world.settle(1, 2)
    assert await world.update() == LakeChanges(files=1, days=2)
    assert world.days() == {"01": [1, 2]}
    await world.settle(3)
    assert await world.update() == LakeChanges(files=1, days=1)
    await world.settle(*range(4, 31))
    assert await world.update() == LakeChanges(files=1, days=27)
    assert world.days() == {"01": list(range(1, 31))}
    assert len(world.rows()) == 30 * ROWS


async def test_without_a_change_nothing_is_written_and_two_lists_and_a_read_are_enough(world: TenantLake) -> None:
    await world.settle(1, 2)
    await world.update()
    world.bucket.seen.clear()
    assert await world.update() == LakeChanges()
    assert Counter(verb for verb, _ in world.bucket.seen) == {"LIST": 2, "GET": 1}


async def test_a_day_that_may_still_change_is_not_in_the_lake(world: TenantLake) -> None:
    await world.settle(1)
    await world.settle(2, settled=False)
    await world.update()
    assert world.days() == {"01": [1]}


async def test_each_month_has_its_folder_and_each_brand_another_table(world: TenantLake) -> None:
    await world.settle(1, 31)
    await world.settle(1, brand="Acme Ltd")
    await world.update()
    await world.update("Acme Ltd")
    assert list(world.files()) == [
        f"{MONTH}/from-2019-11-01.parquet",
        "lake/credits/tenant=acme/month=2019-12/from-2019-12-01.parquet",
    ]
    assert list(world.files("brand_credits")) == [
        "lake/brand_credits/tenant=acme/brand=Acme%20Ltd/month=2019-11/from-2019-11-01.parquet"
    ]


async def test_a_file_that_has_reached_its_size_is_left_alone_and_the_next_one_begins(world: TenantLake) -> None:
    await world.settle(*range(1, 8))
    assert (await world.update(most_rows=3 * ROWS)).files == 3
    assert world.days() == {"01": [1, 2, 3], "04": [4, 5, 6], "07": [7]}
    await world.settle(8)
    assert await world.update(most_rows=3 * ROWS) == LakeChanges(files=1, days=1)
    assert world.days()["07"] == [7, 8]


async def test_a_day_that_settles_late_joins_the_file_of_its_date(world: TenantLake) -> None:
    await world.settle(1, 2, 4, 5, 6)
    await world.update(most_rows=3 * ROWS)
    assert world.days() == {"01": [1, 2, 4], "05": [5, 6]}
    await world.settle(3)
    assert await world.update(most_rows=3 * ROWS) == LakeChanges(files=1, days=1)
    assert world.days() == {"01": [1, 2, 3, 4], "05": [5, 6]}


async def test_a_smaller_size_divides_no_file_that_exists(world: TenantLake) -> None:
    await world.settle(1, 2, 3)
    await world.update()
    await world.settle(4, 5)
    await world.update(most_rows=ROWS)
    assert world.days() == {"01": [1, 2, 3], "04": [4], "05": [5]}


@pytest.mark.parametrize("writes", [None, 1, 2, 3, 4, 5, 6])
async def test_days_that_have_to_move_into_a_later_file_are_never_in_both(
    world: TenantLake, writes: int | None
) -> None:
    """Without its record it is not known which days a file holds, so a smaller size does divide it."""
    await world.settle(*range(1, 6))
    await world.update()
    del world.bucket.objects[f"{MONTH}/_files.json"]
    with contextlib.suppress(Killed):
        await world.update(most_rows=2 * ROWS, writes=writes)
    world.bucket.objects.pop(LEASE_KEY, None)
    await world.update(most_rows=2 * ROWS)
    assert world.bucket.most_often == 1
    assert world.days() == {"01": [1, 2], "03": [3, 4], "05": [5]}


@pytest.mark.parametrize("most_rows", [1000, 2 * ROWS])
async def test_killed_after_any_write_nothing_is_twice_and_the_next_run_completes_it(most_rows: int) -> None:
    undisturbed = await killed_after(None, most_rows)
    expected, writes = undisturbed.files(), len(undisturbed.bucket.asked("PUT"))
    assert len(undisturbed.rows()) == 6 * ROWS
    for death in range(writes):
        world = await killed_after(death, most_rows)
        assert world.bucket.most_often == 1, f"killed after write {death}"
        assert world.files() == expected, f"killed after write {death}"


async def killed_after(writes: int | None, most_rows: int) -> TenantLake:
    """Four days in the lake, and two more, one of them late, by a run that is killed and one that is not."""
    world = TenantLake()
    await world.settle(1, 2, 4, 5)
    await world.update(most_rows=most_rows)
    await world.settle(3, 6)
    world.bucket.seen.clear()
    if writes is None:
        await world.update(most_rows=most_rows)
        return world
    with contextlib.suppress(Killed):
        await world.update(most_rows=most_rows, writes=writes)
    world.bucket.objects.pop(LEASE_KEY, None)  # it has expired when the next run begins
    await world.update(most_rows=most_rows)
    return world


async def test_while_another_process_writes_nothing_is_done(world: TenantLake) -> None:
    await world.settle(1)
    async with Leases(world.store).hold(LEASE_KEY):
        assert await world.update() == LakeChanges(complete=False)
    assert await world.update() == LakeChanges(files=1, days=1)


async def test_a_run_without_time_for_all_is_continued_by_the_next_the_newest_month_first(world: TenantLake) -> None:
    await world.settle(1, 31, 4)
    assert await world.update(times=1) == LakeChanges(files=1, days=1, complete=False)
    assert [key.split("/")[3] for key in world.files()] == ["month=2019-12"]
    assert await world.update(times=1) == LakeChanges(files=1, days=2)
    assert len(world.rows()) == 3 * ROWS


async def test_a_lost_file_is_made_again(world: TenantLake) -> None:
    await world.settle(*range(1, 8))
    await world.update(most_rows=3 * ROWS)
    whole = world.files()
    del world.bucket.objects[f"{MONTH}/from-2019-11-04.parquet"]
    await world.update(most_rows=3 * ROWS)
    assert world.files() == whole


@pytest.mark.parametrize("body", [None, b"", b"{}", b'{"format":1,"files":[],"unreadable":{}}', b'{"format":2}'])
async def test_a_record_that_is_lost_or_unreadable_costs_a_rewrite_and_nothing_else(
    world: TenantLake, body: bytes | None
) -> None:
    await world.settle(*range(1, 8))
    await world.update(most_rows=3 * ROWS)
    whole = world.files()
    if body is None:
        del world.bucket.objects[f"{MONTH}/_files.json"]
    else:
        await world.store.put(f"{MONTH}/_files.json", body)
    assert (await world.update(most_rows=3 * ROWS)).files == 3
    assert world.files() == whole
    assert (await world.update(most_rows=3 * ROWS)).files == 0


async def test_a_large_day_is_read_in_pieces(world: TenantLake) -> None:
    await world.settle(1, 2, count=200)
    whole = TenantLake()
    await whole.settle(1, 2, count=200)
    await whole.update()
    world.bucket.seen.clear()
    await world.update(piece=100)
    assert world.files() == whole.files()
    rows = world.bucket.asked("GET", "/rows.csv.gz")
    assert len(rows) > 2 * 10, "each day takes many reads"


async def test_when_s3_fails_between_two_pieces_the_next_run_writes_the_day(world: TenantLake) -> None:
    await world.settle(1, count=200)
    world.bucket.turns = [True] * 9 + [False]
    with pytest.raises(LedgerUnavailable):
        await world.update(piece=100)
    assert world.bucket.failed[0][1].endswith("/rows.csv.gz")
    assert (world.files(), await world.update(piece=100)) == ({}, LakeChanges(files=1, days=1))
    assert len(world.rows()) == 200


async def test_an_erased_number_is_gone_from_the_lake_after_the_next_run(world: TenantLake) -> None:
    await world.settle(1, 2)
    await world.update()
    key = f"{DayStore(world.store, 'acme', None).folder}/day=2019-11-02/rows.csv.gz"
    rows = gzip.decompress(world.bucket.objects[key].body).replace(b"447700900765", b"4477****0765")
    await world.store.put(key, gzip.compress(rows))
    assert await world.update() == LakeChanges(files=1, days=1)
    numbers = {(row["day"].day, row["msisdn"]) for row in world.rows()}
    assert numbers == {(1, "447700900765"), (2, "4477****0765")}


async def test_a_day_that_was_deleted_is_deleted_here_too_and_comes_back_with_it(world: TenantLake) -> None:
    await world.settle(1, 2)
    await world.update()
    days = {key: stored for key, stored in world.bucket.objects.items() if "/day=2019-11-0" in key}
    for key in days:
        del world.bucket.objects[key]
    await world.update()
    assert world.days() == {"01": []}
    world.bucket.objects |= days
    await world.update()
    assert world.days() == {"01": [1, 2]}


async def test_a_day_that_cannot_be_read_is_left_out_and_counted_until_it_can(world: TenantLake) -> None:
    await world.settle(1, 2, 3)
    key = f"{DayStore(world.store, 'acme', None).folder}/day=2019-11-02/rows.csv.gz"
    whole = world.bucket.objects[key].body
    await world.store.put(key, whole[:-9])
    assert await world.update() == LakeChanges(files=1, days=2, unreadable=1)
    assert world.days() == {"01": [1, 3]}
    assert await world.update() == LakeChanges(files=0, days=0, unreadable=1)
    await world.store.put(key, whole)
    assert await world.update() == LakeChanges(files=1, days=1)
    assert world.days() == {"01": [1, 2, 3]}


async def test_a_day_that_can_no_longer_be_read_stays_in_the_lake_and_stops_no_other_file(world: TenantLake) -> None:
    await world.settle(31, 32)
    await world.update()
    december = "lake/credits/tenant=acme/month=2019-12/from-2019-12-01.parquet"
    whole = world.files()[december]
    key = f"{DayStore(world.store, 'acme', None).folder}/day=2019-12-02/rows.csv.gz"
    await world.store.put(key, b"not gzip at all")
    await world.settle(1)
    assert await world.update() == LakeChanges(files=1, days=1, unreadable=1)
    assert world.files()[december] == whole
    assert world.days()["01"] == [1]


async def test_days_of_a_version_without_blocks_and_without_rollups_come_in(world: TenantLake) -> None:
    """The first version wrote one gzip member a day; a crash may have left a day without its rollup."""
    text = f"{HEADER}\n7,2019-11-02T00:00:00Z,447700900765,Orange,SUCCESS,success,1.50,GBP\n"
    key = f"{DayStore(world.store, 'acme', None).folder}/day=2019-11-02/rows.csv.gz"
    await world.store.put(key, gzip.compress(text.encode()), {"fetched": rfc3339(world.clock())})
    assert await world.update() == LakeChanges(files=1, days=1)
    assert [row["credit_id"] for row in world.rows()] == [7]


async def test_a_day_without_credits_is_done_and_makes_no_row(world: TenantLake) -> None:
    await world.settle(1, count=0)
    await world.settle(2)
    assert await world.update() == LakeChanges(files=1, days=2)
    assert len(world.rows()) == ROWS


async def test_every_cell_arrives_as_it_was_sent(world: TenantLake) -> None:
    odd = LogRow(
        2**64 - 1,
        datetime(2019, 11, 2, 23, 59, 59, 123_000, tzinfo=UTC),
        "+44 7700",
        '=HYPERLINK("x"),\r\nO\\2 "UK" 📱\\',
        "Confirmed",
        "0.1234567890123456",
        "GBP",
    )
    finer = odd._replace(credit_id=1, amount="0.12345678901234567890", network="'+1", raw_outcome='a\\"b')
    large = odd._replace(credit_id=2, amount="-99999999999999999999.5")
    larger = odd._replace(credit_id=3, amount="1E+20", time=odd.time - timedelta(days=1))
    for day, log in ((date(2019, 11, 2), [odd, finer, large]), (date(2019, 11, 1), [larger])):
        store = DayStore(world.store, "acme", None)
        await store.write(day, world.clock(), Rows.of(log), settled=True)
    await world.update()
    found = {int(row["credit_id"]): row for row in world.rows()}
    assert found[2**64 - 1] == {
        "credit_id": Decimal(2**64 - 1),
        "time": odd.time,
        "day": date(2019, 11, 2),
        "msisdn": "+44 7700",
        "network": odd.network,
        "outcome": "SUCCESS",
        "raw_outcome": "Confirmed",
        "amount": Decimal("0.1234567890123456"),
        "raw_amount": "0.1234567890123456",
        "currency": "GBP",
    }
    assert (found[1]["network"], found[1]["raw_outcome"]) == (finer.network, finer.raw_outcome)
    assert [(found[number]["amount"], found[number]["raw_amount"]) for number in (1, 2, 3)] == [
        (None, "0.12345678901234567890"),
        (Decimal(large.amount), large.amount),
        (None, "1E+20"),
    ]
